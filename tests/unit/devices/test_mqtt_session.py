"""The client session acknowledges what the caller has committed and nothing else, exactly once where that matters."""

from collections.abc import Callable

import pytest

from devices.wire.mqtt import (
    ClientSession,
    ConnAck,
    Connect,
    ConnectCode,
    InvalidField,
    MalformedPacket,
    Oversized,
    Packet,
    Parser,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    Publish,
    PubRec,
    PubRel,
    SessionState,
    SessionUnavailable,
    SubAck,
    Subscribe,
    UnexpectedPacket,
    UnsubAck,
    Unsubscribe,
    encode,
)

PERSISTENT = Connect(client_id="ingest-p07-alarm", clean_session=False)
ACCEPTED = ConnAck(session_present=False, code=ConnectCode.ACCEPTED)
RESUMED = ConnAck(session_present=True, code=ConnectCode.ACCEPTED)


def wire(*packets: Packet) -> bytes:
    return b"".join(encode(packet) for packet in packets)


def message(packet_id: int, qos: int = 1, payload: bytes = b"x", dup: bool = False) -> Publish:
    return Publish("care/c/d/alarm", payload, qos, False, dup, packet_id)


def connected(unreleased: frozenset[int] = frozenset(), answer: ConnAck = ACCEPTED) -> ClientSession:
    session = ClientSession(PERSISTENT, unreleased=unreleased)
    assert session.output() == wire(PERSISTENT)
    assert session.receive(wire(answer)) == [answer]
    return session


def test_a_message_is_not_acknowledged_before_the_caller_says_so() -> None:
    """Receiving writes nothing; acknowledging writes one PUBACK for each id, in order, once."""
    session = connected()
    assert session.receive(wire(message(1), message(2), message(3))) == [message(1), message(2), message(3)]
    assert session.output() == b""
    session.acknowledge([1, 2])
    assert session.output() == wire(PubAck(1), PubAck(2))
    session.acknowledge([3])
    assert session.output() == wire(PubAck(3))
    assert session.output() == b""


def test_messages_without_packet_id_are_passed_over_in_acknowledging() -> None:
    """The ids of a whole batch can be handed in, those of QoS 0 messages among them."""
    session = connected()
    session.receive(wire(message(0, qos=0), message(5)))
    session.acknowledge([0, 5, 0])
    assert session.output() == wire(PubAck(5))


def test_a_qos_2_message_is_handed_over_exactly_once() -> None:
    """PUBREC goes out after the commit; repeats before and after it are not handed over; PUBREL ends it."""
    session = connected()
    assert session.receive(wire(message(9, qos=2))) == [message(9, qos=2)]
    assert session.receive(wire(message(9, qos=2, dup=True))) == []
    assert session.output() == b""
    session.acknowledge([9])
    assert session.output() == wire(PubRec(9))
    assert session.receive(wire(message(9, qos=2, dup=True))) == []
    assert session.output() == wire(PubRec(9))
    assert session.receive(wire(PubRel(9))) == []
    assert session.output() == wire(PubComp(9))
    another = message(9, qos=2, payload=b"another")
    assert session.receive(wire(another)) == [another]


def test_a_batch_of_both_qualities_is_acknowledged_each_in_its_way() -> None:
    """QoS 2 ids get PUBREC, QoS 1 ids PUBACK, each kind in the order received."""
    session = connected()
    session.receive(wire(message(1), message(2, qos=2), message(3), message(4, qos=2)))
    session.acknowledge([1, 2, 3, 4])
    assert session.output() == wire(PubRec(2), PubRec(4), PubAck(1), PubAck(3))


def test_exactly_once_holds_across_a_lost_connection() -> None:
    """What was acknowledged but not released is recognised on the next connection, if the server kept the session."""
    first = connected()
    first.receive(wire(message(9, qos=2), message(10, qos=2)))
    first.acknowledge([9])
    second = connected(first.close(), RESUMED)
    uncommitted = message(10, qos=2, dup=True)
    assert second.receive(wire(message(9, qos=2, dup=True), uncommitted)) == [uncommitted]
    assert second.output() == wire(PubRec(9))


