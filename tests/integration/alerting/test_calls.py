"""Calls from the outbox to a phone and back: real database, Twilio's interface over HTTP, care time by hand."""

import pytest
from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER, GRID_WORKER, SON

from devices.model import Hazard
from domain.incident import IncidentId
from domain.notification import AnswerKind
from simulator.phone.call import Call, CallStatus
from simulator.phone.people import AnsweredBy, Answers, HangsUp, IsBusy, LetsItRing, Unreachable, Voicemail

RESIDENT = "+8613700000001"


async def _rings(switchboard: Switchboard, number: str = DAUGHTER) -> Call:
    call = await switchboard.network.wait_for_call(number)
    await call.answer()
    return call


async def _of_calls(switchboard: Switchboard, incident: IncidentId) -> list[str]:
    kinds = ("called", "answered_call", "keyed", "accepted", "declined", "failed", "voicemail", "put_back")
    return [line for line in await switchboard.night.timeline(incident) if line.split()[0] in kinds]


async def test_a_call_is_answered_and_accepted_with_key_1(switchboard: Switchboard) -> None:
    """Before the key: surname, hazard, community, time. After it: the address and how to get in."""
    switchboard.person(DAUGHTER)
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await _rings(switchboard)
    await call.hears("press 1")
    assert "Mrs 张 of 和平村 pressed the call button at 12:00." in call.spoken
    assert "三组1号" not in " ".join(call.spoken)
    await call.press("1")
    assert "钥匙在东邻李家" in await call.hears("三组1号")
    assert await switchboard.night.state(incident) == "acknowledged"
    await call.hang_up()
    await switchboard.hung_up(DAUGHTER)
    assert await switchboard.notification(asked) == ("delivered", None, "accept")
    assert await _of_calls(switchboard, incident) == [
        "called placed",
        "answered_call human",
        "keyed key_1",
        "accepted first",
    ]


async def test_key_2_declines_and_says_goodbye(switchboard: Switchboard) -> None:
    """The engine is told at once."""
    switchboard.person(DAUGHTER, temper=Answers(keys=("2",)))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter", language="zh-CN")
    await switchboard.start()
    await switchboard.until_called(DAUGHTER)
    await switchboard.forward(10)
    await switchboard.hung_up(DAUGHTER)
    (call,) = switchboard.network.calls_to(DAUGHTER)
    assert call.spoken == [
        "这里是守望值守台。",
        "和平村张老人按下了呼救按钮，十二点整。",
        "您能去请按1，去不了请按2，重听请按9。",
        "好的，我们会请别人去。",
        "谢谢，再见。",
    ]
    assert await switchboard.notification(asked) == ("delivered", None, "decline")


async def test_key_9_says_it_again_and_an_unknown_key_is_told_once(switchboard: Switchboard) -> None:
    """Then the call ends, and nobody was reached."""
    switchboard.person(DAUGHTER, temper=Answers(keys=("9", "7", "8")))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    await switchboard.until_called(DAUGHTER)
    await switchboard.forward(10)
    await switchboard.becomes(asked, "failed", "no_key")
    (call,) = switchboard.network.calls_to(DAUGHTER)
    told = [words for words in call.spoken if "pressed the call button" in words or "no such choice" in words]
    matter = "Mrs 张 of 和平村 pressed the call button at 12:00."
    assert told == [matter, matter, "There is no such choice.", matter]
    assert call.spoken[-1].startswith("We got no key from you")


async def test_no_key_is_asked_once_more_and_then_has_reached_nobody(switchboard: Switchboard) -> None:
    """Lifting the receiver is no answer."""
    switchboard.person(DAUGHTER, temper=Answers())
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    await switchboard.until_called(DAUGHTER)
    await switchboard.forward(60)
    await switchboard.becomes(asked, "failed", "no_key")
    (call,) = switchboard.network.calls_to(DAUGHTER)
    assert sum("pressed the call button" in words for words in call.spoken) == 2


@pytest.mark.parametrize(
    ("temper", "failure"),
    [
        (LetsItRing(), "no_answer"),
        (IsBusy(), "busy"),
        (Unreachable(), "undelivered"),
        (HangsUp(), "no_key"),
        (Voicemail(), "voicemail"),
        (Voicemail(detected=AnsweredBy.HUMAN), "no_key"),
    ],
    ids=["lets it ring", "is busy", "cannot be reached", "hangs up", "voicemail", "voicemail taken for a person"],
)
async def test_whoever_presses_no_key_is_nobody(switchboard: Switchboard, temper: object, failure: str) -> None:
    """The failure has its name, the engine is poked, and the number is free."""
    switchboard.person(DAUGHTER, temper=temper)
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.night.query("UPDATE incidents SET next_step_at = next_step_at + interval '1 hour'")
    await switchboard.start()
    await switchboard.until_called(DAUGHTER)
    await switchboard.forward(100)
    await switchboard.becomes(asked, "failed", failure)
    await switchboard.hung_up(DAUGHTER)
    poked = await switchboard.night.query("SELECT next_step_at <= %s FROM incidents", switchboard.clock.now())
    assert poked == [(True,)]
    assert len(switchboard.network.calls_to(DAUGHTER)) == 1


