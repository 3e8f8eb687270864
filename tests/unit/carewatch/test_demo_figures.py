"""The summary of a demo says what could be seen, and nothing else."""

from datetime import UTC, datetime, timedelta

from carewatch.demo.figures import Tally
from devices.native import Stage
from simulator.town.story import Happening, Kind

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def at(second: float, kind: Kind, home: str | None = "home-1", stage: Stage | None = None) -> Happening:
    return Happening(at=NOON + timedelta(seconds=second), kind=kind, text="", home=home, stage=stage)


def told(*happenings: Happening) -> Tally:
    tally = Tally()
    for happening in happenings:
        tally.take(happening)
    return tally


def test_times_run_from_the_press_and_the_first_of_each_stage_counts() -> None:
    """A second call does not make the first one later."""
    tally = told(
        at(0, Kind.EMERGENCY),
        at(1, Kind.CALL, stage=Stage.NOTIFIED),
        at(9, Kind.CALL, stage=Stage.NOTIFIED),
        at(12, Kind.KEY, stage=Stage.ACCEPTED),
    )
    assert tally.median_s(Stage.NOTIFIED) == 1
    assert tally.median_s(Stage.ACCEPTED) == 12
    assert tally.median_s(Stage.RESOLVED) is None


def test_a_second_emergency_in_a_home_is_reckoned_by_itself() -> None:
    """What comes after a second press belongs to the second press."""
    tally = told(
        at(0, Kind.EMERGENCY),
        at(10, Kind.RECEIPT, stage=Stage.ACCEPTED),
        at(100, Kind.EMERGENCY),
        at(130, Kind.RECEIPT, stage=Stage.ACCEPTED),
    )
    assert (tally.happened, tally.count(Stage.ACCEPTED), tally.median_s(Stage.ACCEPTED)) == (2, 2, 20)


def test_what_concerns_no_home_of_ours_or_no_emergency_is_not_counted() -> None:
    """A call to the duty desk, or a receipt left over from yesterday, helps nobody's figures."""
    tally = told(at(0, Kind.CALL, home=None, stage=Stage.NOTIFIED), at(1, Kind.RECEIPT, stage=Stage.STORED))
    assert (tally.happened, tally.count(Stage.NOTIFIED), tally.count(Stage.STORED)) == (0, 0, 0)
