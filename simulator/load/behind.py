"""How far the platform is behind with what the devices say, seen through its interface all the while."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from simulator.clock import AcceleratedClock
from simulator.errors import PlatformRefused
from simulator.fleet.deeds import Tells
from simulator.fleet.fleet import Fleet
from simulator.fleet.outfit import Device
from simulator.platform import Platform

_EVERY_S: Final = 0.25
_LEVELS_PCT: Final = (80.0, 40.0)
"""In turn: a level that has hardly changed may be shown a minute later, a change at once."""
_DRAIN_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """At ``at`` (epoch seconds) the newest reading that could be read was ``behind_s`` old."""

    at: float
    behind_s: float


@dataclass(slots=True)
class Behind:
    """A device among all others, with the right time, that says every quarter of a second what time it is. Use as
    ``async with``, and :meth:`watch` meanwhile.
    """

    platform: Platform
    sentinel: Device
    host: str
    port: int
    password: str | None = None
    seen: list[Seen] = field(default_factory=list)
    _said: int = 0
    _clock: AcceleratedClock = field(default_factory=AcceleratedClock)
    _fleet: Fleet = field(init=False)

    async def __aenter__(self) -> Self:
        passwords = {} if self.password is None else {self.sentinel.device_id: self.password}
        self._fleet = Fleet([self.sentinel], host=self.host, port=self.port, clock=self._clock, passwords=passwords)
        await self._fleet.__aenter__()
        await self._fleet.connect(1.0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fleet.__aexit__(kind, error, trace)

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> float | None:
        """Send what time it is, and see what time the platform knows of: how far that is back, None for nothing yet."""
        now = self._clock.now().timestamp()
        level = _LEVELS_PCT[self._said % len(_LEVELS_PCT)]
        self._said += 1
        self._fleet.do(Tells(now, self.sentinel.device_id, {"battery_pct": level}))
        try:
            newest = await self.platform.battery_at(self.sentinel.device_id)
        except PlatformRefused:
            return None
        if newest is None:
            return None
        behind_s = self._clock.now().timestamp() - newest.timestamp()
        self.seen.append(Seen(now, behind_s))
        return behind_s

    async def drained(self, within_s: float) -> float:
        """How long it takes from now until a reading sent now can be read; ``within_s`` if it takes longer."""
        began = self._clock.now().timestamp()
        waited_s = 0.0
        while waited_s < within_s:
            behind_s = await self.look()
            waited_s = self._clock.now().timestamp() - began
            if behind_s is not None and behind_s <= waited_s:
                return waited_s
            await asyncio.sleep(_DRAIN_LOOK_S)
        return within_s

    def highest_s(self, began_at: float, seconds: float) -> float | None:
        """The furthest it was behind in ``seconds`` from ``began_at`` (epoch seconds); None if nobody looked."""
        ends = began_at + seconds
        return max((round(one.behind_s, 2) for one in self.seen if began_at <= one.at < ends), default=None)