def test_a_server_that_lost_the_session_makes_old_packet_ids_mean_nothing() -> None:
    """A new message under an old packet id is not taken for a repeat: that would lose it."""
    session = connected(frozenset({9}), ACCEPTED)
    assert session.receive(wire(message(9, qos=2))) == [message(9, qos=2)]


def test_an_acknowledgement_after_the_end_reaches_nobody() -> None:
    """A commit that comes after the connection is gone acknowledges nothing anywhere."""
    session = connected()
    session.receive(wire(message(1)))
    session.close()
    session.acknowledge([1])
    assert session.output() == b""


def test_a_release_of_an_unknown_message_is_answered() -> None:
    """After a restart of ours the server still waits for PUBCOMP: it gets one."""
    session = connected(answer=RESUMED)
    assert session.receive(wire(PubRel(77))) == []
    assert session.output() == wire(PubComp(77))


@pytest.mark.parametrize("qos", [1, 2])
def test_an_oversized_message_is_acknowledged_like_any_other(qos: int) -> None:
    """It is handed over as Oversized, once, and its id can be acknowledged when it has been put on record."""
    session = ClientSession(PERSISTENT, parser=Parser(max_packet_bytes=100))
    session.receive(wire(ACCEPTED))
    session.output()
    large = message(3, qos=qos, payload=bytes(200))
    [reported] = session.receive(wire(large))
    assert isinstance(reported, Oversized)
    assert (reported.topic, reported.packet_id, reported.qos) == (large.topic, 3, qos)
    session.acknowledge([reported.packet_id])
    assert session.output() == wire(PubAck(3) if qos == 1 else PubRec(3))


def test_what_we_publish_is_answered_under_its_packet_id() -> None:
    """QoS 0 has none, QoS 1 ends with PUBACK, QoS 2 goes through PUBREC and PUBREL to PUBCOMP."""
    session = connected()
    assert session.publish("t", b"0") == 0
    once, exactly = session.publish("t", b"1", qos=1, retain=True), session.publish("t", b"2", qos=2)
    assert session.output() == wire(
        Publish("t", b"0", 0, False, False, 0),
        Publish("t", b"1", 1, True, False, once),
        Publish("t", b"2", 2, False, False, exactly),
    )
    assert session.receive(wire(PubRec(exactly), PubAck(once))) == [PubAck(once)]
    assert session.output() == wire(PubRel(exactly))
    assert session.receive(wire(PubRec(exactly), PubComp(exactly))) == [PubComp(exactly)]
    assert session.output() == wire(PubRel(exactly))


def test_packet_ids_are_unused_ones_and_run_round() -> None:
    """65,535 are in use at most; then nothing can be sent until one is answered, and that one comes free."""
    session = connected()
    used = {session.publish("t", b"", qos=1) for _ in range(65_535)}
    assert used == set(range(1, 65_536))
    with pytest.raises(SessionUnavailable):
        session.publish("t", b"", qos=1)
    assert session.publish("t", b"") == 0
    session.receive(wire(PubAck(40_000)))
    assert session.subscribe(("a", 0)) == 40_000


def test_a_message_is_sent_again_under_its_old_packet_id() -> None:
    """On a new connection the repeat carries DUP and the id of the first time, and no new message takes that id."""
    session = connected()
    assert session.publish("t", b"1", qos=1, resend_of=2) == 2
    assert session.output() == wire(Publish("t", b"1", 1, False, True, 2))
    assert [session.publish("t", b"", qos=1) for _ in range(2)] == [3, 4]
    with pytest.raises(InvalidField):
        session.publish("t", b"1", qos=1, resend_of=2)
    with pytest.raises(InvalidField):
        session.publish("t", b"1", qos=2, resend_of=9)


def test_subscriptions_are_asked_for_and_answered() -> None:
    """SUBSCRIBE and UNSUBSCRIBE go out with fresh ids; their answers are handed over."""
    session = connected()
    asked, given_up = session.subscribe(("care/+/+/alarm", 1), ("a/#", 0)), session.unsubscribe("b")
    assert session.output() == wire(
        Subscribe(asked, (("care/+/+/alarm", 1), ("a/#", 0))), Unsubscribe(given_up, ("b",))
    )
    answers = SubAck(asked, (1, 128)), UnsubAck(given_up)
    assert session.receive(wire(*answers)) == [*answers]


