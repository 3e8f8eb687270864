"""One run: enrol the village, let it live, make the troubles, attend to the incidents, and reckon."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

from domain.clock import Clock
from simulator.attendance import Attendance
from simulator.causes.truth import HEARD_WITHIN_S
from simulator.enrolment import records, retirements
from simulator.errors import LateBeginning
from simulator.faults.troubles import Handyman, Troublemaker
from simulator.fleet.broker import Broker
from simulator.fleet.deeds import Deed
from simulator.fleet.fleet import Fleet, Manners
from simulator.fleet.player import Lag, play
from simulator.ledger import Evidence, reckon
from simulator.phone.remote import RemotePhone
from simulator.platform import Platform
from simulator.plot import Plot
from simulator.reconciliation import Phones
from simulator.report.summary import Run, Summary, summarise
from simulator.responders import Responder

CONNECTS_PER_S: Final = 400.0
_REGISTERED_AT_ONCE: Final = 20
_CLOCKS_APART_S: Final = 0.25
"""Machine time: how far two readings of care time in two processes may lie apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The platform under test, from outside."""

    api_url: str
    key: str
    broker: Broker
    phone_url: str
    passwords: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Whom to tell how far it has come: done and total."""

    enrolled: Callable[[int, int], None] = lambda done, total: None
    people: Callable[[int, int], None] = lambda done, total: None
    lived: Callable[[int, int], None] = lambda done, total: None
    connected: Callable[[int, int], None] = lambda done, total: None
    played: Callable[[float, float], None] = lambda done, total: None


async def register(phone: RemotePhone, responders: Sequence[Responder], progress: Callable[[int, int], None]) -> None:
    """Put the people at their phones."""
    for begin in range(0, len(responders), _REGISTERED_AT_ONCE):
        batch = responders[begin : begin + _REGISTERED_AT_ONCE]
        await asyncio.gather(*(phone.register(one.person) for one in batch))
        progress(begin + len(batch), len(responders))


async def _nobody_there(process: str, for_s: float) -> None:
    raise ValueError(f"the scenario wants to harm the process {process}, which takes a private stack (--embedded)")


