"""Silence, pure: what the clock of absence counts, and that a judgement made twice is made once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.people import DeviceKey
from domain.supervision import Battery, Finding, Heard, Outage, Watch, deadline, judge, judge_battery

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


def watch(**changes: object) -> Watch:
    """A watch of class 30 min, armed at noon."""
    fresh = Watch(
        device_key=DeviceKey(1),
        silent_after=30 * MINUTES,
        resting=False,
        armed_at=NOON,
        offline_since=None,
        offline_session=None,
        silent_since=None,
        judged_at=None,
        back_since=None,
        recovered_at=None,
        epoch=0,
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]  # names and types are those of the fields


def outage(began: int, ended: int) -> Outage:
    """An outage in minutes after noon."""
    return Outage(began_at=NOON + began * MINUTES, excused_until=NOON + ended * MINUTES)


@pytest.mark.parametrize(
    ("outages", "minutes"),
    [
        ([], 30),
        ([outage(-60, -1)], 30),  # over before it began
        ([outage(30, 90)], 30),  # too late to excuse anything
        ([outage(10, 70)], 90),
        ([outage(-10, 70)], 100),  # began in it
        ([outage(10, 20), outage(25, 35)], 50),
        ([outage(10, 40), outage(20, 30)], 60),  # one within the other
        ([outage(10, 40), outage(35, 50)], 70),  # overlapping
    ],
)
def test_our_outages_do_not_count(outages: list[Outage], minutes: int) -> None:
    """Thirty minutes of hearing, however long they take."""
    assert deadline(NOON, 30 * MINUTES, outages) == NOON + minutes * MINUTES


minutes_of = st.integers(0, 300)


@given(
    st.lists(st.tuples(minutes_of, minutes_of).filter(lambda pair: pair[0] < pair[1]), max_size=5),
    st.integers(1, 120),
)
def test_a_deadline_leaves_exactly_the_allowed_time_outside_all_outages(
    spells: list[tuple[int, int]], allowed: int
) -> None:
    """Counted minute by minute, the slow way."""
    outages = [outage(*spell) for spell in sorted(spells)]
    at, left = 0, allowed
    while left:
        left -= not any(began <= at < ended for began, ended in spells)
        at += 1
    found = deadline(NOON, allowed * MINUTES, outages)
    assert found == NOON + at * MINUTES


@st.composite
def looks(draw: st.DrawFn) -> list[tuple[datetime, Heard]]:
    """Looks at a device, and what had been heard of it by then: words never become older."""
    seen, now, last_at = [], NOON, None
    for _ in range(draw(st.integers(1, 12))):
        before, now = now, now + draw(st.integers(1, 90)) * MINUTES
        if draw(st.booleans()):
            last_at = before + draw(st.floats(0, 1)) * (now - before)
        online, session = draw(st.none() | st.booleans()), draw(st.none() | st.sampled_from("ab"))
        seen.append((now, Heard(last_at=last_at, online=online, session=session)))
    return seen


@given(looks(), st.booleans())
def test_looking_twice_finds_nothing_new_and_silence_has_a_beginning_and_an_end(
    seen: list[tuple[datetime, Heard]], resting: bool
) -> None:
    """Whatever is heard, in whatever order: idempotent; silent and listening by turns; a deadline while it listens."""
    standing = watch(resting=resting)
    for now, heard in seen:
        first = judge(standing, heard, horizon=now, now=now, outages=())
        again = judge(first.watch, heard, horizon=now, now=now, outages=())
        if first.finding not in (Finding.HEARD_AGAIN, Finding.UNSTEADY):  # which may already be silent again
            assert again.finding is Finding.NOTHING
            assert again.watch == first.watch
        if first.finding.fallen_silent:
            assert not resting or standing.silent_since is not None
            assert standing.silent_since is None or standing.back_since is not None
            assert first.watch.epoch == standing.epoch + 1
        if first.finding is Finding.HEARD_AGAIN:
            assert standing.silent_since is not None
        if first.watch.silent_since is None and not resting:
            assert first.due_at is not None
            assert first.due_at > now or first.finding is Finding.HEARD_AGAIN
        standing = first.watch


@given(looks())
def test_a_device_that_is_silent_and_then_heard_without_end_is_well(seen: list[tuple[datetime, Heard]]) -> None:
    """No history leaves a device silent for ever: an hour of words and connection ends everything."""
    standing = watch()
    for now, heard in seen:
        standing = judge(standing, heard, horizon=now, now=now, outages=()).watch
    for _ in range(7):
        now += 10 * MINUTES
        heard = Heard(last_at=now, online=True, session="z")
        standing = judge(standing, heard, horizon=now, now=now, outages=()).watch
    assert standing.silent_since is None


@pytest.mark.parametrize(
    ("measured", "low"),
    [
        ([(16, False)], False),
        ([(15, False)], True),
        ([(15, False), (24, False)], True),
        ([(15, False), (25, False)], False),
        ([(0, False)], False),
        ([(0, False), (0, False)], True),
        ([(0, True), (0, True), (0, False)], False),
        ([(0, False), (80, False), (0, False)], False),
        ([(10, False), (0, False)], True),
    ],
)
def test_batteries(measured: list[tuple[float, bool]], low: bool) -> None:
    """Low at 15 %, well at 25 %, and a zero only when it is repeated on battery."""
    battery = Battery(low=False, doubted=False)
    for percent, charging in measured:
        battery = judge_battery(battery, percent, charging=charging)
    assert battery.low is low
