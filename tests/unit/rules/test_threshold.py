"""Limits, long or often enough: when a threshold speaks, when it is silent, and what a gap in the data does."""

from typing import Any

import pytest
from fixtures.readings import DAY, rule, seen, verdicts

Value = tuple[float, float]


def hot(**fields: Any) -> Any:
    """A limit of 40 on temperature."""
    return rule(kind="threshold", hazard="heat", per="device", quantity="temperature_c", above=40, **fields)


def temperatures(*values: Value) -> list[Any]:
    """Readings of temperature: (second, value)."""
    return [seen(at, "t1", temperature_c=value) for at, value in values]


CASES: dict[str, tuple[dict[str, Any], list[Value], list[tuple[str, float, float]]]] = {
    "within the limit nothing is found": ({}, [(0, 40), (10, 39)], []),
    "one value beyond raises once, however long it stays": (
        {},
        [(0, 41), (10, 42), (20, 43)],
        [("beyond_limit", 0, 0)],
    ),
    "it clears at the limit, and may raise again": (
        {},
        [(0, 41), (10, 40), (20, 41)],
        [("beyond_limit", 0, 0), ("back_within_limit", 0, 10), ("beyond_limit", 20, 20)],
    ),
    "with hysteresis it stays raised between the limits": (
        {"clear_below": 35},
        [(0, 41), (10, 38), (20, 41), (30, 35)],
        [("beyond_limit", 0, 0), ("back_within_limit", 0, 30)],
    ),
    "the clear condition must hold for its time": (
        {"clear_for_s": 60},
        [(0, 41), (10, 30), (40, 41), (50, 30), (110, 30)],
        [("beyond_limit", 0, 0), ("back_within_limit", 0, 110)],
    ),
    "a duration is measured from the first value beyond": (
        {"for_s": 60},
        [(0, 41), (30, 42), (60, 41)],
        [("beyond_limit_for", 0, 60)],
    ),
    "one value within starts the time anew": (
        {"for_s": 60},
        [(0, 41), (30, 39), (40, 41), (70, 41), (100, 41)],
        [("beyond_limit_for", 40, 100)],
    ),
    "a duration alarm never fires out of a gap: the time starts anew after it": (
        {"for_s": 60, "max_gap_s": 120},
        [(0, 41), (1000, 41), (1060, 41)],
        [("beyond_limit_for", 1000, 1060)],
    ),
    "so many of the last so many": (
        {"at_least": 2, "of": 3},
        [(0, 41), (10, 30), (20, 30), (30, 41), (40, 30), (50, 41)],
        [("n_of_m", 30, 50)],
    ),
    "so many in a window, those that left it not counted": (
        {"count": 3, "within_s": 100},
        [(0, 41), (50, 41), (120, 41), (140, 41)],
        [("too_often", 50, 140)],
    ),
    "a repeat counts once": ({"count": 2, "within_s": 100}, [(0, 41), (0, 41), (0, 41)], []),
    "what comes late is not judged again": (
        {"for_s": 60},
        [(0, 41), (60, 41), (70, 30), (5, 41), (65, 41)],
        [("beyond_limit_for", 0, 60), ("back_within_limit", 0, 70)],
    ),
}


@pytest.mark.parametrize("claim", CASES)
def test_thresholds(claim: str) -> None:
    """Each case is a claim of its own."""
    fields, values, wanted = CASES[claim]
    assert verdicts(hot(**fields), temperatures(*values)) == wanted


def test_the_change_within_a_window_is_what_is_limited() -> None:
    """25 degrees are no alarm; 10 degrees more within three minutes are."""
    fast = rule(kind="threshold", hazard="heat", per="device", quantity="temperature_c", above=9, change_within_s=180)
    slow = temperatures((0, 20), (300, 25), (600, 30), (900, 35))
    assert verdicts(fast, slow) == []
    assert verdicts(fast, temperatures((0, 20), (60, 24), (120, 30))) == [("changing_fast", 0, 120)]


def left_open() -> Any:
    """A door that reports changes only."""
    return rule(
        kind="threshold",
        hazard="intrusion",
        per="device",
        quantity="contact_open",
        **{"is": True},
        for_s=600,
        gap="holds",
    )


def test_a_value_that_holds_alarms_in_its_time_without_another_reading() -> None:
    """The door was opened and nothing came after: the alarm comes by time alone, once."""
    opened = [seen(0, "door", contact_open=True)]
    assert verdicts(left_open(), opened, until=599) == []
    assert verdicts(left_open(), opened, until=600) == [("beyond_limit_for", 0, 600)]
    again = [*opened, seen(900, "door", contact_open=True), seen(1000, "door", contact_open=False)]
    assert verdicts(left_open(), again) == [("beyond_limit_for", 0, 600), ("back_within_limit", 0, 1000)]


def test_a_value_that_holds_and_ends_in_time_is_no_alarm() -> None:
    """Shut again before the time is up."""
    shut = [seen(0, "door", contact_open=True), seen(500, "door", contact_open=False)]
    assert verdicts(left_open(), shut, until=5000) == []


def test_an_immediate_rule_finds_every_reading_also_late_ones() -> None:
    """Order cannot suppress it; a repeat is the same finding, by its onset."""
    tried = rule(kind="immediate", hazard="smoke", per="device", quantity="smoke_level", above=5)
    levels = [seen(at, "s1", smoke_level=level) for at, level in ((10, 6), (5, 7), (20, 1), (10, 6))]
    assert [onset for _, onset, _ in verdicts(tried, levels)] == [10, 5, 10]


def test_a_change_is_measured_from_where_the_last_one_has_cleared() -> None:
    """A heat alarm that speaks in a fire only: its first word ends the last fire, and the next two show another."""
    tried = rule(kind="threshold", per="device", quantity="temperature_c", above=15, change_within_s=180)
    first = [seen(at, temperature_c=degrees) for at, degrees in ((0, 36), (50, 48), (100, 60))]
    second = [seen(DAY + at, temperature_c=degrees) for at, degrees in ((0, 36), (50, 48), (100, 60))]
    assert verdicts(tried, first + second) == [
        ("changing_fast", 0, 100),
        ("back_within_limit", 0, DAY),
        ("changing_fast", DAY, DAY + 100),
    ]
