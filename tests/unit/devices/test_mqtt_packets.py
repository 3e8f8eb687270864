"""MQTT 3.1.1 packets are what the standard says, byte for byte; what it forbids is refused with the number of the rule.

Bytes are written by hand from the OASIS standard (29 October 2014); where it gives an example, from that example.
"""

import pytest

from devices.wire.mqtt import (
    SUBSCRIPTION_REFUSED,
    ConnAck,
    Connect,
    ConnectCode,
    Disconnect,
    InvalidField,
    MalformedPacket,
    Packet,
    PacketTooLarge,
    Parser,
    PeerError,
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
    Will,
    encode,
    encode_pubacks,
    encode_publish,
    encode_pubrecs,
)

EXAMPLES: list[tuple[bytes, Packet]] = [
    # 3.1.2, figure 3.6: user name, password, a will with QoS 1, clean session, keep alive of 10 s
    (
        b"\x10\x1e\x00\x04MQTT\x04\xce\x00\x0a" + b"\x00\x02id" + b"\x00\x01w\x00\x03bye" + b"\x00\x02me\x00\x02pw",
        Connect(
            client_id="id",
            keep_alive_s=10,
            will=Will(topic="w", payload=b"bye", qos=1),
            username="me",
            password=b"pw",
        ),
    ),
    (
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00",
        Connect(client_id="", keep_alive_s=0),
    ),
    (
        b"\x10\x12\x00\x04MQTT\x04\x34\xff\xff\x00\x01p\x00\x01t\x00\x00",
        Connect(
            client_id="p",
            clean_session=False,
            keep_alive_s=65_535,
            will=Will(topic="t", payload=b"", qos=2, retain=True),
        ),
    ),
    (b"\x10\x11\x00\x04MQTT\x04\x82\x00\x3c\x00\x01u\x00\x02\xc3\xa9", Connect(client_id="u", username="é")),
    # 3.2
    (b"\x20\x02\x00\x00", ConnAck(session_present=False, code=ConnectCode.ACCEPTED)),
    (b"\x20\x02\x01\x00", ConnAck(session_present=True, code=ConnectCode.ACCEPTED)),
    (b"\x20\x02\x00\x05", ConnAck(session_present=False, code=ConnectCode.NOT_AUTHORIZED)),
    # 3.3.2.3: topic a/b, packet id 10
    (b"\x32\x07\x00\x03a/b\x00\x0a", Publish("a/b", b"", 1, False, False, 10)),
    (b"\x30\x07\x00\x03a/bhi", Publish("a/b", b"hi", 0, False, False, 0)),
    (b"\x31\x05\x00\x03a/b", Publish("a/b", b"", 0, True, False, 0)),
    (b"\x3d\x08\x00\x03a/b\xff\xff\x00", Publish("a/b", b"\0", 2, True, True, 65_535)),
    # 1.5.3, figure 1.2: "A" and U+2A6D4
    (b"\x30\x07\x00\x05A\xf0\xaa\x9b\x94", Publish("A\U0002a6d4", b"", 0, False, False, 0)),
    # [MQTT-1.5.3-3]: a byte order mark is kept
    (b"\x30\x06\x00\x04\xef\xbb\xbfa", Publish("\ufeffa", b"", 0, False, False, 0)),
    # 3.4 to 3.7
    (b"\x40\x02\x12\x34", PubAck(0x1234)),
    (b"\x50\x02\x00\x01", PubRec(1)),
    (b"\x62\x02\xff\xff", PubRel(65_535)),
    (b"\x70\x02\x01\x00", PubComp(256)),
    # 3.8.3, figure 3.23; 3.9.3, figure 3.27; 3.10.3, figure 3.30
    (b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x02", Subscribe(10, (("a/b", 1), ("c/d", 2)))),
    (b"\x90\x05\x00\x0a\x00\x02\x80", SubAck(10, (0, 2, SUBSCRIPTION_REFUSED))),
    (b"\xa2\x0c\x00\x0a\x00\x03a/b\x00\x03c/d", Unsubscribe(10, ("a/b", "c/d"))),
    # 3.11 to 3.14
    (b"\xb0\x02\x00\x0a", UnsubAck(10)),
    (b"\xc0\x00", PingReq()),
    (b"\xd0\x00", PingResp()),
    (b"\xe0\x00", Disconnect()),
]


@pytest.mark.parametrize(("wire", "packet"), EXAMPLES)
def test_a_packet_is_written_as_the_standard_says(wire: bytes, packet: Packet) -> None:
    """Encoding gives the bytes written by hand."""
    assert encode(packet) == wire


@pytest.mark.parametrize(("wire", "packet"), EXAMPLES)
def test_a_packet_is_read_as_the_standard_says(wire: bytes, packet: Packet) -> None:
    """Parsing the bytes written by hand gives the packet."""
    assert Parser().feed(wire) == [packet]


CONNECT = "00044d515454"  # the protocol name MQTT behind its length

VIOLATIONS: list[tuple[str, str, str]] = [
    # fixed header
    ("0000", "packet type is 0", "section 2.2.1"),
    ("f000", "packet type is 15", "section 2.2.1"),
    ("c100", "PINGREQ flags is '0x1', allowed: 0x0", "MQTT-2.2.2-2"),
    ("60020001", "PUBREL flags is '0x0', allowed: 0x2", "MQTT-2.2.2-2"),
    ("8006000100016100", "SUBSCRIBE flags", "MQTT-2.2.2-2"),
    ("30ffffffff", "remaining length is b'\\xff\\xff\\xff\\xff'", "section 2.2.3"),
    ("c00100", "PINGREQ remaining length is 1, allowed: 0", "section 2.2.3"),
    ("4003000100", "PUBACK remaining length is 3, allowed: 2", "section 2.2.3"),
    ("40ffff7f", "PUBACK remaining length is 2097151, allowed: 2", "section 2.2.3"),
    # PUBLISH
    ("3606000161000178", "PUBLISH QoS is 3", "MQTT-3.3.1-4"),
    ("3e06000161000178", "PUBLISH QoS is 3", "MQTT-3.3.1-4"),
    ("3000", "PUBLISH remaining length is 0", "MQTT-3.3.2-1"),
    ("30020000", "PUBLISH remaining length is 2", "MQTT-3.3.2-1"),
    ("3003000078", "PUBLISH topic name is ''", "MQTT-4.7.3-1"),
    ("3004000361" + "62", "PUBLISH bytes before its payload is 5, allowed: up to 4", "section 2.2.3"),
    ("320400016101", "PUBLISH bytes before its payload is 5, allowed: up to 4", "section 2.2.3"),
    ("32050001610000", "PUBLISH packet id is 0", "MQTT-2.3.1-1"),
    ("3003000123", "PUBLISH topic name is '#'", "MQTT-3.3.2-2"),
    ("30050003612f2b", "PUBLISH topic name is 'a/+'", "MQTT-3.3.2-2"),
    ("3003000100", "PUBLISH topic name is '\\x00'", "MQTT-1.5.3-2"),
    ("30030001ff", "PUBLISH topic name is b'\\xff'", "MQTT-1.5.3-1"),
    ("30050003eda080", "PUBLISH topic name", "MQTT-1.5.3-1"),  # U+D800
    ("30040002c080", "PUBLISH topic name", "MQTT-1.5.3-1"),  # U+0000, overlong
    # acknowledgements
    ("40020000", "PUBACK packet id is 0", "MQTT-2.3.1-1"),
    ("b0020000", "UNSUBACK packet id is 0", "MQTT-2.3.1-1"),
    # CONNECT
    ("100c00044d51545804020000" + "0000", "CONNECT protocol name is b'MQTX'", "MQTT-3.1.2-1"),
    ("100e00064d514973647003020000" + "0000", "CONNECT protocol name is b'MQIsdp'", "MQTT-3.1.2-1"),
    (f"100c{CONNECT}050200000000", "CONNECT protocol level is 5, allowed: 4", "MQTT-3.1.2-2"),
    (f"100c{CONNECT}040300000000", "CONNECT reserved flag is 1", "MQTT-3.1.2-3"),
    (f"100c{CONNECT}041e00000000", "CONNECT will QoS is 3", "MQTT-3.1.2-14"),
    (f"100c{CONNECT}040a00000000", "CONNECT flags of an absent will is '0x8'", "MQTT-3.1.2-11"),
    (f"100c{CONNECT}042200000000", "CONNECT flags of an absent will is '0x20'", "MQTT-3.1.2-11"),
    (f"100c{CONNECT}044200000000", "CONNECT password flag without a user name", "MQTT-3.1.2-22"),
    (f"100c{CONNECT}040200000001", "CONNECT bytes of client id is 1, allowed: the 0 left", "section 2.2.3"),
    (f"100d{CONNECT}04020000000000", "CONNECT bytes behind its last field is 1", "section 2.2.3"),
    (f"1012{CONNECT}0406000000000001230001" + "78", "CONNECT will topic is '#'", "MQTT-3.3.2-2"),
    ("1000", "CONNECT bytes of protocol name is 2, allowed: the 0 left", "section 2.2.3"),
    # CONNACK
    ("20020200", "CONNACK flags is '0x2'", "section 3.2.2.1"),
    ("20020006", "CONNACK return code is 6", "section 3.2.2.3"),
    ("20020101", "CONNACK session present is 1", "MQTT-3.2.2-4"),
    # SUBSCRIBE and its kin
    ("82020001", "SUBSCRIBE number of filters is 0", "MQTT-3.8.3-3"),
    ("8206000000016100", "SUBSCRIBE packet id is 0", "MQTT-2.3.1-1"),
    ("8206000100016103", "SUBSCRIBE QoS is 3", "MQTT-3.8.3-4"),
    ("82050001000161", "SUBSCRIBE bytes of QoS is 1", "section 2.2.3"),
    ("82080001000361236200", "SUBSCRIBE topic filter is 'a#b'", "MQTT-4.7.1-2"),
    ("82050001000000", "SUBSCRIBE topic filter is ''", "MQTT-4.7.3-1"),
    ("90020001", "SUBACK number of return codes is 0", "MQTT-3.9.3-1"),
    ("9003000103", "SUBACK return code is 3", "MQTT-3.9.3-2"),
    ("a2020001", "UNSUBSCRIBE number of filters is 0", "MQTT-3.10.3-2"),
    ("a206000100022b61", "UNSUBSCRIBE topic filter is '+a'", "MQTT-4.7.1-3"),
    ("a20100", "UNSUBSCRIBE bytes of packet id is 2", "section 2.2.3"),
]


@pytest.mark.parametrize(("wire", "named", "source"), VIOLATIONS)
def test_a_violation_is_named_with_value_limit_and_source(wire: str, named: str, source: str) -> None:
    """Each breach raises MalformedPacket whose text and fields say what, which value, and by which rule."""
    with pytest.raises(MalformedPacket) as caught:
        Parser().feed(bytes.fromhex(wire))
    assert str(caught.value).startswith(named)
    assert caught.value.source == source
    assert caught.value.limit in str(caught.value)


def test_what_came_before_a_violation_is_not_lost_and_nothing_is_read_behind_it() -> None:
    """The error carries the sound packets before it; from then on the parser only repeats the error."""
    parser = Parser()
    with pytest.raises(PeerError) as caught:
        parser.feed(b"\x40\x02\x00\x01\x40\x02\x00\x02" + b"\xf0\x00" + b"\x40\x02\x00\x03")
    assert caught.value.before == (PubAck(1), PubAck(2))
    with pytest.raises(PeerError) as again:
        parser.feed(b"\x40\x02\x00\x04")
    assert again.value is caught.value
    assert again.value.before == ()


@pytest.mark.parametrize(
    ("wire", "packet"),
    [
        (b"\xc0\x80\x80\x80\x00", PingReq()),
        (b"\x40\x82\x00\x00\x07", PubAck(7)),
        (b"\x30\x83\x80\x00\x00\x01a", Publish("a", b"", 0, False, False, 0)),
        (b"\x38\x03\x00\x01a", Publish("a", b"", 0, False, True, 0)),
    ],
)
def test_what_is_odd_but_certain_in_its_meaning_is_let_through(wire: bytes, packet: Packet) -> None:
    """A remaining length longer than it need be, and DUP with QoS 0, cost no connection."""
    assert Parser().feed(wire) == [packet]


@pytest.mark.parametrize("topic", ["a\x01b", "a\uffffb", "a\u200bb", " ", "/", "$SYS/x", "守望/老人"])
def test_unusual_topics_pass(topic: str) -> None:
    """Characters that the standard only advises against are no reason to lose a message."""
    packet = Publish(topic, b"x", 1, False, False, 1)
    assert Parser().feed(encode(packet)) == [packet]


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (127, b"\x32\x7f"),
        (128, b"\x32\x80\x01"),
        (16_383, b"\x32\xff\x7f"),
        (16_384, b"\x32\x80\x80\x01"),
        (2_097_151, b"\x32\xff\xff\x7f"),
        (2_097_152, b"\x32\x80\x80\x80\x01"),
    ],
)
def test_remaining_lengths_are_those_of_table_2_4(length: int, header: bytes) -> None:
    """At each edge of the table the header is the one given there, and is read back."""
    wire = encode_publish("a", bytes(length - 5), qos=1, packet_id=1)
    assert wire.startswith(header)
    assert len(wire) == len(header) + length
    [packet] = Parser(max_packet_bytes=3_000_000).feed(wire)
    assert isinstance(packet, Publish)
    assert packet.payload == bytes(length - 5)


