"""A provider that refuses, hangs or loses its answer, senders that die: nobody is forgotten, nobody called twice."""

from datetime import timedelta
from typing import Any

import pytest
from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER, GRID_WORKER, NEIGHBOUR, SON

from simulator.phone.faults import Fault, FaultKind, Mischief, Resource
from simulator.phone.people import LetsItRing

ANYBODY = LetsItRing()


def _impatient(switchboard: Switchboard, timeout_s: float = 0.5) -> dict[str, Any]:
    assert switchboard.config.twilio is not None
    return {"twilio": switchboard.config.twilio.model_copy(update={"timeout_s": timeout_s}), "lease_s": 2 * timeout_s}


async def _one_call(switchboard: Switchboard, number: str) -> None:
    """The one call to ``number`` that there is ends unanswered, and there is no other."""
    await switchboard.until_called(number)
    await switchboard.forward(40)
    await switchboard.hung_up(number)
    assert len(switchboard.network.calls_to(number)) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(kind=FaultKind.RATE_LIMITED, times=1), Fault(kind=FaultKind.SERVER_ERROR, status=503, times=1)],
    ids=["429", "503"],
)
async def test_what_the_provider_does_not_take_now_is_sent_a_little_later(
    switchboard: Switchboard, fault: Fault
) -> None:
    """It waits as pending, and the back-off is care time."""
    switchboard.person(DAUGHTER, temper=ANYBODY)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    switchboard.network.faults.append(fault)
    await switchboard.start()
    await switchboard.tried(asked, 1)
    assert switchboard.network.calls_to(DAUGHTER) == []
    await switchboard.forward(1)
    await _one_call(switchboard, DAUGHTER)


async def test_a_provider_that_stays_out_of_order_fails_the_message_so_that_another_channel_is_tried(
    switchboard: Switchboard,
) -> None:
    """After some fifteen seconds of back-off."""
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    switchboard.network.faults.append(Fault(kind=FaultKind.RATE_LIMITED))
    await switchboard.start()
    for attempts, back_off_s in enumerate((1, 2, 4, 8), start=1):
        await switchboard.tried(asked, attempts)
        await switchboard.forward(back_off_s)
    await switchboard.becomes(asked, "failed", "refused_by_provider")
    errors = await switchboard.night.query("SELECT provider_error FROM notifications WHERE id = %s", asked)
    assert errors == [("too_fast 20429",)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.SERVER_ERROR, times=1),
        Fault(kind=FaultKind.ANSWER_LOST, method="POST", times=1),
        Fault(kind=FaultKind.SILENT, times=1),
    ],
    ids=["500", "answer lost", "silent"],
)
async def test_what_may_have_been_taken_is_looked_up_before_it_is_sent_again(
    switchboard: Switchboard, fault: Fault
) -> None:
    """Whether the provider had it or not: one call, and its fate is known."""
    switchboard.network.mischief = Mischief(lost=True)
    switchboard.person(DAUGHTER, temper=ANYBODY)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    switchboard.network.faults.append(fault)
    await switchboard.start(**_impatient(switchboard))
    await switchboard.becomes(asked, "sent")
    assert await switchboard.attempts(asked) == 2
    await switchboard.forward(80)
    await switchboard.becomes(asked, "failed", "no_answer")
    assert len(switchboard.network.calls_to(DAUGHTER)) == 1


async def test_a_request_that_hangs_holds_up_nobody_else(switchboard: Switchboard) -> None:
    """The next person's phone rings meanwhile."""
    for number in (DAUGHTER, SON):
        switchboard.person(number, temper=ANYBODY)
    incident = await switchboard.night.raises()
    hangs = await switchboard.ask(incident, "daughter", severity=1)
    switchboard.network.faults.append(Fault(kind=FaultKind.SILENT, times=1))
    await switchboard.start()
    await switchboard.becomes(hangs, "sending")
    await switchboard.until(lambda: _struck(switchboard), "the fault")
    rings = await switchboard.ask(incident, "son")
    await switchboard.becomes(rings, "sent")
    assert (await switchboard.notification(hangs))[0] == "sending"
    await switchboard.becomes(hangs, "sent")
    await switchboard.forward(40)
    await switchboard.hung_up(DAUGHTER)


async def _struck(switchboard: Switchboard) -> bool:
    return switchboard.network.faults[0].times == 0


async def test_a_number_that_the_provider_refuses_fails_at_once(switchboard: Switchboard) -> None:
    """Its code is kept, and nothing is tried twice."""
    await switchboard.night.query("UPDATE contacts SET address = '+0123456789' WHERE address = %s", DAUGHTER)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    await switchboard.start()
    await switchboard.becomes(asked, "failed", "refused_by_provider")
    errors = await switchboard.night.query("SELECT provider_error, attempts FROM notifications WHERE id = %s", asked)
    assert errors == [("invalid_number 21211", 1)]


