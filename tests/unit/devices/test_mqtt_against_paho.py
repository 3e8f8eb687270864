"""Our codec and paho-mqtt, the reference, understand each other in both directions."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.paho_wire import PahoOnMemory
from devices.wire.mqtt import (
    ConnAck,
    Connect,
    ConnectCode,
    Disconnect,
    Packet,
    Parser,
    PingReq,
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
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40)
filters = st.sampled_from(["#", "+", "care/+/+/alarm", "/", "守望/#"]) | names
payloads = st.binary(max_size=300)
packet_ids = st.integers(1, 65_535)
qualities = st.integers(0, 2)
publishes = st.builds(Publish, names, payloads, st.just(0), st.booleans(), st.just(False), st.just(0)) | st.builds(
    Publish, names, payloads, st.integers(1, 2), st.booleans(), st.booleans(), packet_ids
)

ACCEPTED = encode(ConnAck(session_present=False, code=ConnectCode.ACCEPTED))


def connected_paho() -> PahoOnMemory:
    paho = PahoOnMemory()
    paho.connect()
    paho.read(ACCEPTED)
    paho.written()
    return paho


@given(
    client_id=texts,
    clean_session=st.booleans(),
    keep_alive_s=st.integers(1, 65_535),
    will=st.none() | st.builds(Will, topic=names, payload=payloads, qos=qualities, retain=st.booleans()),
    username=st.none() | texts,
    password=st.none() | st.binary(max_size=40),
)
def test_connect_is_the_same_bytes(
    client_id: str,
    clean_session: bool,
    keep_alive_s: int,
    will: Will | None,
    username: str | None,
    password: bytes | None,
) -> None:
    """Whatever paho connects with, we read, and write to the byte."""
    paho = PahoOnMemory(client_id=client_id, clean_session=clean_session)
    if will is not None:
        paho.client.will_set(will.topic, will.payload, will.qos, will.retain)
    if username is not None:
        paho.client.username_pw_set(username)
        paho.client._password = password  # its public interface takes text only, MQTT takes any bytes
    paho.connect(keep_alive_s)
    packet = Connect(
        client_id=client_id,
        clean_session=clean_session,
        keep_alive_s=keep_alive_s,
        will=will,
        username=username,
        password=password if username is not None else None,
    )
    written = paho.written()
    assert written == encode(packet)
    assert Parser().feed(written) == [packet]


@given(st.lists(publishes, min_size=1, max_size=5))
def test_publish_is_the_same_bytes(packets: list[Publish]) -> None:
    """Whatever paho publishes, we read, and write to the byte."""
    paho = connected_paho()
    for packet in packets:
        paho.write_publish(
            packet.topic,
            packet.payload,
            qos=packet.qos,
            retain=packet.retain,
            dup=packet.dup,
            packet_id=packet.packet_id,
        )
    written = paho.written()
    assert written == b"".join(encode(packet) for packet in packets)
    assert Parser().feed(written) == packets


@given(st.lists(st.tuples(filters, qualities), min_size=1, max_size=5))
def test_subscribe_and_unsubscribe_are_the_same_bytes(subscriptions: list[tuple[str, int]]) -> None:
    """The same filters make the same packets."""
    paho = connected_paho()
    _, asked = paho.client.subscribe(subscriptions)
    _, given_up = paho.client.unsubscribe([topic_filter for topic_filter, _ in subscriptions])
    packets: list[Packet] = [
        Subscribe(asked, tuple(subscriptions)),
        Unsubscribe(given_up, tuple(topic_filter for topic_filter, _ in subscriptions)),
    ]
    written = paho.written()
    assert written == b"".join(encode(packet) for packet in packets)
    assert Parser().feed(written) == packets


@given(st.lists(publishes, min_size=1, max_size=5, unique_by=lambda packet: packet.packet_id or object()))
def test_paho_hears_what_we_publish_and_we_understand_its_answers(packets: list[Publish]) -> None:
    """paho reports each message as it was sent; its PUBACK, PUBREC and PUBCOMP are read as such."""
    heard: list[Publish] = []

    def on_message(_client: object, _userdata: object, message: Any) -> None:
        heard.append(
            Publish(message.topic, bytes(message.payload), message.qos, message.retain, message.dup, message.mid)
        )

    paho = connected_paho()
    paho.client.on_message = on_message
    expected: list[PubAck | PubRec | PubComp] = []
    for packet in packets:
        paho.read(encode(packet))
        if packet.qos == 1:
            expected.append(PubAck(packet.packet_id))
        if packet.qos == 2:
            paho.read(encode(PubRel(packet.packet_id)))
            expected += [PubRec(packet.packet_id), PubComp(packet.packet_id)]
    assert heard == packets
    assert Parser().feed(paho.written()) == expected


@given(st.lists(st.sampled_from([0, 1, 2, 128]), min_size=1, max_size=5))
def test_paho_understands_the_servers_side(granted: list[int]) -> None:
    """CONNACK, SUBACK, UNSUBACK and the answers to its own messages reach paho's callbacks as we meant them."""
    reported: list[tuple[str, object]] = []
    paho = PahoOnMemory(clean_session=False)
    paho.client.on_connect = lambda _c, _u, flags, code, _p: reported.append(
        ("connected", (flags.session_present, code.is_failure))
    )
    paho.client.on_subscribe = lambda _c, _u, mid, codes, _p: reported.append(
        ("subscribed", (mid, [code.value for code in codes]))
    )
    paho.client.on_unsubscribe = lambda _c, _u, mid, _codes, _p: reported.append(("unsubscribed", mid))
    paho.client.on_publish = lambda _c, _u, mid, _code, _p: reported.append(("published", mid))
    paho.connect()
    paho.read(encode(ConnAck(session_present=True, code=ConnectCode.ACCEPTED)))
    _, asked = paho.client.subscribe([("a", 0)] * len(granted))
    paho.read(encode(SubAck(asked, tuple(granted))))
    _, given_up = paho.client.unsubscribe("a")
    paho.read(encode(UnsubAck(given_up)))
    once, exactly = paho.client.publish("a", b"", 1).mid, paho.client.publish("a", b"", 2).mid
    paho.written()
    paho.read(encode(PubAck(once)) + encode(PubRec(exactly)))
    assert Parser().feed(paho.written()) == [PubRel(exactly)]
    paho.read(encode(PubComp(exactly)))
    assert reported == [
        ("connected", (True, False)),
        ("subscribed", (asked, granted)),
        ("unsubscribed", given_up),
        ("published", once),
        ("published", exactly),
    ]


def test_the_small_packets_of_paho_are_understood() -> None:
    """PINGREQ and DISCONNECT."""
    paho = connected_paho()
    paho.client._send_pingreq()
    paho.client.disconnect()
    assert Parser().feed(paho.written()) == [PingReq(), Disconnect()]
