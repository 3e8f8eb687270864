"""One simulated connection to the broker, through all its losses and returns.

Acknowledgements, back-off, keep-alive and the five seconds after which an alarm without a receipt is sent again are
machine time: a protocol's time-outs do not run faster because a simulated day does.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, cast

import msgspec

from devices.native import Receipt
from devices.wire.mqtt import (
    ClientSession,
    ConnAck,
    Connect,
    ConnectCode,
    Parser,
    PeerError,
    PubAck,
    Publish,
    SessionState,
    Will,
)
from simulator.fleet.pending import Pending
from simulator.fleet.switchboard import Identity, Switchboard
from simulator.fleet.voices.message import Message
from simulator.fleet.witness import Journey

RESEND_AFTER_S: Final = 5.0
"""An alarm without the receipt ``stored`` is sent again. Source: docs/devices.md, "Alarm"."""
KEEP_ALIVE_S: Final = 60
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_SOCKET_PATIENCE_S = 20.0
_LINGERS_S = 1.5
"""A sleeping device stays this long after its last message for receipts to come."""

_receipt = msgspec.json.Decoder(Receipt)


class LinkState(Enum):
    """How a link stands."""

    DOWN = auto()
    CONNECTING = auto()
    UP = auto()
    CUT = auto()
    """Down, and may not come back by itself."""


class _Wire(asyncio.Protocol):
    """One network connection of a link."""

    __slots__ = ("_link", "name", "session", "transport")

    def __init__(self, link: "Link", session: ClientSession, name: str) -> None:
        self._link = link
        self.session = session
        self.name = name
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        if self._link.wants(self):
            self.flush()
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        try:
            packets: Any = self.session.receive(data)
        except PeerError as failure:
            self._link.handle(self, failure.before)
            self.abort()
            return
        if packets:
            self._link.handle(self, packets)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.session.close()
        self._link.lost(self)

    def flush(self) -> None:
        """Write what the session has to say."""
        if self.transport is not None and (output := self.session.output()):
            self.transport.write(output)

    def abort(self) -> None:
        """Break off without a farewell."""
        if self.transport is not None:
            self.transport.abort()


class Link:
    """A client id at the broker. Messages given to :meth:`send` arrive at least once, whatever breaks meanwhile."""

    __slots__ = (
        "_board",
        "_greeting",
        "_idle",
        "_pauses",
        "_pending",
        "_resend",
        "_retry",
        "_task",
        "_will",
        "_wire",
        "came_up",
        "fault",
        "identity",
        "state",
    )

    def __init__(
        self,
        board: Switchboard,
        identity: Identity,
        *,
        greeting: Callable[[str], list[Message]] = lambda session: [],
        will: Callable[[str], Message | None] = lambda session: None,
        came_up: Callable[["Link"], None] = lambda link: None,
    ) -> None:
        self._board = board
        self.identity = identity
        self._greeting = greeting
        self._will = will
        self.came_up = came_up
        self.state = LinkState.DOWN
        self.fault = ""
        """Why the last attempt to connect failed."""
        self._wire: _Wire | None = None
        self._pending = Pending()
        self._pauses = 0
        self._task: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._resend: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is waiting to be sent or acknowledged, nor for a receipt."""
        return self._pending.none

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker has not taken yet."""
        return self._pending.unacknowledged

    def open(self) -> None:
        """Connect, now and whenever the connection is lost, until :meth:`cut` or :meth:`leave`."""
        if self.state in (LinkState.DOWN, LinkState.CUT):
            self.state = LinkState.CONNECTING
            self._task = asyncio.get_running_loop().create_task(self._connect())

    def send(self, message: Message, journey: Journey | None = None) -> None:
        """Send ``message``, now or as soon as there is a connection."""
        self._pending.add(message, journey)
        if self.state is LinkState.UP:
            self._push()
        elif self.state is LinkState.DOWN and self.identity.sleeps:
            self.open()

    def cut(self) -> None:
        """Break off without a farewell, and stay away until :meth:`open`: the broker tells the last will."""
        self._forget_timers()
        self.state = LinkState.CUT
        if self._wire is not None:
            self._wire.abort()

    def drop(self) -> None:
        """Break off without a farewell, and come back by itself."""
        if self._wire is not None:
            self._wire.abort()

    async def leave(self) -> None:
        """Leave in order; the broker forgets the will."""
        self._forget_timers()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._wire is not None:
            self._leave_wire(self._wire)
        self.state = LinkState.CUT

    def ping(self) -> None:
        """Keep the connection alive; one whose last ping found no answer is given up. Once per keep-alive."""
        wire = self._wire
        if wire is None or self.state is not LinkState.UP or wire.session.state is not SessionState.CONNECTED:
            return
        if wire.session.ping_unanswered:
            wire.abort()
            return
        wire.session.ping()
        wire.flush()

    def handle(self, wire: _Wire, packets: Any) -> None:
        """Take notice of what the broker said."""
        if wire is not self._wire:
            return
        counts = self._board.witness.counts
        for packet in packets:
            match packet:
                case PubAck(packet_id=packet_id):
                    journey = self._pending.taken(packet_id)
                    counts.acknowledged += 1
                    if journey is not None and journey.acknowledged is None:
                        journey.acknowledged = self._board.care_now()
                        self._board.witness.acknowledged(journey)
                case Publish(topic=topic, payload=payload):
                    self._hear(topic, payload)
                case ConnAck(code=ConnectCode.ACCEPTED):
                    self._up(wire)
                case ConnAck(code=code):
                    self.fault = f"the broker refuses us: {ConnectCode(code).name.lower().replace('_', ' ')}"
                    counts.connections_failed += 1
                    wire.abort()
        if self.identity.sleeps and not self._pending.unacknowledged:
            self._sleep_soon()

    def wants(self, wire: _Wire) -> bool:
        """Whether a connection that has come about is still wanted: the link may have been cut meanwhile."""
        return wire is self._wire and self.state is LinkState.CONNECTING

    def lost(self, wire: _Wire) -> None:
        """The network connection is gone; come back unless cut."""
        if wire is not self._wire:
            return
        self._wire = None
        if self.state is LinkState.UP:
            self._board.witness.counts.connections_lost += 1
        self._pending.take_back()
        if self.state is LinkState.CUT:
            return
        if self.identity.sleeps and self.at_rest:
            self.state = LinkState.DOWN
            return
        self.state = LinkState.CONNECTING
        self._pause()

    async def _connect(self) -> None:
        self._pending.take_back()
        name = f"{self._board.care_now():.3f}"
        wire = _Wire(self, ClientSession(self._introduction(name), parser=Parser(topics=self._board.topics)), name)
        self._wire = wire
        try:
            async with asyncio.timeout(_SOCKET_PATIENCE_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: wire,
                    self._board.host,
                    self._board.port,
                    local_addr=self._board.source(),
                    ssl=self._board.tls,
                )
        except (OSError, TimeoutError) as failure:
            self.fault = str(failure) or f"no answer within {_SOCKET_PATIENCE_S:g} s"
            self._board.witness.counts.connections_failed += 1
            if self._wire is wire:
                self._wire = None
                if self.state is not LinkState.CUT:
                    self._pause()
            return
        self._retry = asyncio.get_running_loop().call_later(_SOCKET_PATIENCE_S, self._lose_patience, wire)

    def _introduction(self, name: str) -> Connect:
        words, will = self._will(name), None
        own = None if self.identity.password is None else (self.identity.client_id, self.identity.password)
        user, password = own or self._board.login or (None, None)
        if words is not None:
            will = Will(topic=words.topic, payload=words.payload, qos=words.qos, retain=words.retain)
        return Connect(
            client_id=self.identity.client_id,
            keep_alive_s=2 * KEEP_ALIVE_S,
            will=will,
            username=user,
            password=None if password is None else password.encode(),
        )

    def _lose_patience(self, wire: _Wire) -> None:
        if wire.session.state is SessionState.CONNECTING:
            wire.abort()

    def _pause(self) -> None:
        """Come back after half a second, and twice as long after each further failure, with jitter."""
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._pauses, 8)) * self._board.chance.uniform(
            0.5, 1
        )
        self._pauses += 1
        self._retry = asyncio.get_running_loop().call_later(pause_s, self._again)

    def _again(self) -> None:
        if self.state is LinkState.CONNECTING:
            self._task = asyncio.get_running_loop().create_task(self._connect())

    def _up(self, wire: _Wire) -> None:
        self.state = LinkState.UP
        self._pauses = 0
        self._board.witness.counts.connections += 1
        if self._retry is not None:
            self._retry.cancel()
        if self.identity.hears:
            wire.session.subscribe(*((topic, 0) for topic in self.identity.hears))
        for message in self._greeting(wire.name):  # true of this connection only: never taken back
            self._board.witness.counts.published += 1
            wire.session.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)
        self._push()
        if self._pending.awaits:
            self._resend_later()
        self.came_up(self)

    def _push(self) -> None:
        wire = self._wire
        if wire is None:
            return
        counts = self._board.witness.counts
        while (sending := self._pending.next()) is not None:
            message, journey = sending
            packet_id = wire.session.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)
            counts.published += 1
            if journey is not None:
                journey.sendings += 1
                journey.sent = journey.sent or self._board.care_now()
            if packet_id:
                self._pending.flies(packet_id, sending)
        wire.flush()
        if self._pending.awaits and self._resend is None:
            self._resend_later()
        if self.identity.sleeps:
            self._sleep_soon()

    def _hear(self, topic: str, payload: bytes) -> None:
        if not topic.endswith("/receipt"):
            self._board.witness.counts.commands += 1
            return
        told = _receipt.decode(payload)
        self._pending.heard(told.id)
        self._board.witness.hears(self.identity.client_id, told, self._board.care_now())

    def _resend_later(self) -> None:
        if self._resend is not None:
            self._resend.cancel()
        self._resend = asyncio.get_running_loop().call_later(RESEND_AFTER_S, self._resend_alarms)

    def _resend_alarms(self) -> None:
        self._resend = None
        if self.state is not LinkState.UP or not self._pending.awaits:
            return
        self._board.witness.counts.resent += self._pending.repeat()
        self._push()

    def _sleep_soon(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_LINGERS_S, self._sleep)

    def _sleep(self) -> None:
        self._idle = None
        if self.state is LinkState.UP and self.at_rest and self._wire is not None:
            self._leave_wire(self._wire)
            self.state = LinkState.DOWN

    def _leave_wire(self, wire: _Wire) -> None:
        if wire.session.state is SessionState.CONNECTED:
            wire.session.disconnect()
            wire.flush()
        if wire.transport is not None:
            wire.transport.close()

    def _forget_timers(self) -> None:
        for timer in (self._retry, self._resend, self._idle):
            if timer is not None:
                timer.cancel()
        self._resend = None
