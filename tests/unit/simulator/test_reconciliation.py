"""What phones and devices have seen against what the platform says: twice is doubled, not at all is untold."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.model import Hazard
from devices.native import Stage
from simulator.causes.truth import Cause, CauseKind
from simulator.fleet.witness import Journey
from simulator.phone.books import Line, LineKind
from simulator.platform import SeenNotification, WholeIncident
from simulator.reconciliation import (
    Listening,
    Phones,
    overlapping_calls,
    repeated_notifications,
    repeated_texts,
    unheard_texts,
    untold_devices,
)

START = datetime(2026, 3, 4, tzinfo=UTC)
AT = START.timestamp()
NUMBER, STRANGER = "+8614200000001", "+8614200000002"
PEOPLE = {NUMBER: "daughter"}
EVENT = "band/e-1"


def _status(second: float, sid: str, status: str, number: str = NUMBER) -> Line:
    at = START + timedelta(seconds=second)
    return Line(at=at, kind=LineKind.STATUS, number=number, sid=sid, text=status)


def _calls(*lines: Line) -> list[str]:
    return [one.what for one in overlapping_calls(Phones(lines=lines, people=PEOPLE))]


def test_a_call_in_the_middle_of_another_is_doubled() -> None:
    first = (_status(0, "a", "queued"), _status(1, "a", "ringing"), _status(9, "a", "in-progress"))
    assert _calls(*first, _status(20, "b", "queued"), _status(21, "b", "busy")) == [
        "at 00:00:20 daughter was rung in the middle of a call"
    ]


def test_calls_one_after_the_other_or_to_others_are_not() -> None:
    first = (_status(0, "a", "queued"), _status(1, "a", "ringing"), _status(30, "a", "no-answer"))
    assert _calls(*first, _status(30, "b", "queued"), _status(31, "b", "ringing")) == []
    assert _calls(_status(0, "a", "ringing"), _status(1, "b", "ringing", STRANGER)) == []
    assert _calls(_status(0, "a", "in-progress"), _status(1, "a", "the caller dials 1")) == []


def _incident(*channels: str, sent: bool = True, delivered: bool = True) -> WholeIncident:
    moment = START + timedelta(seconds=5)
    notifications = [
        SeenNotification(
            id=index, responder="daughter", channel=channel, purpose="ask", round=0, step=0, state="sent",
            created_at=moment, sent_at=moment if sent else None, delivered_at=moment if delivered else None,
            answered_at=None,
        )
        for index, channel in enumerate(channels)
    ]  # fmt: skip
    return WholeIncident(
        id=7, hazard=Hazard.SOS, severity=1, state="open", subject_kind="household", organisation="o", household="h",
        resident=None, device=None, opened_at=START, acknowledged_at=None, resolved_at=None, outcome=None,
        alarm_list=[], notifications=notifications, participations=[],
    )  # fmt: skip


def test_one_person_asked_twice_over_one_channel_is_doubled_and_over_two_is_not() -> None:
    [twice] = repeated_notifications([_incident("sms", "voice", "sms")])
    assert (twice.what, twice.incident) == ("daughter was asked by sms in round 0, step 0, 2 times", 7)
    assert list(repeated_notifications([_incident("sms", "voice")])) == []
    assert list(repeated_notifications([_incident("sms", "sms", sent=False)])) == []
    assert list(repeated_notifications([_incident("sms"), _incident("sms")])) == []


@pytest.mark.parametrize(
    ("came", "doubled", "untold"),
    [
        (1, [], []),
        (2, ["2 texts have come to daughter, for 1 messages"], []),
        (0, [], ["0 texts have come to daughter, and 1 are said to be delivered"]),
    ],
)
def test_texts_are_counted_at_the_phone_and_at_the_platform(came: int, doubled: list[str], untold: list[str]) -> None:
    phones = Phones(texts={NUMBER: came}, people=PEOPLE)
    incidents = [_incident("sms", "voice")]
    assert [one.what for one in repeated_texts(incidents, phones)] == doubled
    assert [one.what for one in unheard_texts(incidents, phones)] == untold


def test_a_text_that_is_still_on_its_way_is_not_missed() -> None:
    phones = Phones(texts={}, people=PEOPLE)
    assert list(unheard_texts([_incident("sms", delivered=False)], phones)) == []


def _untold(
    receipts: dict[Stage, float],
    *,
    listening: Listening | None = None,
    accepted_s: float | None = 30.0,
    acknowledged: float | None = AT,
    ended_s: float = 600.0,
) -> list[str]:
    journey = Journey(device="band", event="e-1", planned=AT, acknowledged=acknowledged, receipts=receipts)
    stages = {Stage.NOTIFIED: AT + 5, Stage.ACCEPTED: None if accepted_s is None else AT + accepted_s}
    listening = listening or Listening(devices=frozenset({"band"}))
    cause = Cause(id="fall-0001", kind=CauseKind.FALL, at=AT, home="h")
    found = untold_devices(cause, (EVENT,), stages, {EVENT: journey}, listening, AT + ended_s)
    return [one.what for one in found]


def test_a_device_is_told_of_what_was_reached_and_of_no_more() -> None:
    assert _untold({Stage.NOTIFIED: AT + 6, Stage.ACCEPTED: AT + 31}) == []
    assert _untold({Stage.NOTIFIED: AT + 6}, accepted_s=None) == []
    assert _untold({Stage.NOTIFIED: AT + 6}) == ["band was never told `accepted`"]
    assert _untold({}) == ["band was never told `notified`", "band was never told `accepted`"]


def test_a_device_that_sleeps_or_has_no_connection_or_no_time_left_need_not_be_told() -> None:
    assert _untold({}, listening=Listening()) == []
    deaf = Listening(devices=frozenset({"band"}), deaf={"band": [(AT, AT + 10)]})
    assert _untold({}, listening=deaf) == ["band was never told `accepted`"]
    assert _untold({}, acknowledged=None) == []
    assert _untold({}, ended_s=64) == []
