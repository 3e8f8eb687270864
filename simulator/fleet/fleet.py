"""A fleet: the devices of many homes on one event loop, each behaving as its model does."""

import asyncio
import itertools
import random
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from devices.topics import Channel, Topic
from devices.wire.mqtt import TopicCache
from domain.clock import Clock
from simulator.fleet.deeds import Alarms, Babbles, Deed, Tells, Vanishes
from simulator.fleet.link import KEEP_ALIVE_S, Link, LinkState
from simulator.fleet.outfit import Device
from simulator.fleet.switchboard import Identity, Switchboard
from simulator.fleet.voices.choir import voice_of
from simulator.fleet.voices.message import Message, Voice
from simulator.fleet.witness import Journey, Witness

_PORTS_OF_A_SOURCE: Final = 20_000
"""Connections from one loopback address, below Linux's 28,232 ephemeral ports. Source: ip(7)."""
_TOLD_EVERY: Final = 100
_LATE_S: Final = 0.4
"""A message that is overtaken by the next one waits no longer than this for it (machine time)."""


def sources() -> Callable[[], tuple[str, int]]:
    """Local addresses for connections to this machine: 127.0.0.2, and the next one when its ports run out."""
    used: Iterator[int] = itertools.count()
    return lambda: (f"127.0.0.{2 + next(used) // _PORTS_OF_A_SOURCE}", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How messages go astray on their way, as shares."""

    duplicates: float = 0.0
    reordered: float = 0.0


@dataclass(slots=True)
class _Puppet:
    """One device: its voice, the link that carries it, and what it has not been able to say."""

    device: Device
    voice: Voice
    link: Link
    backlog: list[Tells] = field(default_factory=list)
    powerless_until: float = 0.0


class Fleet:
    """Devices on their own connections or their gateway's. Use as ``async with``: at its end they leave in order."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        host: str,
        port: int,
        clock: Clock,
        passwords: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        manners: Manners | None = None,
        seed: int = 0,
    ) -> None:
        self.witness = Witness()
        self._clock = clock
        self._chance = random.Random(seed)
        self._manners = manners or Manners()
        loopback = host.startswith("127.") or host == "localhost"
        self._board = Switchboard(
            host=host,
            port=port,
            witness=self.witness,
            care_now=lambda: clock.now().timestamp(),
            topics=TopicCache(limit=65_536),
            chance=random.Random(seed + 1),
            source=sources() if loopback else lambda: None,
            tls=tls,
            login=login,
        )
        self._passwords = passwords or {}
        self._puppets: dict[str, _Puppet] = {}
        self._links: dict[str, Link] = {}
        self._behind: dict[str, list[_Puppet]] = {}
        self._held: dict[str, Message] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        for device in sorted(devices, key=lambda device: device.speaks_through != device.device_id):
            self._add(device)

    @property
    def links(self) -> Sequence[Link]:
        """All connections, up or not."""
        return list(self._links.values())

    @property
    def up(self) -> int:
        """How many connections stand."""
        return sum(link.state is LinkState.UP for link in self._links.values())

    @property
    def staying(self) -> int:
        """How many connections are meant to stand all the time: those of devices that do not sleep."""
        return sum(not link.identity.sleeps for link in self._links.values())

    async def __aenter__(self) -> Self:
        self._spawn(self._keep_alive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Everybody leaves in good order; nobody comes back by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.leave() for link in self._links.values()))

    async def connect(self, per_s: float, progress: Callable[[int], None] = lambda count: None) -> None:
        """Connect everybody who stays connected, ``per_s`` a second, and return when all are."""
        staying = [link for link in self._links.values() if not link.identity.sleeps]
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for index, link in enumerate(staying):
            due_s = began_s + index / per_s
            if (early_s := due_s - loop.time()) > 0:
                await asyncio.sleep(early_s)
            link.open()
            if index % _TOLD_EVERY == 0:
                progress(self.up)
        while self.up < len(staying):
            progress(self.up)
            await asyncio.sleep(0.05)
        progress(self.up)

    def do(self, deed: Deed, *, timed: bool = False) -> None:
        """Let a device do something now; ``timed``: have the witness told when the broker has taken it."""
        puppet = self._puppets[deed.device]
        if puppet.powerless_until > deed.at:
            return
        match deed:
            case Vanishes():
                self._vanish(puppet, deed)
            case Tells() if not timed and puppet.link.state is not LinkState.UP and not puppet.link.identity.sleeps:
                puppet.backlog.append(deed)
            case Tells() | Alarms() | Babbles():
                for message in puppet.voice.says(deed):
                    self._send(puppet, message, deed.at, timed=timed)

    def storm(self, share: float, back_within_s: float) -> int:
        """Break a share of all connections at once; they come back within ``back_within_s`` of machine time."""
        up = [link for link in self._links.values() if link.state is LinkState.UP]
        struck = self._chance.sample(up, round(len(up) * share))
        loop = asyncio.get_running_loop()
        for link in struck:
            link.cut()
            loop.call_later(self._chance.uniform(0, back_within_s), link.open)
        return len(struck)

    def _add(self, device: Device) -> None:
        voice = voice_of(device)
        if device.speaks_through == device.device_id:
            heard = (Channel.RECEIPT, Channel.COMMAND) if device.model.hears else ()
            identity = Identity(
                client_id=device.device_id,
                password=self._passwords.get(device.device_id),
                hears=tuple(str(Topic(device.cell, device.device_id, channel)) for channel in heard),
                sleeps=device.model.sleeps,
            )
            self._links[device.device_id] = Link(
                self._board, identity, greeting=voice.greeting, will=voice.will, came_up=self._catch_up
            )
        puppet = _Puppet(device, voice, self._links[device.speaks_through])
        self._puppets[device.device_id] = puppet
        self._behind.setdefault(device.speaks_through, []).append(puppet)

    def _send(self, puppet: _Puppet, message: Message, planned: float, *, timed: bool) -> None:
        journey = Journey(device=puppet.device.device_id, event="", planned=planned) if timed else None
        if message.event:
            journey = self.witness.plans(puppet.device.device_id, message.event, planned)
        held = self._held.pop(puppet.device.device_id, None)
        if held is None and journey is None and self._chance.random() < self._manners.reordered:
            self._held[puppet.device.device_id] = message
            asyncio.get_running_loop().call_later(_LATE_S, self._release, puppet, message)
            return
        puppet.link.send(message, journey)
        if self._chance.random() < self._manners.duplicates:
            puppet.link.send(message, journey)
        if held is not None:
            puppet.link.send(held)

    def _release(self, puppet: _Puppet, message: Message) -> None:
        if self._held.get(puppet.device.device_id) is message:
            del self._held[puppet.device.device_id]
            puppet.link.send(message)

    def _vanish(self, puppet: _Puppet, deed: Vanishes) -> None:
        behind = self._behind.get(deed.device, [puppet])
        if deed.powerless:
            for one in behind:
                one.powerless_until = deed.at + deed.for_s
        if puppet.link.identity.client_id == deed.device:
            puppet.link.cut()
            self._spawn(self._return(puppet.link, deed.at + deed.for_s))

    async def _return(self, link: Link, moment: float) -> None:
        """Open ``link`` again when care time has reached ``moment``."""
        await self._clock.sleep_until(datetime.fromtimestamp(moment, UTC))
        link.open()

    def _catch_up(self, link: Link) -> None:
        """Greet for whoever stands behind the link, and tell what was measured without a connection."""
        for puppet in self._behind.get(link.identity.client_id, []):
            if puppet.device.device_id != link.identity.client_id:
                for message in puppet.voice.greeting(""):
                    link.send(message)
            if puppet.backlog:
                for message in puppet.voice.history(puppet.backlog):
                    link.send(message)
                puppet.backlog = []

    async def _keep_alive(self) -> None:
        """Ping each link once in a keep-alive, a part of them every second."""
        for second in itertools.count():
            for link in list(self._links.values())[second % KEEP_ALIVE_S :: KEEP_ALIVE_S]:
                link.ping()
            await asyncio.sleep(1)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
