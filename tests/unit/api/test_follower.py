"""A stream misses no entry, in whatever order the numbers become visible."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from api.routes.stream import Follower
from store.incident_views import Event


def _event(number: int, *, visible: bool = True) -> Event:
    return Event(
        id=number,
        visible=visible,
        incident_id=1,
        number=1,
        hazard="sos",
        severity=2,
        state="open",
        mode="live",
        organisation="town",
        at=datetime(2026, 3, 4, tzinfo=UTC),
        kind="opened",
        reason="sos",
        actor="system",
        detail={},
    )


@given(st.lists(st.lists(st.integers(1, 40), unique=True), max_size=20))
def test_every_number_that_appears_is_shown_once_whatever_the_order(commits: list[list[int]]) -> None:
    """Each batch commits some numbers; the stream asks for what is behind its top or missing below it."""
    follower = Follower(0, machine_time=lambda: 0.0)
    committed: set[int] = set()
    shown: list[int] = []
    for batch in commits:
        committed |= set(batch)
        wanted = [n for n in sorted(committed) if n > follower.after or n in follower.missing]
        shown += [event.id for event in follower.take([_event(n) for n in wanted])]
        assert set(range(1, follower.floor + 1)) <= committed
    assert sorted(shown) == sorted(committed)


def test_the_floor_waits_for_a_gap_until_no_transaction_can_be_that_old() -> None:
    """A number whose transaction was rolled back never appears: after a while it is given up."""
    now_s = 0.0
    follower = Follower(10, machine_time=lambda: now_s)
    follower.take([_event(11), _event(13)])
    assert (follower.floor, follower.missing) == (11, [12])
    now_s = 200.0
    follower.take([])
    assert (follower.floor, follower.missing) == (13, [])


def test_what_lies_outside_the_subtree_is_no_gap_and_is_not_shown() -> None:
    """Entries of others count as seen."""
    follower = Follower(0, machine_time=lambda: 0.0)
    assert follower.take([_event(1, visible=False), _event(2)]) == [_event(2)]
    assert follower.floor == 2