UNSENDABLE: list[tuple[Packet, str]] = [
    (Publish("", b"", 0, False, False, 0), "MQTT-4.7.3-1"),
    (Publish("a/#", b"", 0, False, False, 0), "MQTT-3.3.2-2"),
    (Publish("a\0", b"", 0, False, False, 0), "MQTT-1.5.3-2"),
    (Publish("a\ud800", b"", 0, False, False, 0), "MQTT-1.5.3-1"),
    (Publish("a" * 65_536, b"", 0, False, False, 0), "section 1.5.3"),
    (Publish("a", b"", 3, False, False, 1), "MQTT-3.3.1-4"),
    (Publish("a", b"", -1, False, False, 1), "MQTT-3.3.1-4"),
    (Publish("a", b"", 0, False, True, 0), "MQTT-3.3.1-2"),
    (Publish("a", b"", 0, False, False, 1), "MQTT-2.3.1-5"),
    (Publish("a", b"", 1, False, False, 0), "MQTT-2.3.1-1"),
    (Publish("a", b"", 2, False, False, 65_536), "MQTT-2.3.1-1"),
    (Publish("a", bytes(268_435_453), 0, False, False, 0), "section 2.2.3"),
    (Publish("a", bytes(268_435_451), 1, False, False, 1), "section 2.2.3"),
    (PubAck(0), "MQTT-2.3.1-1"),
    (PubComp(65_536), "MQTT-2.3.1-1"),
    (Connect(client_id="", clean_session=False), "MQTT-3.1.3-7"),
    (Connect(client_id="a", password=b"x"), "MQTT-3.1.2-22"),
    (Connect(client_id="a", keep_alive_s=65_536), "section 3.1.2.10"),
    (Connect(client_id="a", username="u", password=bytes(65_536)), "section 1.5.3"),
    (Connect(client_id="a", will=Will(topic="+", payload=b"")), "MQTT-3.3.2-2"),
    (Connect(client_id="a", will=Will(topic="a", payload=b"", qos=3)), "MQTT-3.1.2-14"),
    (ConnAck(session_present=True, code=ConnectCode.NOT_AUTHORIZED), "MQTT-3.2.2-4"),
    (Subscribe(1, ()), "MQTT-3.8.3-3"),
    (Subscribe(1, (("a", 3),)), "MQTT-3.8.3-4"),
    (Subscribe(1, (("a/#/b", 0),)), "MQTT-4.7.1-2"),
    (Subscribe(0, (("a", 0),)), "MQTT-2.3.1-1"),
    (SubAck(1, ()), "MQTT-3.9.3-1"),
    (SubAck(1, (3,)), "MQTT-3.9.3-2"),
    (Unsubscribe(1, ()), "MQTT-3.10.3-2"),
    (Unsubscribe(1, ("a+",)), "MQTT-4.7.1-3"),
]


