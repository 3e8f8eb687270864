"""A session with the broker on one network connection: connecting, keeping alive, noticing its end.

Messages are handed over in pieces as they come; nothing is acknowledged but what :meth:`BrokerSession.acknowledge` is
given. A session that has ended stays ended: whoever wants to go on opens another, under the same client id.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import structlog

from devices.wire import mqtt
from ingest.config import MAX_PAYLOAD_BYTES, Broker
from ingest.errors import BrokerUnavailable

log = structlog.get_logger(__name__)

Message = mqtt.Publish | mqtt.Oversized
Receive = Callable[["BrokerSession", Sequence[Message]], None]
"""What is called with the session and the messages of one read, in order."""

CONNECT_WITHIN_S: Final = 15.0
_HEADER_BYTES: Final = 65_535 + 16  # a topic, the packet id, the fixed header
_TOPICS_KEPT: Final = 500_000
_RECEIVE_BUFFER_BYTES: Final = 32_768

_REFUSALS: Final = {
    mqtt.ConnectCode.BAD_CREDENTIALS: "wrong user name or password: check broker_url and the broker's users",
    mqtt.ConnectCode.NOT_AUTHORIZED: "this user may not connect: check the broker's users",
    mqtt.ConnectCode.IDENTIFIER_REJECTED: "the broker does not take our client id",
    mqtt.ConnectCode.SERVER_UNAVAILABLE: "the broker says that it is not ready",
    mqtt.ConnectCode.UNACCEPTABLE_PROTOCOL: "the broker does not speak MQTT 3.1.1",
}


class BrokerSession(asyncio.Protocol):
    """One connection. Use :func:`connect`; await :attr:`ended` for the reason of its end."""

    def __init__(self, connect: mqtt.Connect, where: str, receive: Receive) -> None:
        topics = mqtt.TopicCache(_TOPICS_KEPT)
        parser = mqtt.Parser(max_packet_bytes=MAX_PAYLOAD_BYTES + _HEADER_BYTES, topics=topics)
        self._session = mqtt.ClientSession(connect, parser=parser)
        self._where = where
        self._receive = receive
        self._transport: asyncio.Transport | None = None
        self._keep_alive_s = connect.keep_alive_s
        loop = asyncio.get_running_loop()
        self._answers: dict[int, asyncio.Future[mqtt.Incoming]] = {}
        self._accepted: asyncio.Future[mqtt.ConnAck] = loop.create_future()
        self.ended: asyncio.Future[BrokerUnavailable] = loop.create_future()
        self.paused = False
        self._heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: say who we are."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        _settle(transport.get_extra_info("socket"))
        self._write()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: hand messages over, answer what the session itself has to answer."""
        self._heard = True
        try:
            packets = self._session.receive(data)
        except mqtt.PeerError as error:
            self._handle(error.before)
            self._end(f"it broke the protocol: {error}")
            return
        self._handle(packets)
        self._write()

    def _handle(self, packets: Sequence[mqtt.Incoming]) -> None:
        messages: list[Message] = []
        for packet in packets:
            if type(packet) is mqtt.Publish or type(packet) is mqtt.Oversized:  # a union would be made anew each time
                messages.append(packet)
            elif isinstance(packet, mqtt.ConnAck):
                if not self._accepted.done():
                    self._accepted.set_result(packet)
            elif isinstance(packet, mqtt.SubAck | mqtt.UnsubAck | mqtt.PubAck):
                answer = self._answers.pop(packet.packet_id, None)
                if answer is not None and not answer.done():
                    answer.set_result(packet)
        if messages:
            self._receive(self, messages)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio: the network connection is gone."""
        self._end(f"the connection is lost ({exc})" if exc else "it has closed the connection")

    def _end(self, reason: str) -> None:
        self._session.close()
        error = BrokerUnavailable(self._where, reason)
        if not self.ended.done():
            self.ended.set_result(error)
        waiting: list[asyncio.Future[Any]] = [self._accepted, *self._answers.values()]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(error)
                answer.exception()  # whoever waits gets it; nobody else need be told that it was not asked for
        if self._transport is not None:
            self._transport.abort()

    def _write(self) -> None:
        output = self._session.output()
        if output and self._transport is not None and not self._transport.is_closing():
            self._transport.write(output)

    async def accepted(self) -> mqtt.ConnAck:
        """The broker's consent. Raises :class:`BrokerUnavailable` if it refuses."""
        answer = await self._accepted
        if answer.code is not mqtt.ConnectCode.ACCEPTED:
            reason = _REFUSALS.get(answer.code, f"refused with code {answer.code}")
            self._end(reason)
            raise BrokerUnavailable(self._where, reason)
        return answer

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Ask for ``filters`` with QoS 1. Raises :class:`BrokerUnavailable` if any of them is refused."""
        packet_id = self._session.subscribe(*((one, 1) for one in filters))
        granted = await self._answer(packet_id)
        assert isinstance(granted, mqtt.SubAck)
        refused = [one for one, code in zip(filters, granted.granted, strict=True) if code != 1]
        if refused:
            reason = f"it does not grant {', '.join(refused)} with QoS 1: check what this user may read"
            self._end(reason)
            raise BrokerUnavailable(self._where, reason)

    async def _answer(self, packet_id: int) -> mqtt.Incoming:
        answer: asyncio.Future[mqtt.Incoming] = asyncio.get_running_loop().create_future()
        self._answers[packet_id] = answer
        self._write()
        return await answer

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Tell the broker, in one write, that the effect of these messages is committed."""
        self._session.acknowledge(packet_ids)
        self._write()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 0; nothing happens if the session has ended."""
        with suppress(mqtt.SessionUnavailable):
            self._session.publish(topic, payload)
            self._write()

    async def publish_surely(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1 and wait until the broker has it. Raises :class:`BrokerUnavailable`."""
        try:
            packet_id = self._session.publish(topic, payload, qos=1)
        except mqtt.SessionUnavailable as error:
            raise BrokerUnavailable(self._where, str(error)) from error
        await self._answer(packet_id)

    def pause(self, paused: bool) -> None:
        """Read nothing more, or go on reading."""
        if paused == self.paused or self._transport is None or self._transport.is_closing():
            return
        self.paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    async def keep_alive(self) -> None:
        """Ask for a sign of life twice in each interval, and end the session if none comes. Runs until it has ended.

        While reading is paused no answer can be seen: then only the kernel's own probes notice a dead peer.
        """
        while not self.ended.done():
            self._session.ping()
            self._write()
            self._heard = False
            paused = self.paused
            await asyncio.wait([self.ended], timeout=self._keep_alive_s / 2)
            if not (self._heard or paused or self.paused or self.ended.done()):
                self._end(f"no sign of life for {self._keep_alive_s / 2:g} s")

    async def leave(self) -> None:
        """Take leave in order: the broker keeps the session and publishes no will."""
        if not self.ended.done():
            self._session.disconnect()
            self._write()
            if self._transport is not None:
                self._transport.close()
            await asyncio.wait([self.ended], timeout=CONNECT_WITHIN_S)
        self._end("we left")