async def test_a_sender_killed_between_acceptance_and_commit_leaves_one_call(switchboard: Switchboard) -> None:
    """Another finds the call at the provider, and does not place it again."""
    switchboard.network.mischief = Mischief(lost=True)
    switchboard.person(DAUGHTER, temper=ANYBODY)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    switchboard.network.faults.append(Fault(kind=FaultKind.SLOW, on=Resource.CALLS, method="POST", delay_s=0.5))
    kill = await switchboard.start(lease_s=1.0)
    await switchboard.becomes(asked, "sending")
    async with switchboard.night.database.transaction() as connection:
        await connection.execute("LOCK TABLE calls IN EXCLUSIVE MODE")  # nothing of the call can be written now
        await switchboard.until_called(DAUGHTER)
        await kill()
    assert (await switchboard.notification(asked))[0] == "sending"
    await switchboard.start(**_impatient(switchboard))
    await switchboard.becomes(asked, "sent")
    refs = await switchboard.night.query("SELECT provider_ref FROM calls")
    assert refs == [(switchboard.network.calls_to(DAUGHTER)[0].sid,)]
    await switchboard.forward(80)
    await switchboard.becomes(asked, "failed", "no_answer")
    assert len(switchboard.network.calls_to(DAUGHTER)) == 1


async def test_a_sender_killed_before_the_provider_heard_of_it_is_made_good(switchboard: Switchboard) -> None:
    """A lease that runs out means that it is sent after all."""
    switchboard.person(DAUGHTER, temper=ANYBODY)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    switchboard.network.faults.append(Fault(kind=FaultKind.SILENT, times=1))
    kill = await switchboard.start(lease_s=1.0)
    await switchboard.until(lambda: _struck(switchboard), "the fault")
    await kill()
    assert switchboard.network.calls_to(DAUGHTER) == []
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    await _one_call(switchboard, DAUGHTER)


async def test_any_number_of_senders_send_everything_once(switchboard: Switchboard) -> None:
    """Three of them, and thirty messages to one phone and three others."""
    codes = {"daughter": DAUGHTER, "son": SON, "neighbour": NEIGHBOUR, "grid-worker": GRID_WORKER}
    for number in codes.values():
        switchboard.person(number, temper=ANYBODY)
    incidents = [await switchboard.night.raises(home=home) for home in (1, 2, 3)]
    for incident in incidents:
        for code in codes:
            await switchboard.ask(incident, code)
            await switchboard.ask(incident, code, channel="sms", sequence=1)
    for _ in range(3):
        await switchboard.start()
    for number in codes.values():
        await _one_call(switchboard, number)
    await switchboard.until(lambda: _all_over(switchboard), "all over")
    assert [len(switchboard.network.messages_to(number)) for number in codes.values()] == [3, 3, 3, 3]


async def _all_over(switchboard: Switchboard) -> bool:
    left = await switchboard.night.query(
        "SELECT count(*) FROM notifications WHERE state IN ('pending', 'sending', 'sent')"
    )
    return left == [(0,)]


async def test_a_call_that_the_provider_does_not_know_any_more_frees_its_number(switchboard: Switchboard) -> None:
    """Or whoever else is to be called there would wait for ever."""
    switchboard.network.mischief = Mischief(lost=True)
    switchboard.person(DAUGHTER, temper=ANYBODY)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    switchboard.network.books.calls.clear()
    await switchboard.forward(31)
    await switchboard.becomes(asked, "failed", "no_receipt")
    await switchboard.hung_up(DAUGHTER)


async def test_a_message_that_hangs_in_the_outbox_is_shown_to_nobody_as_sent(switchboard: Switchboard) -> None:
    """What is due later is not sent now; what a hint did not announce is found by looking."""
    switchboard.person(DAUGHTER, temper=ANYBODY)
    later = await switchboard.ask(await switchboard.night.raises(), "daughter")
    await switchboard.night.query(
        "UPDATE notifications SET due_at = due_at + %s WHERE id = %s", timedelta(seconds=30), later
    )
    await switchboard.start()
    await switchboard.forward(29)
    assert (await switchboard.notification(later))[0] == "pending"
    await switchboard.forward(1)
    await _one_call(switchboard, DAUGHTER)


async def test_what_a_dead_sender_left_without_a_call_is_called_about_after_all(switchboard: Switchboard) -> None:
    """Its call had ended, or was never begun, and nobody settled it."""
    switchboard.person(DAUGHTER, temper=ANYBODY)
    asked = await switchboard.ask(await switchboard.night.raises(), "daughter")
    await switchboard.night.query(
        "UPDATE notifications SET state = 'sending', lease_until = clock_timestamp() - interval '1 second', fence = 1"
    )
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    await _one_call(switchboard, DAUGHTER)
