"""Inactivity: a home's own habits decide, a stray firing does not, and a door disarms nothing for ever."""

from functools import cache
from statistics import mean
from typing import Any

import pytest
from fixtures.quiet_home import lives
from fixtures.readings import DAY, HOUR, MIDNIGHT, MINUTE, door, lived, motion, rule, seen, verdicts

from alerting.replay import collapses
from alerting.rules import inactivity
from alerting.rules.frame import Finding, Observation
from devices.model import DeviceKind, SignalState

LEARNED = 35
SIMPLE = rule(kind="silence", name="simple", hazard="inactivity", left_s=43200)


def tried(**fields: Any) -> Any:
    """The rule with its defaults."""
    return rule(kind="inactivity", name="tried", hazard="inactivity", **fields)


@cache
def history() -> tuple[Observation, ...]:
    """Forty days of the plain life."""
    return tuple(lives(LEARNED + 5))


def after(moment: float, *, stray_per_day: float = 0.0, life: tuple[Observation, ...] | None = None) -> dict[str, Any]:
    """What both rules find after a collapse at ``moment`` (seconds after the first midnight)."""
    (found,) = collapses([tried(), SIMPLE], life or history(), [MIDNIGHT + moment], stray_per_day=stray_per_day, seed=7)
    assert not found.running
    return dict(found.alarms)


def hours_until(alarm: Finding | None, moment: float) -> float:
    """How long it took."""
    assert alarm is not None
    return (alarm.found_at - MIDNIGHT - moment) / HOUR


def test_collapses_by_day_are_found_in_half_the_time_that_the_simple_rule_needs() -> None:
    """Once the home is known: on average over the waking hours, and never later."""
    ours, simple = [], []
    for hour in (7.7, 8.4, 9.2, 11.7, 14.6, 15.5, 16.6, 17.9, 19.0, 20.3):
        moment = (LEARNED + 1) * DAY + hour * HOUR
        alarms = after(moment)
        ours.append(hours_until(alarms["tried"], moment))
        simple.append(hours_until(alarms["simple"], moment))
        assert ours[-1] <= simple[-1]
    assert mean(ours) < mean(simple) / 2


def test_stray_firings_after_a_collapse_do_not_start_the_clock_anew() -> None:
    """Three a day, as in empty homes: on average a few minutes more, where the simple rule loses half an hour."""
    moments = [MIDNIGHT + (LEARNED + 1) * DAY + hour * HOUR for hour in (8.0, 15.5, 19.5)]
    alone = collapses([tried(), SIMPLE], history(), moments, stray_per_day=0, seed=1)
    among = collapses([tried(), SIMPLE], history(), moments * 20, stray_per_day=3, seed=1)
    quiet = {one.at: one.alarms for one in alone}
    more: dict[str, list[float]] = {"tried": [], "simple": []}
    for one in among:
        for name, delays in more.items():
            late, early = one.alarms[name], quiet[one.at][name]
            assert late is not None
            assert early is not None
            delays.append((late.found_at - early.found_at) / HOUR)
    assert mean(more["tried"]) < 0.25
    assert mean(more["simple"]) > 0.5


def test_a_plain_life_raises_nothing() -> None:
    """Forty days, nights and outings included."""
    assert lived(tried(), list(history())) == []


def test_the_first_week_is_as_cautious_as_the_simple_rule() -> None:
    """Nothing is known of the home: four hours by day."""
    moment = 3 * DAY + 15 * HOUR
    alarms = after(moment)
    assert hours_until(alarms["tried"], moment) == pytest.approx(hours_until(alarms["simple"], moment), abs=0.3)
    assert alarms["tried"].evidence["days_learned"] == 0


def test_a_collapse_behind_the_door_is_found_although_the_door_says_she_left() -> None:
    """The door opens, and then nothing: she may be out, but not for ever."""
    moment = (LEARNED + 1) * DAY + 15 * HOUR
    life = (*(one for one in history() if one.at < MIDNIGHT + moment - 5), door(moment - 2))
    alarm = after(moment, life=life)["tried"]
    assert alarm is not None
    assert alarm.reason == "not_back"
    assert hours_until(alarm, moment) <= 24


def test_strays_in_an_empty_home_do_not_arm_the_rule() -> None:
    """She is on her outing; sensors fire now and then, hours apart: she is still out."""
    leaves = [motion(10 * HOUR - 60, "hall"), door(10 * HOUR)]
    strays = [motion(10 * HOUR + 2 * HOUR * n, ("living", "bedroom", "kitchen")[n % 3]) for n in range(1, 5)]
    home = tried(left_s=14 * HOUR)
    assert verdicts(home, [*leaves, *strays], until=23 * HOUR) == []
    assert verdicts(home, [*leaves, *strays], until=25 * HOUR) == [("not_back", 10 * HOUR, 24 * HOUR)]


