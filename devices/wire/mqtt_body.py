"""MQTT 3.1.1: the bodies of all control packets but PUBLISH, which the parser reads itself."""

from collections.abc import Callable
from typing import NamedTuple

from devices.wire.errors import MalformedPacket
from devices.wire.mqtt_packets import (
    SUBSCRIPTION_REFUSED,
    ConnAck,
    Connect,
    ConnectCode,
    Disconnect,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
    Will,
)
from devices.wire.mqtt_text import check_filter, check_topic, decode_text


class _Body:
    """A place in the body of a packet; reading past its end raises :class:`MalformedPacket`."""

    def __init__(self, raw: bytes, name: str) -> None:
        self.raw = raw
        self.name = name
        self.at = 0

    @property
    def empty(self) -> bool:
        return self.at == len(self.raw)

    def take(self, size: int, what: str) -> bytes:
        left = len(self.raw) - self.at
        if size > left:
            raise MalformedPacket(f"{self.name} bytes of {what}", size, f"the {left} left in it", "section 2.2.3")
        self.at += size
        return self.raw[self.at - size : self.at]

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "big")

    def binary(self, what: str) -> bytes:
        return self.take(self.number(2, what), what)

    def text(self, what: str) -> str:
        return decode_text(self.binary(what), f"{self.name} {what}")

    def packet_id(self) -> int:
        packet_id = self.number(2, "packet id")
        if packet_id == 0:
            raise MalformedPacket(f"{self.name} packet id", 0, "1 to 65535", "MQTT-2.3.1-1")
        return packet_id

    def end(self) -> None:
        if not self.empty:
            raise MalformedPacket(
                f"{self.name} bytes behind its last field", len(self.raw) - self.at, "0", "section 2.2.3"
            )


def _connect(raw: bytes) -> Connect:
    body = _Body(raw, "CONNECT")
    protocol = body.binary("protocol name")
    if protocol != b"MQTT":
        raise MalformedPacket("CONNECT protocol name", protocol, "MQTT", "MQTT-3.1.2-1")
    level = body.number(1, "protocol level")
    if level != 4:
        raise MalformedPacket("CONNECT protocol level", level, "4", "MQTT-3.1.2-2")
    flags = body.number(1, "flags")
    _check_connect_flags(flags)
    keep_alive_s = body.number(2, "keep alive")
    client_id = body.text("client id")
    will = None
    if flags & 0x04:
        topic = body.text("will topic")
        check_topic(topic, "CONNECT will topic", MalformedPacket)
        payload = body.binary("will payload")
        will = Will(topic=topic, payload=payload, qos=flags >> 3 & 3, retain=bool(flags & 0x20))
    packet = Connect(
        client_id=client_id,
        clean_session=bool(flags & 0x02),
        keep_alive_s=keep_alive_s,
        will=will,
        username=body.text("user name") if flags & 0x80 else None,
        password=body.binary("password") if flags & 0x40 else None,
    )
    body.end()
    return packet


def _check_connect_flags(flags: int) -> None:
    if flags & 0x01:
        raise MalformedPacket("CONNECT reserved flag", 1, "0", "MQTT-3.1.2-3")
    if flags & 0x18 == 0x18:
        raise MalformedPacket("CONNECT will QoS", 3, "0, 1 or 2", "MQTT-3.1.2-14")
    if not flags & 0x04 and flags & 0x38:
        raise MalformedPacket("CONNECT flags of an absent will", hex(flags & 0x38), "0", "MQTT-3.1.2-11")
    if flags & 0x40 and not flags & 0x80:
        raise MalformedPacket("CONNECT password flag without a user name", 1, "0", "MQTT-3.1.2-22")


def _connack(raw: bytes) -> ConnAck:
    flags, code = raw
    if flags > 1:
        raise MalformedPacket("CONNACK flags", hex(flags), "0 or 1", "section 3.2.2.1")
    if code > max(ConnectCode):
        raise MalformedPacket("CONNACK return code", code, "0 to 5", "section 3.2.2.3")
    if flags and code:
        raise MalformedPacket("CONNACK session present", 1, "0 in a refusal", "MQTT-3.2.2-4")
    return ConnAck(flags == 1, ConnectCode(code))


