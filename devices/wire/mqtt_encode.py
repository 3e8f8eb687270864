"""MQTT 3.1.1 packets into bytes.

Everything here raises :class:`InvalidField`, and nothing else, for what may not be sent.
"""

import sys
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from devices.wire.errors import InvalidField
from devices.wire.mqtt_packets import (
    MAX_PACKET_ID,
    MAX_REMAINING_BYTES,
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
    Publish,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
)
from devices.wire.mqtt_text import check_filter, check_topic, encode_binary, encode_text

_PROTOCOL_NAME_AND_LEVEL = b"\x00\x04MQTT\x04"
"""Source: sections 3.1.2.1 and 3.1.2.2."""

_TOPICS_KEPT = 65_536
"""Topic names kept in encoded form: a simulated city has tens of thousands, each used over and over."""

_HIGH_BYTE, _LOW_BYTE = (1, 0) if sys.byteorder == "little" else (0, 1)


def encode(packet: Packet) -> bytes:
    """Return the packet as it goes on the wire; the parser makes an equal packet of it."""
    return _ENCODERS[type(packet)](packet)


def encode_publish(
    topic: str, payload: bytes, *, qos: int = 0, retain: bool = False, dup: bool = False, packet_id: int = 0
) -> bytes:
    """Return a PUBLISH, without making a struct of it first; ``packet_id`` is 0 exactly when ``qos`` is 0.

    Source: section 3.3, [MQTT-3.3.1-2] no DUP with QoS 0, [MQTT-3.3.1-4] no QoS 3, [MQTT-2.3.1-1] and [MQTT-2.3.1-5]
    a packet id with QoS 1 and 2 only.
    """
    name = _topic_field(topic)
    first = 0x30 | qos << 1 | retain | dup << 3
    if qos == 1 or qos == 2:
        if not 0 < packet_id <= MAX_PACKET_ID:
            raise InvalidField("PUBLISH packet id", packet_id, f"1 to {MAX_PACKET_ID} with QoS {qos}", "MQTT-2.3.1-1")
        high, low = packet_id >> 8, packet_id & 0xFF
        length = len(name) + 2 + len(payload)
        if 0x80 <= length < 0x4000:  # a remaining length of two bytes: nearly every message
            return b"%c%c%c%b%c%c%b" % (first, length & 0x7F | 0x80, length >> 7, name, high, low, payload)
        return b"%b%b%c%c%b" % (_header(first, length), name, high, low, payload)
    if qos != 0:
        raise InvalidField("PUBLISH QoS", qos, "0, 1 or 2", "MQTT-3.3.1-4")
    if dup:
        raise InvalidField("PUBLISH DUP flag", dup, "unset with QoS 0", "MQTT-3.3.1-2")
    if packet_id:
        raise InvalidField("PUBLISH packet id", packet_id, "0 (none) with QoS 0", "MQTT-2.3.1-5")
    return b"%b%b%b" % (_header(first, len(name) + len(payload)), name, payload)


def encode_pubacks(packet_ids: Sequence[int]) -> bytes:
    """Return one PUBACK per packet id, in order, for a single write.

    Source: section 3.4; [MQTT-4.6.0-2] acknowledge in the order in which the messages came.
    """
    return _acknowledgements(0x40, "PUBACK", packet_ids)


def encode_pubrecs(packet_ids: Sequence[int]) -> bytes:
    """Return one PUBREC per packet id, in order, for a single write. Source: section 3.5, [MQTT-4.6.0-3]."""
    return _acknowledgements(0x50, "PUBREC", packet_ids)


def _acknowledgements(first: int, name: str, packet_ids: Sequence[int]) -> bytes:
    try:
        ids = array("H", packet_ids).tobytes()
    except OverflowError:
        wrong = next(packet_id for packet_id in packet_ids if not 0 < packet_id <= MAX_PACKET_ID)
        raise InvalidField(f"{name} packet id", wrong, f"1 to {MAX_PACKET_ID}", "MQTT-2.3.1-1") from None
    if 0 in packet_ids:
        raise InvalidField(f"{name} packet id", 0, f"1 to {MAX_PACKET_ID}", "MQTT-2.3.1-1")
    packets = bytearray((first, 2, 0, 0)) * len(packet_ids)
    packets[2::4] = ids[_HIGH_BYTE::2]
    packets[3::4] = ids[_LOW_BYTE::2]
    return bytes(packets)


@lru_cache(maxsize=_TOPICS_KEPT)
def _topic_field(topic: str) -> bytes:
    check_topic(topic, "PUBLISH topic name")
    return encode_text(topic, "PUBLISH topic name")


def _header(first: int, length: int) -> bytes:
    """Return the fixed header. Source: section 2.2.3, the remaining length in one to four bytes of seven bits each."""
    if length > MAX_REMAINING_BYTES:
        raise InvalidField("remaining length", length, f"up to {MAX_REMAINING_BYTES} bytes", "section 2.2.3")
    header = bytearray((first,))
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header)


def _packet(first: int, body: bytes | bytearray) -> bytes:
    return _header(first, len(body)) + body