async def test_a_machine_learns_nothing_and_a_person_taken_for_one_gets_in_with_any_key(
    switchboard: Switchboard,
) -> None:
    """Machine detection errs both ways."""
    switchboard.person(DAUGHTER, temper=Voicemail())
    switchboard.person(SON, temper=Answers(keys=("5", "1"), detected=AnsweredBy.MACHINE_START))
    incident = await switchboard.night.raises()
    machine, person = await switchboard.ask(incident, "daughter"), await switchboard.ask(incident, "son")
    await switchboard.start()
    await switchboard.until_called(DAUGHTER, SON)
    await switchboard.forward(100)
    await switchboard.becomes(machine, "failed", "voicemail")
    await switchboard.hung_up(SON)
    assert switchboard.network.calls_to(DAUGHTER)[0].spoken == [
        "This is CareWatch with something urgent. Press any key to listen."
    ]
    assert await switchboard.notification(person) == ("delivered", None, "accept")


async def test_key_3_connects_to_the_resident_and_comes_back_to_the_question(switchboard: Switchboard) -> None:
    """Having talked with her, the caller decides."""
    await switchboard.night.query("UPDATE residents SET phone = %s", RESIDENT)
    switchboard.person(DAUGHTER)
    switchboard.person(RESIDENT, temper=Answers(after_s=2, talks_s=30))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await _rings(switchboard)
    await call.hears("to speak with the resident, 3")
    await call.press("3")
    await call.hears("Connecting you")
    await switchboard.forward(40)
    assert call.bridged_to == [RESIDENT]
    await call.press("1")
    await call.hears("三组1号")
    assert (await switchboard.notification(asked))[2] == "accept"
    await call.hang_up()
    await switchboard.hung_up(DAUGHTER)


async def test_ten_incidents_are_one_call_and_the_worst_comes_first(switchboard: Switchboard) -> None:
    """Whoever is asked about ten homes is called once; each is announced, and answered for itself."""
    switchboard.person(GRID_WORKER)
    incidents = [await switchboard.night.raises(home=home) for home in (1, 2, 3)]
    asked = [
        await switchboard.ask(incident, "grid-worker", severity=severity)
        for incident, severity in zip(incidents, (3, 1, 2), strict=True)
    ]
    await switchboard.start()
    call = await _rings(switchboard, GRID_WORKER)
    await call.press("1")
    await call.hears("三组2号")
    await call.press("5")  # anything but 9 goes on
    await call.hears("Another:")
    await call.press("2")
    await call.hears("ask somebody else")
    await call.press("1")
    await call.hears("三组1号")
    assert [(await switchboard.notification(one))[2] for one in asked] == ["accept", "accept", "decline"]
    await switchboard.forward(10)
    assert await call.ended() is CallStatus.COMPLETED
    await switchboard.hung_up(GRID_WORKER)
    assert len(switchboard.network.calls_to(GRID_WORKER)) == 1


async def test_what_becomes_due_during_a_call_is_announced_in_it(switchboard: Switchboard) -> None:
    """Whoever is busy with us is not called a second time."""
    switchboard.person(GRID_WORKER)
    first = await switchboard.night.raises(home=1)
    await switchboard.ask(first, "grid-worker")
    await switchboard.start()
    call = await _rings(switchboard, GRID_WORKER)
    await call.hears("press 1")
    second = await switchboard.night.raises(home=2)
    later = await switchboard.ask(second, "grid-worker")
    await call.press("2")
    await call.hears("Another:")
    await call.press("1")
    await call.hears("三组2号")
    await call.hang_up()
    await switchboard.hung_up(GRID_WORKER)
    assert await switchboard.notification(later) == ("delivered", None, "accept")
    assert len(switchboard.network.calls_to(GRID_WORKER)) == 1


async def test_what_was_not_announced_is_called_about_again_at_once(switchboard: Switchboard) -> None:
    """She hung up after the first: the second has not been asked."""
    switchboard.person(GRID_WORKER)
    one, other = [await switchboard.night.raises(home=home) for home in (1, 2)]
    heard, unheard = [await switchboard.ask(incident, "grid-worker") for incident in (one, other)]
    await switchboard.start()
    call = await _rings(switchboard, GRID_WORKER)
    await call.hears("press 1")
    await call.hang_up()
    again = await _rings(switchboard, GRID_WORKER)
    await again.press("1")
    await again.hears("三组2号")
    await again.hang_up()
    await switchboard.hung_up(GRID_WORKER)
    assert await switchboard.notification(heard) == ("failed", "no_key", None)
    assert await switchboard.notification(unheard) == ("delivered", None, "accept")
    assert "put_back not_announced" in await _of_calls(switchboard, other)


