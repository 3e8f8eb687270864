"""One MQTT 3.1.1 connection seen from the client, sans-io: what to answer, and when."""

from collections.abc import Iterable, Sequence
from enum import Enum, auto

from devices.wire.errors import InvalidField, PeerError, SessionUnavailable, UnexpectedPacket
from devices.wire.mqtt_encode import encode, encode_pubacks, encode_publish, encode_pubrecs
from devices.wire.mqtt_packets import (
    MAX_PACKET_ID,
    ConnAck,
    Connect,
    ConnectCode,
    Disconnect,
    Incoming,
    Oversized,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    Publish,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
)
from devices.wire.mqtt_parser import Parser


class SessionState(Enum):
    """How far the connection has come."""

    CONNECTING = auto()
    CONNECTED = auto()
    CLOSED = auto()


class ClientSession:
    """Speaks for the client on one network connection; the caller moves the bytes and owns the clock.

    Feed what arrives to :meth:`receive`; write :meth:`output` to the connection after every call. A new network
    connection takes a new session: an acknowledgement can then never reach a connection on which the packet id
    means another message.

    **Nothing is acknowledged of its own accord.** :meth:`receive` hands over each :class:`Publish` or
    :class:`Oversized`; the server keeps it until its packet id is given to :meth:`acknowledge`, which the caller does
    once the message's effect is committed. With QoS 2 that sends PUBREC, and repeats of the message are answered here
    and not handed over again, until the server releases the packet id.

    ``unreleased`` are the packet ids that :meth:`close` of the session before returned; they count only if the server
    still has that session. Call :meth:`close` after the last :meth:`acknowledge` of the old session: a QoS 2 message
    committed later is sent, and handed over, once more.

    Source: sections 4.3 and 4.4 (delivery), 3.1.4 (the client need not wait for CONNACK).
    """

    __slots__ = (
        "_next_id",
        "_output",
        "_parser",
        "_unanswered",
        "_undecided",
        "_unreleased",
        "ping_unanswered",
        "state",
    )

    def __init__(self, connect: Connect, *, parser: Parser | None = None, unreleased: Iterable[int] = ()) -> None:
        self._output = bytearray(encode(connect))
        self._parser = Parser() if parser is None else parser
        self._next_id = 1
        self._unanswered: dict[int, type[Packet]] = {}  # packet id of ours: the answer that is due
        self._undecided: set[int] = set()  # QoS 2 received, not yet acknowledged by the caller
        self._unreleased = set[int]() if connect.clean_session else set(unreleased)  # PUBREC sent, PUBREL due
        self.state = SessionState.CONNECTING
        self.ping_unanswered = False

    def receive(self, chunk: bytes | bytearray | memoryview) -> list[Incoming]:
        """Return what the caller has to know: messages, CONNACK, SUBACK, UNSUBACK, PUBACK and PUBCOMP.

        A CONNACK that refuses closes the session. A closed session is deaf and returns nothing. Raises
        :class:`PeerError`, and nothing else, when the connection has to be dropped; ``before`` of the error holds what
        came before the fault and is still to be handled.
        """
        if self.state is SessionState.CLOSED:
            return []
        handed_over: list[Incoming] = []
        try:
            try:
                self._handle(self._parser.feed(chunk), handed_over)
            except PeerError as failure:
                self._handle(failure.before, handed_over)
                raise
        except PeerError as failure:
            self.state = SessionState.CLOSED
            failure.before = tuple(handed_over)
            raise
        return handed_over

    def output(self) -> bytes:
        """Return, once, what is to be written to the connection now."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge messages whose effect is committed, in the order in which they came.

        The 0 of QoS 0 messages is passed over. On a closed session nothing is sent.
        """
        if 0 in packet_ids:
            packet_ids = [packet_id for packet_id in packet_ids if packet_id]
        if self._undecided:
            received = [packet_id for packet_id in packet_ids if packet_id in self._undecided]
            packet_ids = [packet_id for packet_id in packet_ids if packet_id not in self._undecided]
            self._undecided.difference_update(received)
            self._unreleased.update(received)
            self._send(encode_pubrecs(received))
        self._send(encode_pubacks(packet_ids))

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False, resend_of: int = 0) -> int:
        """Send a message; return its packet id, which PUBACK or PUBCOMP will name, or 0 with QoS 0.

        ``resend_of``: the packet id under which an earlier connection of this session sent it, with QoS 1, and got no
        answer; it is sent under that id again, as a repeat. Resend first, then send what is new.
        Source: [MQTT-4.4.0-1].
        """
        if resend_of and (qos != 1 or resend_of in self._unanswered):
            raise InvalidField("resend_of", resend_of, "QoS 1 and an id not in use on this connection", "MQTT-2.3.1-2")
        packet_id = (resend_of or self._free_id()) if qos else 0
        packet = encode_publish(topic, payload, qos=qos, retain=retain, dup=bool(resend_of), packet_id=packet_id)
        return self._ask(packet, packet_id, PubRec if qos == 2 else PubAck)

    def subscribe(self, *subscriptions: tuple[str, int]) -> int:
        """Ask for topics, as pairs of topic filter and QoS; return the packet id that SUBACK will name."""
        packet_id = self._free_id()
        return self._ask(encode(Subscribe(packet_id, subscriptions)), packet_id, SubAck)

    def unsubscribe(self, *filters: str) -> int:
        """Give up topic filters; return the packet id that UNSUBACK will name."""
        packet_id = self._free_id()
        return self._ask(encode(Unsubscribe(packet_id, filters)), packet_id, UnsubAck)

    def ping(self) -> None:
        """Ask whether the server is there; ``ping_unanswered`` is true until it answers.

        To be called at least once in every ``keep_alive_s``. Who finds the last ping unanswered by then has lost the
        server. Source: section 3.1.2.10.
        """
        self._send(encode(PingReq()))
        self.ping_unanswered = True

    def disconnect(self) -> None:
        """Leave in order: the server forgets the will, and nothing more is sent. Source: section 3.14.4."""
        self._send(encode(Disconnect()))
        self.state = SessionState.CLOSED

    def close(self) -> frozenset[int]:
        """End the session, its connection being gone; return what the next session takes as ``unreleased``."""
        self.state = SessionState.CLOSED
        return frozenset(self._unreleased)

    def _handle(self, packets: Sequence[Incoming], handed_over: list[Incoming]) -> None:
        for packet in packets:
            plain = type(packet) is Publish and packet.qos < 2 and self.state is SessionState.CONNECTED
            if plain or self._concerns_caller(packet):
                handed_over.append(packet)

    def _concerns_caller(self, packet: Incoming) -> bool:
        if self.state is not SessionState.CONNECTED:
            self._connected(packet)
            return True
        match packet:
            case Publish(qos=2) | Oversized(qos=2):
                return self._is_new(packet.packet_id)
            case Publish() | Oversized():
                return True
            case PubRel():
                self._release(packet.packet_id)
                return False
            case PubRec():
                self._answered(packet, packet.packet_id, PubRec, PubComp)
                self._unanswered[packet.packet_id] = PubComp
                self._send(encode(PubRel(packet.packet_id)))
                return False
            case PubAck() | PubComp() | SubAck() | UnsubAck():
                self._answered(packet, packet.packet_id, type(packet))
                self._unanswered.pop(packet.packet_id, None)
                return True
            case PingResp():
                self.ping_unanswered = False
                return False
        raise UnexpectedPacket("packet from a server", type(packet).__name__, "only what servers send", "MQTT-4.8.0-1")

    def _connected(self, packet: Incoming) -> None:
        if self.state is SessionState.CLOSED or type(packet) is not ConnAck:
            raise UnexpectedPacket(
                "first packet", type(packet).__name__, "CONNACK, then more if it accepts", "MQTT-3.2.0-1"
            )
        if packet.code is not ConnectCode.ACCEPTED:
            self.state = SessionState.CLOSED
            return
        self.state = SessionState.CONNECTED
        if not packet.session_present:
            self._unreleased.clear()

    def _is_new(self, packet_id: int) -> bool:
        """Tell whether a QoS 2 message is to be handed over. Source: section 4.3.3, [MQTT-4.3.3-2]."""
        if packet_id in self._unreleased:
            self._send(encode(PubRec(packet_id)))
            return False
        if packet_id in self._undecided:
            return False
        self._undecided.add(packet_id)
        return True

    def _release(self, packet_id: int) -> None:
        """Forget a QoS 2 packet id; an unknown one too is answered, for the server waits. Source: [MQTT-4.3.3-2]."""
        if packet_id in self._undecided:
            raise UnexpectedPacket("PUBREL packet id", packet_id, "a message that we acknowledged", "MQTT-4.3.3-1")
        self._unreleased.discard(packet_id)
        self._send(encode(PubComp(packet_id)))

    def _answered(self, packet: Incoming, packet_id: int, *allowed: type[Packet]) -> None:
        """Raise unless the answer suits what we asked under this packet id; an answer to nothing is harmless."""
        due = self._unanswered.get(packet_id)
        if due is not None and due not in allowed:
            raise UnexpectedPacket(
                f"answer to packet id {packet_id}", type(packet).__name__, due.__name__, "MQTT-4.8.0-1"
            )

    def _free_id(self) -> int:
        if len(self._unanswered) == MAX_PACKET_ID:
            raise SessionUnavailable(
                "packets without an answer", MAX_PACKET_ID, f"below {MAX_PACKET_ID}", "section 2.3.1"
            )
        while self._next_id in self._unanswered:
            self._next_id = self._next_id % MAX_PACKET_ID + 1
        return self._next_id

    def _ask(self, packet: bytes, packet_id: int, answer: type[Packet]) -> int:
        if self.state is SessionState.CLOSED:
            raise SessionUnavailable("session", "closed", "a session that is not", "MQTT-3.14.4-2")
        self._output += packet
        if packet_id:
            self._unanswered[packet_id] = answer
            self._next_id = packet_id % MAX_PACKET_ID + 1
        return packet_id

    def _send(self, packets: bytes) -> None:
        if self.state is not SessionState.CLOSED:
            self._output += packets