def test_inner_motion_arms_it_again() -> None:
    """Two firings within five minutes, more than a minute after the door: somebody is in."""
    back = [door(10 * HOUR), motion(10 * HOUR + 120, "hall"), motion(10 * HOUR + 150, "kitchen")]
    assert [reason for reason, _, _ in verdicts(tried(), back, until=15 * HOUR)] == ["unusually_quiet"]


def test_leaving_is_not_taken_for_being_in() -> None:
    """The sensor in the hall sees her go, and the door shuts."""
    leaves = [door(10 * HOUR), motion(10 * HOUR + 5, "hall"), door(10 * HOUR + 20), motion(10 * HOUR + 40, "hall")]
    assert verdicts(tried(), leaves, until=21 * HOUR) == []


def test_one_alarm_for_one_silence_and_it_clears_when_somebody_moves() -> None:
    """Raised once, however long it lasts; a single firing does not clear it."""
    quiet = [motion(8 * HOUR), motion(8 * HOUR + 100, "kitchen"), motion(14 * HOUR), motion(14 * HOUR + 60, "kitchen")]
    found = lived(tried(), [*quiet[:2], motion(13 * HOUR, "hall"), *quiet[2:]])
    assert [(one.reason, one.state) for one in found] == [
        ("unusually_quiet", SignalState.RAISED),
        ("moving_again", SignalState.CLEARED),
    ]
    assert found[1].found_at == MIDNIGHT + 14 * HOUR + 60


def test_a_home_that_never_spoke_is_not_judged() -> None:
    """Sensors that are still in their box say nothing of anybody."""
    kind_seen = [seen(HOUR, "t1", DeviceKind.INFRARED_SENSOR, temperature_c=20.0)]
    assert verdicts(tried(), kind_seen, until=30 * DAY) == []


def test_the_explanation_tells_figures_in_both_languages() -> None:
    """What a grid worker reads on the incident."""
    moment = (LEARNED + 1) * DAY + 15.5 * HOUR
    evidence = after(moment)["tried"].evidence
    assert evidence["place"] in {"living", "hall"}
    assert evidence["confidence"] == "high"
    assert evidence["usual_s"] < evidence["limit_s"] == evidence["silent_s"]
    assert "No sign of life since 15:" in evidence["explanation"]["en"]
    assert "没有活动迹象" in evidence["explanation"]["zh-CN"]


def test_others_in_the_home_lower_the_confidence() -> None:
    """Two residents, or a cat: somebody's motion may hide a collapse."""
    quiet = [motion(8 * HOUR), motion(8 * HOUR + 100, "kitchen")]
    for fields in ({"residents": 2}, {"pets": True}):
        home = tried(**fields)
        state = inactivity.begin(home, "household:1")
        for one in quiet:
            state, _ = inactivity.step(home, state, one)
        _, (found,) = inactivity.expire(home, state, MIDNIGHT + 20 * HOUR)
        assert found.evidence["confidence"] == "low"


def test_a_sensor_that_sees_motion_without_a_break_is_no_silence() -> None:
    """On at eight, off at noon: the silence begins at noon."""
    held = [
        motion(8 * HOUR),
        motion(8 * HOUR + 60),
        seen(12 * HOUR, "living", DeviceKind.INFRARED_SENSOR, motion=False),
        motion(12 * HOUR + 90, "kitchen"),
    ]
    found = verdicts(tried(day_s=4.5 * HOUR), held, until=16 * HOUR)
    assert found == []


def test_a_wristband_far_from_home_is_somebody_who_is_out() -> None:
    """No door sensor: the fix tells."""
    home = {"lat": 36.0, "lon": 114.0}
    indoors = [motion(9 * HOUR), motion(9 * HOUR + 100, "hall")]
    outside = [seen(9 * HOUR + 600 * n, lat=36.02, lon=114.0, accuracy_m=20.0) for n in range(1, 4)]
    assert verdicts(tried(home=home), [*indoors, *outside], until=14 * HOUR) == []
    assert len(verdicts(tried(home=home), indoors, until=14 * HOUR)) == 1


def test_steps_are_signs_of_life() -> None:
    """A pedometer that goes on counting."""
    indoors = [motion(9 * HOUR), motion(9 * HOUR + 100, "hall")]
    walking = [seen(9 * HOUR + 30 * MINUTE * n, steps=100 * n) for n in range(1, 16)]
    assert verdicts(tried(), [*indoors, *walking], until=17 * HOUR) == []
    still = [seen(9 * HOUR + 30 * MINUTE * n, steps=100) for n in range(1, 16)]
    assert len(verdicts(tried(), [*indoors, *still], until=17 * HOUR)) == 1