async def test_who_answers_late_is_told_what_has_happened(switchboard: Switchboard) -> None:
    """It was resolved while the phone rang."""
    switchboard.person(DAUGHTER)
    incident = await switchboard.night.raises()
    await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await switchboard.network.wait_for_call(DAUGHTER)
    await switchboard.night.query(
        """UPDATE incidents SET state = 'resolved', resolved_at = opened_at, outcome = 'false_alarm',
                                resolved_by = 'user:li', next_step_at = NULL"""
    )
    await call.answer()
    await call.hears("This has been resolved")
    assert await call.ended() is CallStatus.COMPLETED
    await switchboard.hung_up(DAUGHTER)


async def test_who_is_going_already_is_said_to_the_next(switchboard: Switchboard) -> None:
    """A fire calls everyone; whoever answers second hears of the first, before and after the key."""
    switchboard.person(DAUGHTER)
    switchboard.person(SON)
    incident = await switchboard.night.raises()
    await switchboard.ask(incident, "daughter", severity=1)
    await switchboard.ask(incident, "son", severity=1)
    await switchboard.start()
    first, second = await _rings(switchboard), await _rings(switchboard, SON)
    await first.press("1")
    await first.hears("三组1号")
    assert not [words for words in first.spoken if words.startswith("Already going")]
    await second.press("1")
    await second.hears("Already going: daughter.")
    for call in (first, second):
        await call.hang_up()
        await switchboard.hung_up(call.to)


@pytest.mark.parametrize(
    ("hazard", "key", "hears", "ends"),
    [
        (Hazard.INACTIVITY, "1", "Good to hear that you are well", ("delivered", None, "well")),
        (Hazard.INACTIVITY, "2", "we are sending somebody", ("failed", "no_key", None)),
        (Hazard.SOS, "1", "we are sending somebody", ("failed", "no_key", None)),
    ],
    ids=["well", "needs help", "cannot call off an SOS"],
)
async def test_the_resident_is_asked_whether_she_is_well(
    switchboard: Switchboard, hazard: Hazard, key: str, hears: str, ends: tuple[str, str | None, str | None]
) -> None:
    """Key 1 ends it, unless it is too grave for that; key 2 brings those who can come."""
    switchboard.person(RESIDENT)
    incident = await switchboard.night.raises(hazard)
    asked = await switchboard.ask_resident(incident, RESIDENT)
    await switchboard.start()
    call = await _rings(switchboard, RESIDENT)
    await call.hears("Your home has been quiet")
    await call.press(key)
    await call.hears(hears)
    await call.ended()
    await switchboard.hung_up(RESIDENT)
    assert await switchboard.notification(asked) == ends


async def test_a_database_that_is_away_puts_the_caller_on_hold_and_her_key_is_not_lost(
    switchboard: Switchboard,
) -> None:
    """Never silence: she hears that the system is busy, and then what her key has done."""
    switchboard.person(DAUGHTER)
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await _rings(switchboard)
    await call.hears("press 1")
    await switchboard.night.query("ALTER TABLE participations RENAME TO participations_away")
    await call.press("1")
    await call.hears("The system is busy")
    await switchboard.night.query("ALTER TABLE participations_away RENAME TO participations")
    await switchboard.forward(3)
    await call.hears("三组1号")
    assert (await switchboard.notification(asked))[2] == "accept"
    await call.hang_up()
    await switchboard.hung_up(DAUGHTER)


async def test_instructions_asked_for_again_ask_the_same_question_again(switchboard: Switchboard) -> None:
    """An answer of ours was lost on its way, and Twilio begins anew with the fallback."""
    switchboard.person(DAUGHTER)
    incident = await switchboard.night.raises()
    await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await _rings(switchboard)
    await call.hears("press 1")
    form = {"CallSid": call.sid, "CallStatus": "in-progress", "AnsweredBy": "human"}
    again = await switchboard.call_back(call.request.script.fallback_url, form)
    assert again.status_code == 200
    assert "pressed the call button" in again.text
    assert "<Gather" in again.text
    await call.press("1")
    await call.hears("三组1号")
    await call.hang_up()
    await switchboard.hung_up(DAUGHTER)


async def test_whoever_is_on_her_way_calls_back_to_report_that_she_is_there(switchboard: Switchboard) -> None:
    """And whoever is expected nowhere learns nothing."""
    incident = await switchboard.night.raises()
    url = f"{switchboard.config.public_url}/callbacks/twilio/incoming"
    await switchboard.night.says("daughter", AnswerKind.ACCEPT, incident)
    stranger = await switchboard.call_back(url, {"From": "+8613600000000", "CallSid": "CA1"})
    assert "和平村" not in stranger.text
    asked = await switchboard.call_back(url, {"From": DAUGHTER, "CallSid": "CA2"})
    assert "您到和平村张老人那里了吗？到了请按1，还没到请按2。" in asked.text
    about = f"{url}?about={incident}"
    assert "路上小心" in (await switchboard.call_back(about, {"From": DAUGHTER, "Digits": "2"})).text
    assert await switchboard.night.state(incident) == "acknowledged"
    assert "已记下您到场" in (await switchboard.call_back(about, {"From": DAUGHTER, "Digits": "1"})).text
    assert await switchboard.night.state(incident) == "on_scene"
    assert "没有需要您处理的事" in (await switchboard.call_back(url, {"From": DAUGHTER, "CallSid": "CA3"})).text