def test_a_refused_field_uses_up_nothing() -> None:
    """After InvalidField neither bytes nor a packet id are taken."""
    session = connected()
    with pytest.raises(InvalidField):
        session.publish("#", b"", qos=1)
    with pytest.raises(InvalidField):
        session.subscribe(("a/#/b", 0))
    assert session.output() == b""
    assert session.publish("t", b"", qos=1) == 1


def test_a_ping_is_unanswered_until_its_answer_comes() -> None:
    """The caller can see on his own clock that the server has gone silent."""
    session = connected()
    session.ping()
    assert session.output() == wire(PingReq())
    assert session.ping_unanswered
    assert session.receive(wire(PingResp())) == []
    assert not session.ping_unanswered


def test_a_refusal_is_handed_over_and_closes_the_session() -> None:
    """The code is there to be shown; nothing can be sent after it."""
    session = ClientSession(Connect(client_id="a"))
    session.output()
    refusal = ConnAck(session_present=False, code=ConnectCode.BAD_CREDENTIALS)
    assert session.receive(wire(refusal)) == [refusal]
    assert session.state is SessionState.CLOSED
    with pytest.raises(SessionUnavailable):
        session.publish("t", b"")


def test_nothing_is_sent_or_heard_after_leaving() -> None:
    """DISCONNECT is the last packet; what still comes in is left for the server to keep."""
    session = connected()
    session.receive(wire(message(1)))
    session.disconnect()
    session.acknowledge([1])
    session.ping()
    assert session.output() == b"\xe0\x00"
    assert session.receive(wire(message(2))) == []
    with pytest.raises(SessionUnavailable):
        session.subscribe(("a", 0))


def no_steps(_: ClientSession) -> None:
    """Straight after connecting."""


@pytest.mark.parametrize(
    ("before", "packet"),
    [
        (no_steps, Connect(client_id="x")),
        (no_steps, ACCEPTED),
        (no_steps, PingReq()),
        (no_steps, Subscribe(1, (("a", 0),))),
        (lambda session: session.receive(wire(message(4, qos=2))), PubRel(4)),
        (lambda session: session.publish("t", b"", qos=2), PubAck(1)),
        (lambda session: session.publish("t", b"", qos=1), PubRec(1)),
        (lambda session: session.subscribe(("a", 0)), UnsubAck(1)),
    ],
)
def test_a_packet_without_a_place_ends_the_connection(
    before: Callable[[ClientSession], object], packet: Packet
) -> None:
    """UnexpectedPacket carries what came before it, and the session is closed and deaf."""
    session = connected()
    before(session)
    with pytest.raises(UnexpectedPacket) as caught:
        session.receive(wire(message(1), packet, message(2)))
    assert caught.value.before == (message(1),)
    assert session.state is SessionState.CLOSED
    assert session.receive(wire(message(3))) == []


def test_the_first_packet_must_be_connack() -> None:
    """A server that talks before it has accepted is not listened to."""
    session = ClientSession(PERSISTENT)
    with pytest.raises(UnexpectedPacket) as caught:
        session.receive(wire(message(1)))
    assert caught.value.before == ()


def test_what_came_before_malformed_bytes_is_handled_as_usual() -> None:
    """A repeat among it is still no second message, and the new one is still handed over."""
    session = connected()
    session.receive(wire(message(1, qos=2)))
    session.acknowledge([1])
    with pytest.raises(MalformedPacket) as caught:
        session.receive(wire(message(1, qos=2, dup=True), message(2)) + b"\xf0\x00")
    assert caught.value.before == (message(2),)
    assert session.state is SessionState.CLOSED


def test_an_answer_to_nothing_is_harmless() -> None:
    """Late answers of a resumed session are handed over and disturb no packet id in use."""
    session = connected(answer=RESUMED)
    assert session.receive(wire(PubAck(500), PubComp(501))) == [PubAck(500), PubComp(501)]
    assert session.receive(wire(PubRec(502))) == []
    assert session.output() == wire(PubRel(502))
