"""How the benchmark over simulated lives judges the rules: what counts as found, as missed, and as a false alarm."""

from typing import Any

import pytest
from fixtures.readings import rule

from benchmarks.lived_homes import Planted
from benchmarks.rules_over_lives import Outcome, Tally, delay_s, graver_at, incidents_of, tells_of
from devices.model import Hazard
from simulator.causes.truth import CauseKind

HOUR = 3600.0


def planted(kind: CauseKind, *hazards: Hazard, **fields: Any) -> Planted:
    """An emergency between the first and the second hour."""
    stated = {"at": HOUR, "ends": 2 * HOUR, "still": False, "hidden": False, "quantities": frozenset[str]()}
    return Planted(kind=kind, hazards=frozenset(hazards), **{**stated, **fields})


def test_an_emergency_is_found_by_the_first_alarm_while_it_lasts() -> None:
    """One before it is another matter, one after its end comes too late; until an hour later it is no false alarm."""
    heart = planted(CauseKind.HEART, Hazard.VITALS)
    assert delay_s([10.0, HOUR + 300, HOUR + 900], heart) == 300
    assert delay_s([HOUR - 1, 2 * HOUR + 1], heart) is None
    assert [heart.explains(at) for at in (HOUR - 1, HOUR, 3 * HOUR, 3 * HOUR + 1)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("tried", "tells"),
    [
        ({"kind": "vitals", "quantity": "heart_rate_bpm", "high": 130}, True),
        ({"kind": "vitals", "quantity": "systolic_mmhg", "high": 200}, False),
        ({"kind": "wander", "hazard": "wander"}, False),
    ],
)
def test_a_rule_is_asked_for_emergencies_of_its_hazard_that_its_quantity_tells_of(
    tried: dict[str, Any], tells: bool
) -> None:
    """A racing heart is nothing that a cuff could have measured."""
    heart = planted(CauseKind.HEART, Hazard.VITALS, quantities=frozenset({"heart_rate_bpm", "spo2_pct"}))
    assert tells_of(rule(**tried), heart) is tells


def test_a_correlation_is_asked_for_what_comes_together_only() -> None:
    """A call for help in a fire; a fall after which she lies still, not one after which she gets up."""
    in_fire = rule(kind="correlation", hazard="sos", beside=["smoke"], severity=1)
    still = rule(kind="correlation", hazard="fall", still_s=300, severity=1)
    assert tells_of(in_fire, planted(CauseKind.FIRE, Hazard.SMOKE, Hazard.HEAT, Hazard.SOS))
    assert not tells_of(in_fire, planted(CauseKind.PRESS, Hazard.SOS))
    assert tells_of(still, planted(CauseKind.COLLAPSE, Hazard.INACTIVITY, Hazard.FALL, still=True))
    assert not tells_of(still, planted(CauseKind.FALL, Hazard.FALL))


def test_alarms_of_one_hazard_are_one_incident_while_it_is_unresolved() -> None:
    """Half an hour here; what comes then is another."""
    alarms = [(0.0, Hazard.FALL), (60.0, Hazard.SMOKE), (1799.0, Hazard.FALL), (1800.0, Hazard.FALL)]
    assert [(one.hazard, one.opened_at) for one in incidents_of(alarms)] == [
        (Hazard.FALL, 0.0),
        (Hazard.SMOKE, 60.0),
        (Hazard.FALL, 1800.0),
    ]


def test_the_engine_asks_every_five_seconds_whether_she_has_moved() -> None:
    """Five minutes after the fall, or never, if she moves at least once a minute while the incident is unresolved."""
    still = rule(kind="correlation", hazard="fall", still_s=300, severity=1)
    fall = incidents_of([(HOUR, Hazard.FALL)])
    assert graver_at(still, fall[0], fall, [10.0]) == HOUR + 300
    assert graver_at(still, fall[0], fall, [HOUR + 60 * minute for minute in range(30)]) is None


def test_a_kind_has_found_what_the_first_of_its_rules_has_found() -> None:
    """Of two rules of a home one finds the first emergency sooner, and both miss the second; false alarms add up."""
    one = Tally()
    one.add([Outcome(rule="a", delays_s={0: 60.0, 1: None}, false=1),
             Outcome(rule="b", delays_s={0: 30.0, 1: None}, false=2)], 60)  # fmt: skip
    assert one.delays_s == [30.0, None]
    assert one.false == [1.5]
