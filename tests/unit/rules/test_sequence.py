"""One thing and then another, or not; devices that flap; what incidents of one home mean together."""

from typing import Any

import pytest
from fixtures.readings import HOUR, MIDNIGHT, door, motion, rule, verdicts

from alerting.rules import flapping
from alerting.rules.correlation import Unresolved, correlate
from devices.model import Hazard, SignalState


def door_at_night(**fields: Any) -> Any:
    """The door opens at night, and nobody moves inside within twenty minutes."""
    return rule(
        kind="sequence",
        hazard="wander",
        per="household",
        between="23:00-05:00",
        first={"quantity": "contact_open", "is": True},
        then={"quantity": "motion", "is": True},
        finds="not_followed",
        ignore_s=60,
        times=2,
        within_s=1200,
        **fields,
    )


AT_TWO = 2 * HOUR


def test_the_door_opens_at_night_and_nobody_comes_back() -> None:
    """The alarm comes by time alone; motion in the first minute is that of leaving; by day nobody minds."""
    leaves = [motion(AT_TWO - 10, "hall"), door(AT_TWO), motion(AT_TWO + 20, "hall")]
    assert verdicts(door_at_night(), leaves, until=AT_TWO + HOUR) == [("not_followed", AT_TWO, AT_TWO + 1200)]
    assert verdicts(door_at_night(), [door(14 * HOUR)], until=20 * HOUR) == []


def test_a_stray_firing_is_no_return_but_two_are() -> None:
    """She is back when two firings follow each other."""
    stray = [door(AT_TWO), motion(AT_TWO + 300)]
    assert len(verdicts(door_at_night(), stray, until=AT_TWO + HOUR)) == 1
    back = [door(AT_TWO), motion(AT_TWO + 300, "hall"), motion(AT_TWO + 330, "kitchen")]
    assert verdicts(door_at_night(), back, until=AT_TWO + HOUR) == []


def test_who_comes_back_late_clears_what_was_raised() -> None:
    """After an hour."""
    late = [door(AT_TWO), door(AT_TWO + HOUR), motion(AT_TWO + HOUR + 30), motion(AT_TWO + HOUR + 60, "hall")]
    assert verdicts(door_at_night(), late) == [
        ("not_followed", AT_TWO, AT_TWO + 1200),
        ("followed_late", AT_TWO, AT_TWO + HOUR + 60),
    ]


def test_a_sequence_may_be_what_is_found() -> None:
    """Motion within a minute after the door, in a home that should be empty."""
    tried = rule(
        kind="sequence",
        hazard="intrusion",
        per="household",
        first={"quantity": "contact_open", "is": True},
        then={"quantity": "motion", "is": True},
        finds="followed",
        within_s=60,
    )
    assert verdicts(tried, [door(0), motion(30)]) == [("followed", 0, 30)]
    assert verdicts(tried, [door(0), motion(90)]) == []


def flaps(hazard: Hazard, changes: int) -> tuple[Any, list[str]]:
    """A device changes its mind every ten seconds."""
    tried = rule(kind="flapping", hazard=hazard.value)
    state = flapping.begin(tried, "device:1")
    reasons = []
    for n in range(changes):
        says = SignalState.CLEARED if n % 2 else SignalState.RAISED
        state, found = flapping.signal(tried, state, hazard, says, MIDNIGHT + 10 * n)
        reasons += [one.reason for one in found]
    return (tried, state), reasons


def test_a_device_that_flaps_is_held_until_it_has_been_quiet() -> None:
    """Six changes in ten minutes; an hour of quiet ends it."""
    (tried, state), reasons = flaps(Hazard.WATER, 8)
    assert reasons == ["flapping"]
    assert flapping.holds(state, Hazard.WATER)
    deadline = flapping.due(tried, state)
    assert deadline == MIDNIGHT + 70 + 3600
    settled, found = flapping.expire(tried, state, deadline)
    assert [one.reason for one in found] == ["settled"]
    assert not flapping.holds(settled, Hazard.WATER)


@pytest.mark.parametrize("hazard", [Hazard.SOS, Hazard.SMOKE, Hazard.GAS, Hazard.FALL, Hazard.CO, Hazard.HEAT])
def test_who_calls_for_help_is_never_held(hazard: Hazard) -> None:
    """However often she presses."""
    (_, state), _ = flaps(hazard, 12)
    assert not flapping.holds(state, hazard)


def incident(number: int, hazard: Hazard, severity: int, opened_at: float) -> Unresolved:
    """An unresolved incident of the home."""
    return Unresolved(id=number, hazard=hazard, severity=severity, opened_at=opened_at)


def together(**fields: Any) -> Any:
    """A correlation that makes a matter of severity 1."""
    return rule(**{"kind": "correlation", "severity": 1, **fields})


def test_hazards_that_meet_make_matters_graver() -> None:
    """A call for help while there is smoke; not a day later; not the smoke, which is graver already."""
    rules = [together(name="sos_in_fire", hazard="sos", beside=["smoke"])]
    both = [incident(1, Hazard.SOS, 2, 0), incident(2, Hazard.SMOKE, 1, 600)]
    found = correlate(rules, both, last_sign_at=None, now=700)
    assert [(one.incident, one.severity, one.reason, one.beside) for one in found] == [(1, 1, "sos_in_fire", 2)]
    apart = [incident(1, Hazard.SOS, 2, 0), incident(2, Hazard.SMOKE, 1, 90_000)]
    assert correlate(rules, apart, last_sign_at=None, now=90_000) == []


def test_a_fall_after_which_nobody_moves_is_worse() -> None:
    """Five minutes of stillness; motion in between; and a home in which stillness proves nothing."""
    rules = [together(name="still", hazard="fall", still_s=300)]
    fall = [incident(1, Hazard.FALL, 2, 1000)]
    assert correlate(rules, fall, last_sign_at=900, now=1299) == []
    assert [one.still_since for one in correlate(rules, fall, last_sign_at=900, now=1300)] == [1000]
    assert correlate(rules, fall, last_sign_at=1200, now=1300) == []
    assert correlate(rules, fall, last_sign_at=None, now=99_999) == []


def test_who_has_got_up_after_a_fall_may_be_out_of_sight_for_longer() -> None:
    """What the sensor saw of the fall itself is no sign of it; what it sees later is."""
    rules = [together(name="still", hazard="fall", still_s=300, still_again_s=1200)]
    fall = [incident(1, Hazard.FALL, 2, 1000)]
    assert [one.still_since for one in correlate(rules, fall, last_sign_at=1060, now=1360)] == [1060]
    assert correlate(rules, fall, last_sign_at=1061, now=2260) == []
    assert [one.still_since for one in correlate(rules, fall, last_sign_at=1061, now=2261)] == [1061]