def _subscribe(raw: bytes) -> Subscribe:
    body = _Body(raw, "SUBSCRIBE")
    packet_id = body.packet_id()
    subscriptions = []
    while not body.empty:
        topic_filter = body.text("topic filter")
        check_filter(topic_filter, "SUBSCRIBE topic filter", MalformedPacket)
        qos = body.number(1, "QoS")
        if qos > 2:
            raise MalformedPacket("SUBSCRIBE QoS", qos, "0, 1 or 2", "MQTT-3.8.3-4")
        subscriptions.append((topic_filter, qos))
    if not subscriptions:
        raise MalformedPacket("SUBSCRIBE number of filters", 0, "1 or more", "MQTT-3.8.3-3")
    return Subscribe(packet_id, tuple(subscriptions))


def _suback(raw: bytes) -> SubAck:
    body = _Body(raw, "SUBACK")
    packet_id = body.packet_id()
    granted = tuple(raw[2:])
    for code in granted:
        if code > 2 and code != SUBSCRIPTION_REFUSED:
            raise MalformedPacket("SUBACK return code", code, "0, 1, 2 or 128", "MQTT-3.9.3-2")
    if not granted:
        raise MalformedPacket("SUBACK number of return codes", 0, "1 or more", "MQTT-3.9.3-1")
    return SubAck(packet_id, granted)


def _unsubscribe(raw: bytes) -> Unsubscribe:
    body = _Body(raw, "UNSUBSCRIBE")
    packet_id = body.packet_id()
    filters = []
    while not body.empty:
        topic_filter = body.text("topic filter")
        check_filter(topic_filter, "UNSUBSCRIBE topic filter", MalformedPacket)
        filters.append(topic_filter)
    if not filters:
        raise MalformedPacket("UNSUBSCRIBE number of filters", 0, "1 or more", "MQTT-3.10.3-2")
    return Unsubscribe(packet_id, tuple(filters))


def _only_packet_id(packet: Callable[[int], Packet], name: str) -> Callable[[bytes], Packet]:
    return lambda raw: packet(_Body(raw, name).packet_id())


class Control(NamedTuple):
    """How to read one kind of control packet; ``body_bytes`` is its remaining length where that is fixed."""

    name: str
    body_bytes: int | None
    decode: Callable[[bytes], Packet]


CONTROLS: dict[int, Control] = {
    0x10: Control("CONNECT", None, _connect),
    0x20: Control("CONNACK", 2, _connack),
    0x40: Control("PUBACK", 2, _only_packet_id(PubAck, "PUBACK")),
    0x50: Control("PUBREC", 2, _only_packet_id(PubRec, "PUBREC")),
    0x62: Control("PUBREL", 2, _only_packet_id(PubRel, "PUBREL")),
    0x70: Control("PUBCOMP", 2, _only_packet_id(PubComp, "PUBCOMP")),
    0x82: Control("SUBSCRIBE", None, _subscribe),
    0x90: Control("SUBACK", None, _suback),
    0xA2: Control("UNSUBSCRIBE", None, _unsubscribe),
    0xB0: Control("UNSUBACK", 2, _only_packet_id(UnsubAck, "UNSUBACK")),
    0xC0: Control("PINGREQ", 0, lambda _: PingReq()),
    0xD0: Control("PINGRESP", 0, lambda _: PingResp()),
    0xE0: Control("DISCONNECT", 0, lambda _: Disconnect()),
}
"""By first byte: the type in the high half, in the low half flags that are the same in all packets of that type.

Source: section 2.2.1, table 2.1, and section 2.2.2, table 2.2.
"""


def control_for(first: int, body_bytes: int) -> Control:
    """Return how to read the packet with this first byte and remaining length, or raise :class:`MalformedPacket`."""
    control = CONTROLS.get(first)
    if control is None:
        raise _bad_first_byte(first)
    if control.body_bytes is not None and control.body_bytes != body_bytes:
        raise MalformedPacket(f"{control.name} remaining length", body_bytes, f"{control.body_bytes}", "section 2.2.3")
    return control


def _bad_first_byte(first: int) -> MalformedPacket:
    kind, flags = first >> 4, first & 0x0F
    if kind == 3:
        return MalformedPacket("PUBLISH QoS", 3, "0, 1 or 2", "MQTT-3.3.1-4")
    for known, control in CONTROLS.items():
        if known >> 4 == kind:
            return MalformedPacket(f"{control.name} flags", hex(flags), hex(known & 0x0F), "MQTT-2.2.2-2")
    return MalformedPacket("packet type", kind, "1 to 14", "section 2.2.1")