class Simulation:
    """A plot played against a platform. Use as ``async with``; then :meth:`settle`, :meth:`run`, :meth:`reckon`."""

    def __init__(
        self,
        plot: Plot,
        target: Target,
        clock: Clock,
        *,
        speed: float,
        progress: Progress | None = None,
        handyman: Handyman = _nobody_there,
        harmed: bool = False,
        since: datetime | None = None,
    ) -> None:
        """Prepare it. Incidents opened before ``since``, by default an hour before the day, are none of its own."""
        self._plot = plot
        self._clock = clock
        self._speed = speed
        self._harmed = harmed
        self._progress = progress or Progress()
        self._platform = Platform(target.api_url, target.key)
        self._phone = RemotePhone(target.phone_url)
        fleet = plot.scenario.fleet
        self.fleet = Fleet(
            plot.devices,
            host=target.broker.host,
            port=target.broker.port,
            tls=target.broker.tls,
            login=target.broker.login,
            clock=clock,
            passwords=target.passwords,
            manners=Manners(duplicates=fleet.duplicates, reordered=fleet.reordered),
            seed=plot.seed,
        )
        self._troublemaker = Troublemaker(plot.scenario, clock, self.fleet, self._phone, handyman)
        since = since or datetime.fromtimestamp(plot.scenario.start, UTC) - timedelta(hours=1)
        desk = next(one.code for one in plot.responders if one.circle == "duty_desk")
        self._attendance = Attendance(self._platform, clock, since, plot.scenario.journey, plot.seed, desk=desk)
        self._since = since
        self._deeds: list[Deed] = []
        self._lag = Lag()
        self._began_s = time.monotonic()
        self._phones_before = Phones()
        self._complete = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._platform)
            await stack.enter_async_context(self._phone)
            await stack.enter_async_context(self.fleet)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def settle(self) -> None:
        """Live the days beforehand, enrol everything, put the people at their phones, and connect the devices."""
        homes = len(self._plot.outfits)
        deeds = self._plot.deeds(lambda lived: self._progress.lived(lived, homes))
        self._deeds = await asyncio.to_thread(list, deeds)
        enrolled = records(self._plot.outfits, self._plot.responders)
        await self._platform.enrol(enrolled, lambda done: self._progress.enrolled(done, len(enrolled)))
        await register(self._phone, self._plot.responders, self._progress.people)
        self._phones_before = await self._phones()
        await self.fleet.connect(CONNECTS_PER_S, lambda up: self._progress.connected(up, self.fleet.staying))

    async def settle_in_time(self) -> None:
        """:meth:`settle` before the day begins, where nobody can hold the clock. Raises LateBeginning."""
        left_s = (self._plot.scenario.start - self._clock.now().timestamp()) / self._speed
        try:
            async with asyncio.timeout(left_s):
                await self.settle()
        except TimeoutError:
            raise LateBeginning(self.fleet.up, self.fleet.staying) from None

    async def leave(self, progress: Callable[[float, float], None] = lambda done, total: None) -> None:
        """Close what is still open, and retire everything that was enrolled but the county and the models."""
        await self.fleet.leave()
        for incident in await self._platform.incidents(self._since, ("open", "acknowledged", "on_scene")):
            await self._platform.say(incident.id, "close", outcome="test")
        going = retirements(records(self._plot.outfits, self._plot.responders))
        await self._platform.retire(going, lambda done: progress(done, len(going)))

    async def run(self, stop: asyncio.Event) -> None:
        """Play until the last deadline has passed, or ``stop`` is set. Care time must have begun to run."""
        self._began_s = time.monotonic()
        playing = asyncio.create_task(self._play())
        attending = asyncio.create_task(self._attendance.run())
        troubling = asyncio.create_task(self._troublemaker.run(self._plot.scenario.troubles))
        stopped = asyncio.create_task(stop.wait())
        tasks: list[asyncio.Task[Any]] = [playing, attending, troubling, stopped]
        try:
            await asyncio.wait({playing, attending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, attending, troubling):
                if task.done():
                    task.result()
            self._complete = playing.done()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def reckon(self) -> Summary:
        """Read from the platform what it made of it all, and hold it against the truth."""
        ended = self._clock.now()
        listed = await self._platform.incidents(self._since)
        incidents = [await self._platform.whole(incident.id) for incident in listed]
        plot = self._plot
        evidence = Evidence(
            causes=plot.causes,
            incidents=incidents,
            journeys=self.fleet.witness.journeys,
            clocks_off_s={one.device_id: one.clock_off_s for one in plot.devices if one.clock_off_s},
            flapping=plot.broken(),
            phones=await self._phones(),
            listening=plot.listening(self._speed),
            ended_at=ended.timestamp(),
            slack_s=_CLOCKS_APART_S * self._speed + 0.5,
            heard_s=HEARD_WITHIN_S * self._speed,
        )
        run = Run(
            scenario=plot.scenario.name,
            seed=plot.seed,
            homes=len(plot.outfits),
            devices=len(plot.devices),
            speed=self._speed,
            harmed=self._harmed,
            begins=plot.scenario.start,
            ended=ended.timestamp(),
            complete=self._complete,
            machine_s=round(time.monotonic() - self._began_s, 1),
            deeds=len(self._lag.late_s),
            player_lag_p99_s=round(self._lag.percentile(99), 3),
        )
        return summarise(reckon(evidence), run, self.fleet.witness, self._attendance.troubles)

    async def _phones(self) -> Phones:
        """What the phone network has seen of the people of this village since they were put at their phones."""
        before = self._phones_before
        texts = Counter(one.to for one in await self._phone.messages() if one.direction == "outbound-api")
        texts.subtract(before.texts)
        return Phones(
            lines=await self._phone.transcript(after=len(before.lines)),
            texts=texts,
            people={one.person.number: one.code for one in self._plot.responders},
        )

    async def _play(self) -> None:
        plot = self._plot
        start, end = plot.scenario.start, plot.end

        def played(at: float) -> None:
            self._progress.played(max(0.0, at - start), end - start)

        await play(self._deeds, self.fleet, self._clock, self._lag, played)
        while (now := self._clock.now().timestamp()) < end:
            played(now)
            await self._clock.sleep_until(datetime.fromtimestamp(min(end, now + self._speed), UTC))
        played(end)