def _settle(raw: socket.socket | None) -> None:
    """Have the kernel end a connection whose peer has been unreachable for some 20 s, and hand over at once no more
    than some 10 ms of work: meanwhile no commit is heard of. Source: tcp(7), socket(7).
    """
    if raw is None or raw.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    options = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
    for name, value in options.items():
        if hasattr(socket, name):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def connect(
    broker: Broker,
    client_id: str,
    receive: Receive,
    *,
    clean: bool,
    keep_alive_s: int,
) -> BrokerSession:
    """A session under ``client_id``, accepted by the broker; ``receive`` gets what comes. Not ``clean``: the broker
    keeps it, with what comes meanwhile, when the connection ends. Raises :class:`BrokerUnavailable`.
    """
    packet = mqtt.Connect(
        client_id=client_id,
        clean_session=clean,
        keep_alive_s=keep_alive_s,
        username=broker.username,
        password=broker.password.get_secret_value().encode() if broker.password else None,
    )
    session: BrokerSession | None = None
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            tls = ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None
            _, session = await asyncio.get_running_loop().create_connection(
                lambda: BrokerSession(packet, broker.where, receive), broker.host, broker.port, ssl=tls
            )
            await session.accepted()
    except (OSError, TimeoutError) as error:
        if session is not None:
            await session.leave()
        reason = str(error) or f"no answer within {CONNECT_WITHIN_S:g} s"
        raise BrokerUnavailable(broker.where, reason) from error
    return session
