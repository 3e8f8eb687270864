"""One native device in somebody's hand: pressed, measured with, and listened to."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

from devices import native
from devices.model import DeviceKind, Hazard, SignalState
from devices.native import Receipt
from devices.topics import Channel, Topic
from domain.clock import Clock
from simulator.clock import AcceleratedClock
from simulator.errors import NoBroker
from simulator.fleet.broker import Broker
from simulator.fleet.catalogue import Model
from simulator.fleet.deeds import Alarms, Quantities, Tells
from simulator.fleet.fleet import Fleet
from simulator.fleet.outfit import Device
from simulator.fleet.voices.message import Message
from simulator.fleet.witness import Journey
from simulator.lives.people import Room

_MODEL: Final = Model(name="in-hand", kind=DeviceKind.CALL_BUTTON, silent_after_s=90_000, heartbeat_s=21_600)
_CONNECTS_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.01


class DeviceInHand:
    """A device on a connection of its own while entered (``async with``).

    Raises NoBroker on entering if the broker cannot be reached, or refuses us.
    """

    def __init__(
        self, broker_url: str, cell: str, device_id: str, *, password: str | None = None, clock: Clock | None = None
    ) -> None:
        self._clock = clock or AcceleratedClock()
        self._id = device_id
        self._status = str(Topic(cell, device_id, Channel.STATUS))
        self._broker = Broker.at(broker_url)
        device = Device(
            device_id=device_id,
            model=_MODEL,
            home="",
            resident=None,
            room=Room.BEDROOM,
            address=None,
            speaks_through=device_id,
            battery_pct=100,
            clock_off_s=0,
            cell=cell,
        )
        self._fleet = Fleet(
            [device],
            host=self._broker.host,
            port=self._broker.port,
            tls=self._broker.tls,
            login=self._broker.login,
            clock=self._clock,
            passwords={device_id: password} if password is not None else None,
        )
        self._told: dict[str, asyncio.Queue[Receipt]] = {}
        self._fleet.witness.told = lambda journey, told: self._told[journey.event].put_nowait(told)

    async def __aenter__(self) -> Self:
        await self._fleet.__aenter__()
        try:
            async with asyncio.timeout(_CONNECTS_WITHIN_S):
                await self._fleet.connect(per_s=1000)
        except TimeoutError as error:
            await self._fleet.__aexit__(None, None, None)
            where = f"{self._broker.host}:{self._broker.port}"
            raise NoBroker(where, self._fleet.links[0].fault or f"no answer in {_CONNECTS_WITHIN_S:g} s") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fleet.__aexit__(kind, error, trace)

    def press(self, hazard: Hazard = Hazard.SOS, state: SignalState = SignalState.RAISED) -> Journey:
        """Send an alarm, again every 5 s under the same id until the first receipt for it has come."""
        event = uuid.uuid4().hex[:12]
        self._told[event] = asyncio.Queue()
        self._fleet.do(Alarms(at=self._now(), device=self._id, hazard=hazard, state=state, event=event))
        return self._fleet.witness.journeys[f"{self._id}/{event}"]

    async def receipts(self, journey: Journey) -> AsyncIterator[Receipt]:
        """The receipts for an alarm, each stage once, as they come; never ends by itself."""
        while True:
            yield await self._told[journey.event].get()

    async def measure(self, quantities: Quantities) -> None:
        """Send a reading, and return once the broker has it."""
        self._fleet.do(Tells(at=self._now(), device=self._id, quantities=quantities))
        await self._taken()

    async def say_online(self, online: bool) -> None:
        """Say in its status whether it is connected, and return once the broker has it."""
        payload = native.encode_status(online=online, session=uuid.uuid4().hex[:8])
        self._fleet.links[0].send(Message(self._status, payload, retain=True))
        await self._taken()

    async def _taken(self) -> None:
        while self._fleet.links[0].unacknowledged:  # noqa: ASYNC110 - a link counts, and tells nobody
            await asyncio.sleep(_LOOK_EVERY_S)

    def _now(self) -> float:
        return self._clock.now().timestamp()
