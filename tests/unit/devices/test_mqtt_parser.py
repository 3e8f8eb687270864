"""The parser gives the same packets however the stream is cut, skips what is too large, and never fails unforeseen."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.wire.mqtt import (
    ConnAck,
    Connect,
    ConnectCode,
    Disconnect,
    Incoming,
    MalformedPacket,
    Oversized,
    Packet,
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
    TopicCache,
    UnsubAck,
    Unsubscribe,
    Will,
    encode,
    encode_publish,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40)
filters = st.lists(names.filter(lambda name: "/" not in name) | st.just("+"), min_size=1, max_size=4).map("/".join)
packet_ids = st.integers(1, 65_535)
qualities = st.integers(0, 2)
payloads = st.binary(max_size=300)

publishes = st.builds(Publish, names, payloads, st.just(0), st.booleans(), st.just(False), st.just(0)) | st.builds(
    Publish, names, payloads, st.integers(1, 2), st.booleans(), st.booleans(), packet_ids
)
wills = st.builds(Will, topic=names, payload=payloads, qos=qualities, retain=st.booleans())
connects = st.builds(
    Connect,
    client_id=texts.filter(bool),
    clean_session=st.booleans(),
    keep_alive_s=st.integers(0, 65_535),
    will=st.none() | wills,
    username=texts,
    password=st.none() | payloads,
)
packets: st.SearchStrategy[Packet] = st.one_of(
    publishes,
    connects,
    st.builds(ConnAck, st.booleans(), st.just(ConnectCode.ACCEPTED)),
    st.builds(ConnAck, st.just(False), st.sampled_from(ConnectCode)),
    *(st.builds(kind, packet_ids) for kind in (PubAck, PubRec, PubRel, PubComp, UnsubAck)),
    st.builds(Subscribe, packet_ids, st.lists(st.tuples(filters, qualities), min_size=1, max_size=4).map(tuple)),
    st.builds(SubAck, packet_ids, st.lists(st.sampled_from([0, 1, 2, 128]), min_size=1, max_size=4).map(tuple)),
    st.builds(Unsubscribe, packet_ids, st.lists(filters, min_size=1, max_size=4).map(tuple)),
    st.sampled_from([PingReq(), PingResp(), Disconnect()]),
)


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """The stream in pieces, cut at these places."""
    edges = [0, *sorted(place for place in places if place <= len(stream)), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(edges)]


def read_all(parser: Parser, chunks: Iterable[bytes]) -> tuple[list[Incoming], str]:
    """All packets, and the text of the error that ended the stream, if any."""
    read: list[Incoming] = []
    try:
        for chunk in chunks:
            read += parser.feed(chunk)
    except PeerError as failure:
        read += failure.before
        return read, str(failure)
    return read, ""


@given(packets)
def test_every_packet_survives_the_wire(packet: Packet) -> None:
    """What is encoded and parsed is equal to what it was."""
    assert Parser().feed(encode(packet)) == [packet]


@given(st.lists(packets, max_size=6), st.lists(st.integers(0, 2_000), max_size=12), st.integers(1, 400))
def test_cuts_make_no_difference(sent: list[Packet], places: list[int], limit: int) -> None:
    """In pieces of any size, or byte by byte, the same packets come out, in order, under any size limit."""
    stream = b"".join(encode(packet) for packet in sent)
    whole = read_all(Parser(max_packet_bytes=limit), [stream])
    assert read_all(Parser(max_packet_bytes=limit), cut(stream, places)) == whole
    assert read_all(Parser(max_packet_bytes=limit), cut(stream, range(len(stream)))) == whole
    if limit >= max((len(encode(packet)) for packet in sent), default=0):
        assert whole == (sent, "")


@given(
    st.lists(packets.map(encode) | st.binary(max_size=12), max_size=5).map(b"".join),
    st.lists(st.integers(0, 500), max_size=8),
    st.integers(1, 100),
)
@settings(max_examples=500)
@example(b"\x30", [0], 1)
@example(b"\x32\xff\xff\xff\x7f\x00", [3], 1)
def test_any_bytes_end_in_packets_or_in_the_documented_error(stream: bytes, places: list[int], limit: int) -> None:
    """No bytes whatever raise anything but PeerError, and cuts change neither packets nor error."""
    whole = read_all(Parser(max_packet_bytes=limit), [stream])
    assert read_all(Parser(max_packet_bytes=limit), cut(stream, places)) == whole


@given(publishes, st.data())
def test_a_damaged_message_ends_in_packets_or_in_the_documented_error(packet: Publish, data: st.DataObject) -> None:
    """One byte changed anywhere in a sound message raises nothing but PeerError."""
    stream = bytearray(encode(packet) + encode(PubAck(1)))
    stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    read_all(Parser(), [bytes(stream)])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_is_read_and_not_kept(kind: type) -> None:
    """Payloads are bytes of their own: a read buffer may be used again at once."""
    buffer = bytearray(encode_publish("a", b"first") + b"\x30\x08\x00\x01a")
    parser = Parser()
    read = parser.feed(kind(buffer))
    buffer[:] = bytes(len(buffer))
    read += parser.feed(kind(b"later"))
    assert read == [Publish("a", b"first", 0, False, False, 0), Publish("a", b"later", 0, False, False, 0)]


OVERSIZED = encode_publish("care/c/d/alarm", bytes(500), qos=1, packet_id=7, retain=True)


@pytest.mark.parametrize("piece", [1, 2, 3, 50, 499, 10_000])
def test_an_oversized_message_is_reported_and_the_session_goes_on(piece: int) -> None:
    """Topic, packet id, flags and size are known, its payload is passed over, its neighbours are untouched."""
    stream = encode(PubAck(1)) + OVERSIZED + encode(PubAck(2)) + OVERSIZED
    chunks = cut(stream, range(0, len(stream), piece))
    reported = Oversized("care/c/d/alarm", len(OVERSIZED), 1, True, False, 7)
    assert read_all(Parser(max_packet_bytes=100), chunks) == ([PubAck(1), reported, PubAck(2), reported], "")


def test_the_limit_itself_is_allowed() -> None:
    """A packet of exactly the limit, fixed header included, is read; one byte more is oversized."""
    assert isinstance(Parser(max_packet_bytes=len(OVERSIZED)).feed(OVERSIZED)[0], Publish)
    assert isinstance(Parser(max_packet_bytes=len(OVERSIZED) - 1).feed(OVERSIZED)[0], Oversized)


def test_an_oversized_message_is_reported_only_when_it_is_over() -> None:
    """If the connection ends in its midst it was not received, and the server will send it again."""
    parser = Parser(max_packet_bytes=100)
    assert parser.feed(OVERSIZED[:-1]) == []
    assert len(parser.feed(OVERSIZED[-1:])) == 1


def test_the_largest_message_of_all_is_skipped_in_little_memory() -> None:
    """256 MiB announced and delivered in pieces of 1 MiB end as one report."""
    parser = Parser(max_packet_bytes=100)
    size, mebibyte = 268_435_455 + 5, bytes(1 << 20)
    head = b"\x30\xff\xff\xff\x7f\x00\x01a"
    assert parser.feed(head) == []
    left = size - len(head)
    while left > len(mebibyte):
        assert parser.feed(mebibyte) == []
        left -= len(mebibyte)
    assert parser.feed(mebibyte[:left]) == [Oversized("a", size, 0, False, False, 0)]


@pytest.mark.parametrize(
    ("wire", "source"),
    [
        (b"\x32\xc8\x01\x00\x01#\x00\x01", "MQTT-3.3.2-2"),
        (b"\x32\xc8\x01\x00\x01a\x00\x00", "MQTT-2.3.1-1"),
        (b"\x32\xc8\x01\xff\xff", "section 2.2.3"),
    ],
)
def test_an_oversized_message_must_still_be_sound(wire: bytes, source: str) -> None:
    """Its head is judged like any other, as soon as it has come."""
    with pytest.raises(MalformedPacket) as caught:
        Parser(max_packet_bytes=100).feed(wire)
    assert caught.value.source == source


def test_topics_are_decoded_once_and_the_cache_stays_bounded() -> None:
    """The same topic comes back as the same object; beyond its limit the cache starts afresh."""
    topics = TopicCache(limit=3)
    parser = Parser(topics=topics)
    first, second = parser.feed(encode_publish("care/守/a", b"1") + encode_publish("care/守/a", b"2"))
    assert isinstance(first, Publish)
    assert isinstance(second, Publish)
    assert first.topic is second.topic
    for number in range(10):
        parser.feed(encode_publish(f"t{number}", b""))
        assert len(topics) <= 3
    assert Parser(topics=topics).feed(encode_publish("t9", b"")) == [Publish("t9", b"", 0, False, False, 0)]


def test_a_refused_topic_is_not_kept() -> None:
    """What breaks the rules is judged again each time, never remembered as sound."""
    topics = TopicCache()
    for _ in range(2):
        with pytest.raises(MalformedPacket):
            Parser(topics=topics).feed(b"\x30\x03\x00\x01+")
    assert not topics