@pytest.mark.parametrize(("packet", "source"), UNSENDABLE, ids=lambda value: value if isinstance(value, str) else "")
def test_what_may_not_be_sent_is_refused(packet: Packet, source: str) -> None:
    """InvalidField names the rule; no bytes come out."""
    with pytest.raises(InvalidField) as caught:
        encode(packet)
    assert caught.value.source == source


def test_many_acknowledgements_are_the_same_bytes_as_one_by_one() -> None:
    """The fast way, for a whole batch, writes what encode() writes for each, in the order given."""
    ids = [1, 255, 256, 65_535, 2, 2]
    assert encode_pubacks(ids) == b"".join(encode(PubAck(packet_id)) for packet_id in ids)
    assert encode_pubrecs(ids) == b"".join(encode(PubRec(packet_id)) for packet_id in ids)
    assert encode_pubacks([]) == b""


@pytest.mark.parametrize("wrong", [0, -1, 65_536])
def test_a_batch_of_acknowledgements_with_an_impossible_id_is_refused(wrong: int) -> None:
    """The error names the impossible packet id."""
    with pytest.raises(InvalidField) as caught:
        encode_pubacks([1, wrong, 2])
    assert caught.value.value == wrong


def test_a_password_never_shows() -> None:
    """Neither the password nor its length is in what a log would print."""
    shown = repr(Connect(client_id="id", username="me", password=b"hunter2"))
    assert "hunter2" not in shown
    assert "me" in shown
    assert "hidden" in shown


def test_a_large_packet_that_cannot_be_skipped_closes_the_connection() -> None:
    """A SUBSCRIBE beyond the size limit raises PacketTooLarge as soon as its header has come."""
    with pytest.raises(PacketTooLarge) as caught:
        Parser(max_packet_bytes=100).feed(b"\x82\x80\x01")
    assert (caught.value.value, caught.value.limit) == (131, "100 bytes")


def test_a_size_limit_below_one_is_refused() -> None:
    """A parser that could read nothing is not made."""
    with pytest.raises(InvalidField):
        Parser(max_packet_bytes=0)
