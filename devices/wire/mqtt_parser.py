"""MQTT 3.1.1: a stream of bytes into packets, whatever pieces it comes in."""

from devices.wire.errors import InvalidField, MalformedPacket, PacketTooLarge, PeerError
from devices.wire.mqtt_body import control_for
from devices.wire.mqtt_packets import Incoming, Oversized, Publish
from devices.wire.mqtt_text import check_topic, decode_text

DEFAULT_MAX_PACKET_BYTES = 1_048_576
"""1 MiB, the largest payload that nats-server takes by default."""

DEFAULT_TOPICS_KEPT = 4_096

_LENGTH = "section 2.2.3"
_OWN_LIMIT = "max_packet_bytes of this parser"
_TOPIC = "PUBLISH topic name"

_PUBLISH_FLAGS = {
    0x30 | dup << 3 | qos << 1 | retain: (qos, bool(retain), bool(dup))
    for dup in (0, 1)
    for qos in (0, 1, 2)
    for retain in (0, 1)
}
"""First byte of a PUBLISH to QoS, RETAIN, DUP; QoS 3 is not among them. Source: section 3.3.1."""


class TopicCache(dict[bytes, str]):
    """Topic names by their bytes on the wire, decoded and checked once each.

    Keeps at most ``limit`` names and starts afresh when full. The same object comes back for the same topic, so
    that a caller's own dictionary by topic need not hash it again. Parsers in one thread may share a cache.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int = DEFAULT_TOPICS_KEPT) -> None:
        super().__init__()
        self.limit = limit

    def __missing__(self, raw: bytes) -> str:
        topic = decode_text(raw, _TOPIC)
        check_topic(topic, _TOPIC, MalformedPacket)
        if len(self) >= self.limit:
            self.clear()
        self[raw] = topic
        return topic


class Parser:
    """Turns what comes from a connection into packets, in order, each exactly once; raises :class:`PeerError` only.

    ``max_packet_bytes`` bounds a whole packet and so the memory held here (a topic of up to 64 KiB is read even
    beyond it). A PUBLISH beyond the bound is read past and reported as :class:`Oversized` when its last byte has come.
    Both directions are understood: whether a packet has a place in the session is the session's affair.

    Two departures from the letter of the standard, since the meaning is certain and closing the connection would
    cost messages: a remaining length in more bytes than it needs, and DUP on a QoS 0 message, are let through.
    """

    __slots__ = ("_failure", "_held", "_limit", "_missing", "_oversized", "_to_skip", "_topics")

    def __init__(self, *, max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES, topics: TopicCache | None = None) -> None:
        if max_packet_bytes < 1:
            raise InvalidField("max_packet_bytes", max_packet_bytes, "1 or more", _OWN_LIMIT)
        self._limit = max_packet_bytes
        self._topics = TopicCache() if topics is None else topics
        self._held = bytearray()  # the beginning of a packet not yet whole
        self._missing = 0  # bytes that must still come before it is worth reading
        self._oversized: Oversized | None = None  # being read past
        self._to_skip = 0
        self._failure: PeerError | None = None

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Incoming]:
        """Return the packets that this piece of the stream completes.

        On bytes that break the standard a :class:`PeerError` is raised which carries the packets before them; the
        stream cannot be trusted from there on, so every later call raises the same error, then without packets.
        """
        if self._failure is not None:
            self._failure.before = ()
            raise self._failure
        data = chunk if type(chunk) is bytes else bytes(chunk)
        packets: list[Incoming] = []
        try:
            if self._oversized is not None:
                data = self._skip(data, packets)
            elif self._held:
                data = self._join(data)
            self._read(data, packets)
        except PeerError as failure:
            failure.before = tuple(packets)
            self._failure = failure
            raise
        return packets

    def _join(self, data: bytes) -> bytes:
        """Return this piece behind what is held; while too little has come, hold it too and return nothing."""
        self._held += data
        self._missing -= len(data)
        if self._missing > 0:
            return b""
        joined = bytes(self._held)
        self._held.clear()
        return joined

    def _skip(self, data: bytes, packets: list[Incoming]) -> bytes:
        """Return what lies behind the oversized packet; report that packet when its last byte has come."""
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        if self._oversized is not None and self._to_skip == 0:
            packets.append(self._oversized)
            self._oversized = None
        return data[skipped:]

    def _read(self, data: bytes, packets: list[Incoming]) -> None:
        """Append all whole packets in ``data`` and hold the rest."""
        at, end, needed = 0, len(data), 2
        while at + 1 < end:
            length, body = data[at + 1], at + 2
            if length > 0x7F:
                if body < end and data[body] < 0x80:  # two bytes: nearly every message, so no call
                    length += (data[body] << 7) - 0x80
                    body += 1
                else:
                    length, body = _long_length(data, at, end)
                    if length < 0:
                        needed = body - at
                        break
            stop = body + length
            flags = _PUBLISH_FLAGS.get(data[at])
            if flags is None:
                control = control_for(data[at], length)
                if control.body_bytes is None and stop - at > self._limit:
                    raise PacketTooLarge(f"{control.name} size", stop - at, f"{self._limit} bytes", _OWN_LIMIT)
                if stop > end:
                    needed = stop - at
                    break
                packets.append(control.decode(data[body:stop]))
            elif stop - at > self._limit:
                head_bytes = self._start_skipping(data, flags, at, body, stop)
                if head_bytes > end - at:
                    needed = head_bytes
                    break
                data = self._skip(data[at:], packets)
                stop, end = 0, len(data)
            elif stop > end:
                needed = stop - at
                break
            else:
                qos, retain, dup = flags
                topic, packet_id, payload = self._publish_head(data, qos, body, stop)
                packets.append(Publish(topic, data[payload:stop], qos, retain, dup, packet_id))
            at = stop
        if at < end:
            self._held += data[at:]
            self._missing = needed - (end - at)

    def _publish_head(self, data: bytes, qos: int, body: int, stop: int) -> tuple[str, int, int]:
        """Return topic, packet id (0 with QoS 0) and where the payload begins. Source: section 3.3.2."""
        if stop - body < 3:
            raise MalformedPacket("PUBLISH remaining length", stop - body, "3 or more", "MQTT-3.3.2-1")
        packet_id_at = body + 2 + (data[body] << 8 | data[body + 1])
        payload_at = packet_id_at + 2 if qos else packet_id_at
        if payload_at > stop:
            raise MalformedPacket(
                "PUBLISH bytes before its payload", payload_at - body, f"up to {stop - body}", _LENGTH
            )
        topic = self._topics[data[body + 2 : packet_id_at]]
        if not qos:
            return topic, 0, payload_at
        packet_id = data[packet_id_at] << 8 | data[packet_id_at + 1]
        if not packet_id:
            raise MalformedPacket("PUBLISH packet id", 0, "1 to 65535", "MQTT-2.3.1-1")
        return topic, packet_id, payload_at

    def _start_skipping(self, data: bytes, flags: tuple[int, bool, bool], at: int, body: int, stop: int) -> int:
        """Make ready to read past an oversized PUBLISH; return how many of its bytes this takes, all there or not."""
        qos, retain, dup = flags
        end, head_stop = len(data), body + 2
        if head_stop <= end:
            head_stop += (data[body] << 8 | data[body + 1]) + (2 if qos else 0)
        if head_stop <= end or head_stop > stop:
            topic, packet_id, _ = self._publish_head(data, qos, body, stop)
            self._oversized = Oversized(topic, stop - at, qos, retain, dup, packet_id)
            self._to_skip = stop - at
        return head_stop - at


def _long_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a remaining length of two to four bytes and where the body begins.

    While the length is not whole: -1 and how far more must be read. Source: section 2.2.3.
    """
    length = shift = 0
    for place in range(at + 1, at + 5):
        if place == end:
            return -1, place + 1
        byte = data[place]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return length, place + 1
        shift += 7
    raise MalformedPacket("remaining length", data[at + 1 : at + 5], "up to four bytes", _LENGTH)
