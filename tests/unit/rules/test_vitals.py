"""Vitals: what a band cannot have measured is not judged, and one sample never alarms."""

import random
from typing import Any

import pytest
from fixtures.readings import DAY, HOUR, rule, seen, verdicts


def heart(**fields: Any) -> Any:
    """Limits of 40 and 130 for five minutes."""
    limits = {"low": 40, "high": 130, "for_s": 300, "at_least": 3}
    return rule(kind="vitals", quantity="heart_rate_bpm", **{**limits, **fields})


def beats(*values: tuple[float, float], **fields: Any) -> list[Any]:
    """Readings of a heart rate."""
    return [seen(at, heart_rate_bpm=bpm, **fields) for at, bpm in values]


def test_a_breach_that_lasts_alarms_and_clears_after_as_many_normal_samples() -> None:
    """Five minutes over 130, then three samples of 80."""
    fast = [(at, 150.0) for at in range(0, 601, 60)]
    calm = [(at, 80.0) for at in range(660, 1000, 60)]
    assert verdicts(heart(), beats(*fast, *calm)) == [("beyond_limit", 0, 300), ("back_to_normal", 0, 780)]


@pytest.mark.parametrize("spike", [0.0, 12.0, 220.0])
def test_a_single_sample_never_alarms(spike: float) -> None:
    """Neither a spike nor a bogus zero, however often it comes, as long as normal ones stand between."""
    values = [(at, spike if at % 120 else 75.0) for at in range(0, 7200, 60)]
    assert verdicts(heart(), beats(*values)) == []


def test_zeros_are_no_heart_rate() -> None:
    """A band on the table says 0 for hours."""
    assert verdicts(heart(), beats(*((at, 0.0) for at in range(0, 7200, 60)))) == []


def test_a_band_that_is_not_worn_is_not_judged_nor_in_its_first_minute() -> None:
    """Taken off: whatever it says. Put on: a minute to settle."""
    off = [seen(at, heart_rate_bpm=180, worn=False) for at in range(0, 3600, 60)]
    on = [seen(at, heart_rate_bpm=180, worn=True) for at in range(3600, 3640, 10)]
    assert verdicts(heart(for_s=10), off + on) == []
    later = [seen(at, heart_rate_bpm=180, worn=True) for at in range(3640, 3700, 10)]
    assert verdicts(heart(for_s=10), off + on + later) == [("beyond_limit", 3660, 3680)]


def test_a_gap_starts_the_time_anew() -> None:
    """Two samples an hour apart are not an hour of fast beating."""
    assert verdicts(heart(), beats((0, 150), (60, 150), (3600, 150), (3660, 150))) == []


def normal_days(days: int, bpm: float) -> list[Any]:
    """Days of quiet beating around ``bpm``."""
    draw = random.Random(3)
    return beats(*((at, bpm + draw.gauss(0, 3)) for at in range(0, int(days * DAY), 300)))


def test_a_value_unlike_her_own_alarms_within_the_absolute_limits() -> None:
    """110 is no limit for anybody, and much for somebody who always has 62."""
    tried = heart(deviations=6, deviation_at_least=30, deviation_for_s=1800)
    known = normal_days(14, 62)
    start = 14 * DAY + 3 * HOUR
    unlike = beats(*((start + at, 110.0) for at in range(0, 3600, 300)))
    assert verdicts(tried, known + unlike) == [("unlike_her", start, start + 1800)]
    assert verdicts(tried, unlike) == []


def test_what_is_usual_at_one_hour_is_not_at_another() -> None:
    """She dances every morning at ten: then 110 is usual, at night it is not."""
    draw = random.Random(4)
    hours = [(at, (110 if 9 <= at / HOUR % 24 < 12 else 60) + draw.gauss(0, 3)) for at in range(0, int(14 * DAY), 300)]
    tried = heart(deviations=6, deviation_at_least=30, deviation_for_s=1800)
    assert verdicts(tried, beats(*hours)) == []
    night = 14 * DAY + 2 * HOUR
    found = verdicts(tried, beats(*hours, *((night + at, 110.0) for at in range(0, 3600, 300))))
    assert [reason for reason, _, _ in found] == ["unlike_her"]


@pytest.mark.parametrize(
    ("bpm", "hour", "reasons"),
    [(38, 2, []), (34, 2, ["beyond_limit"]), (38, 7.25, []), (38, 7.5, ["beyond_limit"]), (38, 14, ["beyond_limit"])],
)
def test_asleep_a_slow_heart_is_judged_by_a_limit_of_its_own(bpm: float, hour: float, reasons: list[str]) -> None:
    """38 a minute is sleep at two at night, and none in the afternoon; 34 is none at any hour."""
    slow = beats(*((hour * HOUR + at, bpm) for at in range(0, 900, 60)))
    assert [reason for reason, _, _ in verdicts(heart(low_asleep=35), slow)] == reasons


@pytest.mark.parametrize(("every", "reasons"), [(5, ["beyond_limit"]), (4, [])])
def test_one_sample_in_five_may_lie_within_the_limits(every: int, reasons: list[str]) -> None:
    """Sensors scatter about a limit: a breach does not end with the first sample on its other side."""
    scattered = [(at * 60.0, 128.0 if at % every == every - 1 else 150.0) for at in range(14)]
    assert [reason for reason, _, _ in verdicts(heart(for_s=600), beats(*scattered))] == reasons
