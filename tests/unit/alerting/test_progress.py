"""What the end of a call means for each notification aboard, and which news may follow which."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.dispatch import back_off
from alerting.pace import Bucket
from alerting.progress import CallStatus, Fate, fate, is_machine, moves
from domain.notification import Failure
from store.calls import Aboard

AT = datetime(2026, 3, 4, tzinfo=UTC)
SENT = Aboard(
    id=1,
    incident_id=1,
    responder_id=1,
    operator=None,
    connect_to=None,
    connect_with=None,
    channel="voice",
    language="en",
    purpose="ask",
    token="t",
    state="sent",
    announced_at=None,
    answer=None,
)
HEARD = replace(SENT, id=2, state="delivered", announced_at=AT)
ANSWERED = replace(HEARD, id=3, answer="accept")


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (CallStatus.BUSY, Failure.BUSY),
        (CallStatus.NO_ANSWER, Failure.NO_ANSWER),
        (CallStatus.FAILED, Failure.UNDELIVERED),
        (CallStatus.CANCELED, Failure.CANCELLED_BY_US),
        (CallStatus.LOST, Failure.NO_RECEIPT),
    ],
)
def test_a_phone_that_nobody_answered_rang_for_everything_aboard(status: CallStatus, failure: Failure) -> None:
    """Ten incidents are not ten calls to a phone that is off."""
    assert fate(status, None, SENT, [SENT, replace(SENT, id=4)]) is failure


def test_who_hears_and_presses_nothing_has_not_answered() -> None:
    """A receiver that was lifted is nobody yet."""
    assert fate(CallStatus.COMPLETED, "human", HEARD, [HEARD, SENT]) is Failure.NO_KEY


def test_what_was_not_announced_in_a_call_about_others_is_due_again() -> None:
    """It has not been asked."""
    assert fate(CallStatus.COMPLETED, "human", SENT, [ANSWERED, SENT]) is Fate.AGAIN


def test_who_hangs_up_before_the_first_word_has_not_answered() -> None:
    """Calling again at once would only annoy."""
    assert fate(CallStatus.COMPLETED, None, SENT, [SENT]) is Failure.NO_KEY


@pytest.mark.parametrize("who", ["machine_start", "machine_end_beep", "machine_end_silence", "fax"])
def test_a_machine_is_nobody(who: str) -> None:
    """For all that the call was about."""
    assert is_machine(who)
    assert fate(CallStatus.COMPLETED, who, SENT, [SENT]) is Failure.VOICEMAIL
    assert fate(CallStatus.COMPLETED, who, HEARD, [HEARD, SENT]) is Failure.VOICEMAIL


@pytest.mark.parametrize("status", [status for status in CallStatus if status not in ("starting", "queued")])
def test_an_answer_outlives_the_call(status: CallStatus) -> None:
    """Whatever the provider says afterwards."""
    assert fate(status, None, ANSWERED, [ANSWERED]) is Fate.KEEP
    assert fate(status, None, replace(SENT, state="cancelled"), [SENT]) is Fate.KEEP


def test_news_moves_a_call_forward_only_and_its_first_end_counts() -> None:
    """In whatever order the call-backs come."""
    way = ["starting", "queued", "initiated", "ringing", "in-progress"]
    ends = ["completed", "busy", "no-answer", "failed", "canceled", "lost"]
    for place, before in enumerate(way):
        assert [after for after in way if moves(before, CallStatus(after))] == way[place + 1 :]
        assert all(moves(before, CallStatus(end)) for end in ends)
    assert not any(moves(end, CallStatus(after)) for end in ends for after in (*way, *ends))


def test_the_back_off_doubles_to_half_a_minute() -> None:
    """Without chance: a test, and an operator, can tell when."""
    assert [back_off(attempts) / timedelta(seconds=1) for attempts in (1, 2, 3, 4, 5, 6, 7, 100)] == [
        1,
        2,
        4,
        8,
        16,
        30,
        30,
        30,
    ]


def test_a_bucket_lets_through_what_its_rate_allows() -> None:
    """It starts full, never holds more than a second's worth, and says when it will have one again."""
    now_s = 0.0
    bucket = Bucket(2.0, machine_s=lambda: now_s)
    assert bucket.ready == 2
    bucket.take(2)
    assert (bucket.ready, bucket.wait_s) == (0, 0.5)
    now_s = 0.5
    assert (bucket.ready, bucket.wait_s) == (1, 0.0)
    now_s = 60.0
    assert bucket.ready == 2


def test_a_slow_bucket_holds_one() -> None:
    """Less than one a second is still one now and then."""
    now_s = 0.0
    bucket = Bucket(0.1, machine_s=lambda: now_s)
    assert bucket.ready == 1
    bucket.take(1)
    assert bucket.wait_s == pytest.approx(10.0)