def _packet_id(packet_id: int, name: str) -> bytes:
    if not 0 < packet_id <= MAX_PACKET_ID:
        raise InvalidField(f"{name} packet id", packet_id, f"1 to {MAX_PACKET_ID}", "MQTT-2.3.1-1")
    return packet_id.to_bytes(2, "big")


def _qos(qos: int, what: str, source: str) -> int:
    if qos not in (0, 1, 2):
        raise InvalidField(what, qos, "0, 1 or 2", source)
    return qos


def _connect(packet: Connect) -> bytes:
    if not packet.client_id and not packet.clean_session:
        raise InvalidField("CONNECT client id", "", "empty only with a clean session", "MQTT-3.1.3-7")
    if packet.password is not None and packet.username is None:
        raise InvalidField("CONNECT user name", None, "present beside a password", "MQTT-3.1.2-22")
    if not 0 <= packet.keep_alive_s <= 0xFFFF:
        raise InvalidField("CONNECT keep alive", packet.keep_alive_s, "0 to 65535 s", "section 3.1.2.10")
    flags = packet.clean_session << 1
    payload = encode_text(packet.client_id, "CONNECT client id")
    if packet.will is not None:
        check_topic(packet.will.topic, "CONNECT will topic")
        flags |= 0x04 | _qos(packet.will.qos, "CONNECT will QoS", "MQTT-3.1.2-14") << 3 | packet.will.retain << 5
        payload += encode_text(packet.will.topic, "CONNECT will topic")
        payload += encode_binary(packet.will.payload, "CONNECT will payload")
    if packet.username is not None:
        flags |= 0x80
        payload += encode_text(packet.username, "CONNECT user name")
    if packet.password is not None:
        flags |= 0x40
        payload += encode_binary(packet.password, "CONNECT password")
    return _packet(
        0x10, b"%b%c%b%b" % (_PROTOCOL_NAME_AND_LEVEL, flags, packet.keep_alive_s.to_bytes(2, "big"), payload)
    )


def _connack(packet: ConnAck) -> bytes:
    if packet.code != ConnectCode.ACCEPTED and packet.session_present:
        raise InvalidField("CONNACK session present", True, "unset in a refusal", "MQTT-3.2.2-4")
    return bytes((0x20, 2, packet.session_present, packet.code))


def _publish(packet: Publish) -> bytes:
    return encode_publish(
        packet.topic,
        packet.payload,
        qos=packet.qos,
        retain=packet.retain,
        dup=packet.dup,
        packet_id=packet.packet_id,
    )


def _subscribe(packet: Subscribe) -> bytes:
    if not packet.subscriptions:
        raise InvalidField("SUBSCRIBE number of filters", 0, "1 or more", "MQTT-3.8.3-3")
    body = bytearray(_packet_id(packet.packet_id, "SUBSCRIBE"))
    for topic_filter, qos in packet.subscriptions:
        check_filter(topic_filter, "SUBSCRIBE topic filter")
        body += encode_text(topic_filter, "SUBSCRIBE topic filter")
        body.append(_qos(qos, "SUBSCRIBE QoS", "MQTT-3.8.3-4"))
    return _packet(0x82, body)


def _suback(packet: SubAck) -> bytes:
    for granted in packet.granted:
        if granted not in (0, 1, 2, SUBSCRIPTION_REFUSED):
            raise InvalidField("SUBACK return code", granted, "0, 1, 2 or 128", "MQTT-3.9.3-2")
    if not packet.granted:
        raise InvalidField("SUBACK number of return codes", 0, "1 or more", "MQTT-3.9.3-1")
    return _packet(0x90, _packet_id(packet.packet_id, "SUBACK") + bytes(packet.granted))


def _unsubscribe(packet: Unsubscribe) -> bytes:
    if not packet.filters:
        raise InvalidField("UNSUBSCRIBE number of filters", 0, "1 or more", "MQTT-3.10.3-2")
    body = bytearray(_packet_id(packet.packet_id, "UNSUBSCRIBE"))
    for topic_filter in packet.filters:
        check_filter(topic_filter, "UNSUBSCRIBE topic filter")
        body += encode_text(topic_filter, "UNSUBSCRIBE topic filter")
    return _packet(0xA2, body)


_ENCODERS: dict[type[Packet], Callable[[Any], bytes]] = {
    Connect: _connect,
    ConnAck: _connack,
    Publish: _publish,
    PubAck: lambda packet: b"\x40\x02" + _packet_id(packet.packet_id, "PUBACK"),
    PubRec: lambda packet: b"\x50\x02" + _packet_id(packet.packet_id, "PUBREC"),
    PubRel: lambda packet: b"\x62\x02" + _packet_id(packet.packet_id, "PUBREL"),
    PubComp: lambda packet: b"\x70\x02" + _packet_id(packet.packet_id, "PUBCOMP"),
    Subscribe: _subscribe,
    SubAck: _suback,
    Unsubscribe: _unsubscribe,
    UnsubAck: lambda packet: b"\xb0\x02" + _packet_id(packet.packet_id, "UNSUBACK"),
    PingReq: lambda _: b"\xc0\x00",
    PingResp: lambda _: b"\xd0\x00",
    Disconnect: lambda _: b"\xe0\x00",
}
