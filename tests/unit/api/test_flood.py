"""A flooded desk: what is folded, what never is, and when a flood is over."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.flood import FIRST_SHOWN, FLOOD_FROM, FLOOD_UNTIL, LIFE, LIFE_FIRST_SHOWN, Shown, fold, is_flood
from store.desk import Waiting

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC)


def _waiting(number: int, *, severity: int, hazard: str = "fall", organisation: int = 1, mode: str = "live") -> Waiting:
    return Waiting(
        id=number,
        number=number,
        mode=mode,
        hazard=hazard,
        severity=severity,
        state="open" if number % 2 else "acknowledged",
        opened_at=NOON - timedelta(minutes=number),
        last_alarm_at=NOON,
        alarms=1,
        on_scene_at=None,
        reminded_at=None,
        round=1,
        taken_by=None,
        taken_until=None,
        reask_until=None,
        next_step_at=NOON,
        organisation_id=organisation,
        path=[organisation],
        organisation=f"organisation {organisation}",
        timezone="Asia/Shanghai",
        level="",
        community=None,
        held=False,
        residents=[],
        reaching=[],
        going=[],
    )


@st.composite
def _queues(draw: st.DrawFn) -> Sequence[Waiting]:
    """Queues as the desk reads them: gravest and oldest first."""
    kinds = st.tuples(
        st.integers(1, 5), st.sampled_from(["vitals", "water", "low_battery"]), st.integers(1, 3), st.booleans()
    )
    queue = [
        _waiting(number, severity=severity, hazard=hazard, organisation=town, mode="drill" if drill else "live")
        for number, (severity, hazard, town, drill) in enumerate(draw(st.lists(kinds, max_size=60)), start=1)
    ]
    return sorted(queue, key=lambda one: (one.severity, one.opened_at, one.id))


@given(_queues())
def test_folding_loses_and_doubles_nothing_and_folds_no_hazard_to_life(queue: Sequence[Waiting]) -> None:
    """Each incident is found once: in its place among the hazards to life, or in the group of its hazard and place."""
    folded = fold(queue)
    assert [one.id for one in folded.life] == [one.id for one in queue if one.severity <= LIFE]
    inside = [one.id for group in folded.groups for one in group.members]
    assert sorted(inside) == sorted(one.id for one in queue if one.severity > LIFE)
    assert folded.in_groups == len(inside)
    for group in folded.groups:
        assert len({(one.mode, one.organisation_id, one.hazard) for one in group.members}) == 1
        assert group.first.severity == min(one.severity for one in group.members)
        assert group.since == min(one.opened_at for one in group.members)
        assert group.unanswered == sum(one.state == "open" for one in group.members)
    assert [group.first.severity for group in folded.groups] == sorted(group.first.severity for group in folded.groups)


@pytest.mark.parametrize(
    ("waiting", "before", "expected"),
    [
        (FLOOD_FROM - 1, False, False),
        (FLOOD_FROM, False, True),
        (FLOOD_UNTIL, True, True),
        (FLOOD_UNTIL - 1, True, False),
    ],
)
def test_a_flood_ends_below_where_it_began(waiting: int, before: bool, expected: bool) -> None:
    """A desk on the brink keeps the look that it has."""
    assert is_flood(waiting, before) is expected


def test_a_page_shows_more_of_what_it_shows_and_forgets_groups_that_are_gone() -> None:
    """Folded groups draw nothing; unfolded ones begin with the first lines, again after they were folded."""
    shown = Shown()
    assert shown.most("a") == 0
    shown.more("a")
    assert shown.most("a") == 0
    shown.turn("a")
    shown.more("a")
    assert shown.most("a") == 2 * FIRST_SHOWN
    shown.turn("a")
    shown.turn("a")
    assert shown.most("a") == FIRST_SHOWN
    shown.forget(["b"])
    assert shown.most("a") == 0
    assert shown.most(Shown.LIFE) == LIFE_FIRST_SHOWN
    assert shown.most(Shown.GROUPS) == FIRST_SHOWN
