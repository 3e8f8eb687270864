"""The phone network in itself: what people do on calls, on a clock set by hand and without HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from simulator.clock import HandSetClock
from simulator.errors import NothingCame, NotOnThePhone, UnexpectedTraffic
from simulator.phone.books import Account, LineKind, OwnNumber
from simulator.phone.call import Call, CallRequest, CallStatus, Script
from simulator.phone.message import MessageStatus
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import (
    AnsweredBy,
    Answers,
    Delivery,
    HangsUp,
    IsBusy,
    LetsItRing,
    Person,
    Temper,
    Texting,
    Unreachable,
    Voicemail,
)
from simulator.phone.timing import INSTANT, Timing

START = datetime(2026, 8, 1, 9, 14, tzinfo=UTC)
OFFICE, DAUGHTER, MOTHER, SON = "+441632960000", "+441632960001", "+441632960002", "+441632960003"
# Asks once; a key leads nowhere, as there is no platform here, so a pressed key is seen by the trouble it makes.
SAY = "<Say>This is CareWatch.</Say>"
ASK = f'<Gather numDigits="1" timeout="10">{SAY}</Gather><Say>Goodbye.</Say>'


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock(START)


@pytest.fixture
async def network(clock: HandSetClock) -> AsyncIterator[PhoneNetwork]:
    async with _network(clock) as network:
        yield network


def _network(clock: HandSetClock, timing: Timing = INSTANT) -> PhoneNetwork:
    account = Account(sid="AC" + "0" * 32, auth_token="token")
    return PhoneNetwork(account=account, own_numbers=[OwnNumber(number=OFFICE)], clock=clock, timing=timing)


def _call(network: PhoneNetwork, to: str = DAUGHTER, twiml: str = SAY, **request: object) -> Call:
    twiml = f"<Response>{twiml}</Response>"
    return network.create_call(CallRequest(to=to, from_=OFFICE, script=Script(twiml=twiml), **request))  # type: ignore[arg-type]  # fields by name


async def _pass(clock: HandSetClock, seconds: float) -> None:
    await clock.advance(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("temper", "after_s", "status"),
    [
        (Answers(after_s=5), 5, CallStatus.COMPLETED),
        (IsBusy(), 0, CallStatus.BUSY),
        (IsBusy(after_s=4), 4, CallStatus.BUSY),
        (LetsItRing(), 30, CallStatus.NO_ANSWER),
        (Unreachable(), 0, CallStatus.FAILED),
    ],
)
async def test_a_call_ends_as_the_temper_of_the_called_has_it_and_when(
    network: PhoneNetwork, clock: HandSetClock, temper: Temper, after_s: float, status: CallStatus
) -> None:
    network.register(Person(number=DAUGHTER, temper=temper))
    call = _call(network, timeout_s=30)
    await _pass(clock, 600)
    assert (call.status, call.ended_at) == (status, START + timedelta(seconds=after_s))
    network.check()


async def test_who_hangs_up_has_talked_but_pressed_nothing(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=HangsUp(after_s=5, stays_s=3)))
    call = _call(network, twiml=ASK)
    await _pass(clock, 60)
    assert (call.status, call.duration_s) == (CallStatus.COMPLETED, 3)
    assert LineKind.PRESSED not in [line.kind for line in network.transcript]


async def test_a_person_hears_the_menu_out_before_pressing_and_a_key_cuts_the_prompt_short(
    clock: HandSetClock,
) -> None:
    async with _network(clock, Timing(dial_s=0)) as network:
        network.register(Person(number=DAUGHTER, temper=Answers(after_s=0, keys=("1",))))
        network.register(Person(number=MOTHER, temper=Answers(after_s=0, keys=("1",), listens_s=0.5)))
        patient, hasty = _call(network, DAUGHTER, ASK), _call(network, MOTHER, ASK)
        await _pass(clock, 60)
        pressed = {line.number: line.at - START for line in network.transcript if line.kind is LineKind.PRESSED}
    speaking = timedelta(seconds=len("This is CareWatch.") / 14)
    assert pressed == {DAUGHTER: speaking + timedelta(seconds=1), MOTHER: timedelta(seconds=0.5)}
    assert patient.status is hasty.status is CallStatus.COMPLETED


async def test_a_menu_nobody_answers_is_passed_after_its_timeout(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    call = _call(network, twiml=ASK)
    await _pass(clock, 9)
    assert call.status is CallStatus.IN_PROGRESS
    await _pass(clock, 1)
    assert (call.status, call.spoken) == (CallStatus.COMPLETED, ["This is CareWatch.", "Goodbye."])


@pytest.mark.parametrize(
    ("detection", "temper", "verdict"),
    [
        ("Enable", Voicemail(after_s=1), AnsweredBy.MACHINE_START),
        ("DetectMessageEnd", Voicemail(after_s=1), AnsweredBy.MACHINE_END_BEEP),
        ("Enable", Voicemail(after_s=1, detected=AnsweredBy.HUMAN), AnsweredBy.HUMAN),
        ("Enable", Answers(after_s=1), AnsweredBy.HUMAN),
        ("Enable", Answers(after_s=1, detected=AnsweredBy.UNKNOWN), AnsweredBy.UNKNOWN),
        ("", Voicemail(after_s=1), None),
    ],
)
async def test_machine_detection_tells_who_answered_only_when_asked_and_may_be_wrong(
    network: PhoneNetwork, clock: HandSetClock, detection: str, temper: Temper, verdict: AnsweredBy | None
) -> None:
    network.register(Person(number=DAUGHTER, temper=temper))
    call = _call(network, machine_detection=detection)
    await _pass(clock, 100)
    assert call.answered_by is verdict


async def test_a_voicemail_listens_until_its_tape_is_full(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=Voicemail(after_s=20, tape_s=60)))
    call = _call(network, twiml='<Pause length="300"/>')
    await _pass(clock, 600)
    assert (call.status, call.duration_s) == (CallStatus.COMPLETED, 60)


async def test_one_number_has_one_live_call_unless_it_has_call_waiting(
    network: PhoneNetwork, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=5)))
    network.register(Person(number=SON, temper=Answers(after_s=5), call_waiting=True))
    calls = [_call(network, number) for number in (DAUGHTER, DAUGHTER, SON, SON)]
    await _pass(clock, 60)
    again = _call(network, DAUGHTER)
    await _pass(clock, 60)
    ended = [call.status for call in [*calls, again]]
    completed, busy = CallStatus.COMPLETED, CallStatus.BUSY
    assert ended == [completed, busy, completed, completed, completed]


async def test_calls_wait_in_line_when_the_account_may_dial_one_a_second(clock: HandSetClock) -> None:
    async with _network(clock, Timing(dial_s=0, calls_per_s=1)) as network:
        numbers = [DAUGHTER, MOTHER, SON]
        for number in numbers:
            network.register(Person(number=number, temper=LetsItRing()))
        calls = [_call(network, number) for number in numbers]
        await _pass(clock, 10)
        assert [call.rang_at for call in calls] == [START + timedelta(seconds=wait) for wait in range(3)]


async def test_a_call_ends_at_its_time_limit(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    call = _call(network, twiml='<Pause length="900"/>', time_limit_s=120)
    await _pass(clock, 900)
    assert (call.status, call.duration_s) == (CallStatus.COMPLETED, 120)


async def test_a_responder_is_connected_to_the_resident_until_one_of_them_hangs_up(
    network: PhoneNetwork, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    network.register(Person(number=MOTHER, temper=Answers(after_s=4, talks_s=30)))
    call = _call(network, twiml=f"<Dial>{MOTHER}</Dial><Say>Goodbye.</Say>")
    await _pass(clock, 600)
    [leg] = network.calls_to(MOTHER)
    assert (leg.parent_sid, leg.status, leg.duration_s) == (call.sid, CallStatus.COMPLETED, 30)
    assert (call.bridged_to, call.duration_s, call.spoken) == ([MOTHER], 34, ["Goodbye."])
    network.check()


async def test_the_resident_is_let_go_when_the_responder_hangs_up(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=HangsUp(after_s=0, stays_s=20)))
    network.register(Person(number=MOTHER, temper=Answers(after_s=4, talks_s=300)))
    _call(network, twiml=f"<Dial>{MOTHER}</Dial>")
    await _pass(clock, 600)
    [leg] = network.calls_to(MOTHER)
    assert (leg.status, leg.duration_s) == (CallStatus.COMPLETED, 16)


async def test_the_first_to_answer_gets_a_call_dialled_to_several(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    network.register(Person(number=MOTHER, temper=Answers(after_s=9)))
    network.register(Person(number=SON, temper=Answers(after_s=3, talks_s=10)))
    call = _call(network, twiml=f"<Dial><Number>{MOTHER}</Number><Number>{SON}</Number></Dial>")
    await _pass(clock, 600)
    assert call.bridged_to == [SON]
    assert [leg.status for leg in network.calls_to(MOTHER)] == [CallStatus.CANCELED]


async def test_a_story_plays_a_person_who_answers_hears_and_hangs_up(
    network: PhoneNetwork, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    _call(network, twiml=ASK)
    call = await daughter.next_call()
    await _pass(clock, 12)
    await call.answer()
    assert await call.hears("CareWatch") == "This is CareWatch."
    await call.hang_up()
    assert (call.status, call.duration_s) == (CallStatus.COMPLETED, 0)
    with pytest.raises(NotOnThePhone, match="cannot press a key"):
        await call.press("1")
    with pytest.raises(NotOnThePhone, match="cannot hang up"):
        await call.hang_up()
    network.check()


async def test_a_story_plays_a_person_who_rejects_a_call(network: PhoneNetwork) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    _call(network)
    call = await daughter.next_call()
    await call.decline()
    assert call.status is CallStatus.BUSY
    with pytest.raises(NotOnThePhone, match="cannot answer"):
        await call.answer()


async def test_what_does_not_come_fails_with_what_came_instead(network: PhoneNetwork) -> None:
    network.register(Person(number=DAUGHTER, temper=LetsItRing()))
    _call(network)
    with pytest.raises(NothingCame, match=rf"a call to \{MOTHER} did not come[\s\S]*\{DAUGHTER} status ringing"):
        await network.wait_for_call(MOTHER, within_s=0.05)


async def test_calls_and_texts_that_nobody_expected_fail_the_story(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER))
    ringing = _call(network, DAUGHTER)
    unheard = network.create_message(to=DAUGHTER, from_=OFFICE, body="Going?")
    stray_call = _call(network, SON)
    stray_text = network.create_message(to=SON, from_=OFFICE, body="Anybody?")
    await _pass(clock, 1)
    with pytest.raises(UnexpectedTraffic) as caught:
        network.check()
    told = "\n".join(caught.value.happenings)
    assert f"a call from {OFFICE} to a number nobody has" in told
    assert f"a text from {OFFICE} to a number nobody has: Anybody?" in told
    assert ringing.sid in told
    assert unheard.sid in told
    assert (stray_call.status, stray_text.status) == (CallStatus.FAILED, MessageStatus.UNDELIVERED)
    assert stray_text.error_code == 30005


async def test_unknown_twiml_fails_the_story(network: PhoneNetwork, clock: HandSetClock) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    _call(network, twiml="<Sing/><Message>no</Message>")
    await _pass(clock, 1)
    assert [line.text for line in network.books.unexpected] == [
        "unknown verb <Sing>",
        "<Message> in a voice document",
    ]


@pytest.mark.parametrize(
    ("delivery", "status", "error_code"),
    [
        (Delivery.DELIVERED, MessageStatus.DELIVERED, None),
        (Delivery.UNDELIVERED, MessageStatus.UNDELIVERED, 30003),
        (Delivery.FAILED, MessageStatus.FAILED, 30003),
        (Delivery.NO_RECEIPT, MessageStatus.SENT, None),
    ],
)
async def test_a_text_ends_as_the_phone_has_it(
    network: PhoneNetwork, clock: HandSetClock, delivery: Delivery, status: MessageStatus, error_code: int | None
) -> None:
    network.register(Person(number=DAUGHTER, texting=Texting(delivery=delivery)))
    message = network.create_message(to=DAUGHTER, from_=OFFICE, body="Going?")
    await _pass(clock, 1)
    assert (message.status, message.error_code) == (status, error_code)
    network.check()


async def test_carriers_in_mainland_china_filter_links_and_pass_the_rest(
    network: PhoneNetwork, clock: HandSetClock
) -> None:
    network.register(Person(number="+8613900000001", texting=Texting()))
    linked = network.create_message(to="+8613900000001", from_=OFFICE, body="请看 https://care.example/r/x")
    plain = network.create_message(to="+8613900000001", from_=OFFICE, body="请接听随后的来电并按键确认。")
    await _pass(clock, 1)
    assert (linked.status, linked.error_code) == (MessageStatus.UNDELIVERED, 30007)
    assert plain.status is MessageStatus.DELIVERED


async def test_no_reply_comes_out_of_mainland_china(network: PhoneNetwork) -> None:
    network.register(Person(number="+8613900000001"))
    reply = await network.text(from_="+8613900000001", to=OFFICE, body="1 12")
    assert reply.sid not in network.books.messages
    assert network.transcript[-1].text == f"the text to {OFFICE} is lost on its way"


async def test_instructions_given_while_it_rings_replace_the_first_ones(
    network: PhoneNetwork, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=5)))
    call = _call(network)
    await _pass(clock, 1)
    network.update_call(call, script=Script(twiml="<Response><Say>Your brother is going.</Say></Response>"))
    await _pass(clock, 10)
    assert (call.status, call.spoken) == (CallStatus.COMPLETED, ["Your brother is going."])


async def test_nobody_can_answer_a_text_that_never_came(network: PhoneNetwork) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    with pytest.raises(NothingCame, match=r"a text to \+\d+ that could be answered"):
        await daughter.reply("1")
