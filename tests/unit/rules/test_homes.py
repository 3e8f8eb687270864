"""Inactivity in homes of all sorts: one sensor or many, doors inside, clocks that change, sensors that fail."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from fixtures.quiet_home import lives
from fixtures.readings import DAY, HOUR, MIDNIGHT, MINUTE, door, lived, motion, rule

from alerting.replay import Replay, collapses
from alerting.rules import inactivity, kinds
from alerting.rules.frame import Observation
from alerting.rules.habits import FEWEST_DAYS
from alerting.rules.inactivity import InactivityState
from benchmarks import dense_homes
from devices.model import DeviceKind, Reading, SignalState

RULE = rule(kind="inactivity", name="tried", hazard="inactivity")
SIMPLE = rule(kind="silence", name="simple", hazard="inactivity", left_s=43200)


def known(history: list[Observation], tried: Any = RULE) -> InactivityState:
    """What is remembered at the end of a history."""
    run = Replay([tried])
    run.judge(history)
    (state,) = run.memory.values()
    assert isinstance(state, InactivityState)
    return state


def delay_h(history: list[Observation], moment: float, *, stray_per_day: float = 0.0, tried: Any = RULE) -> float:
    """Hours from a collapse (epoch seconds) to the alarm."""
    (found,) = collapses([tried], history, [moment], stray_per_day=stray_per_day, seed=5)
    alarm = found.alarms["tried"]
    assert alarm is not None
    assert not found.running
    return (alarm.found_at - moment) / HOUR


@cache
def dense(number: int) -> tuple[list[Observation], list[float]]:
    """A home of many sensors over five weeks, and moments of its last weeks at which she is at home and awake."""
    said, present = dense_homes.history(number, 35)
    draw = random.Random(number)
    awake = [one for one in present if one[2] and one[0] > said[0].at + 21 * DAY and one[1] - one[0] > 300]
    return said, sorted(draw.uniform(one[0], one[1]) for one in draw.sample(awake, 20))


@pytest.mark.parametrize("number", [501, 502, 503])
def test_a_home_of_many_sensors_is_judged_sooner_than_by_the_simple_rule(number: int) -> None:
    """Small movements are seen every minute or two there: hours of silence by day are nothing one has to wait for."""
    said, moments = dense(number)
    took: dict[str, list[float]] = {"tried": [], "simple": []}
    for one in collapses([RULE, SIMPLE], said, moments, stray_per_day=3, seed=2):
        for name, delays in took.items():
            alarm = one.alarms[name]
            assert alarm is not None
            delays.append((alarm.found_at - one.at) / HOUR)
    assert mean(took["tried"]) < 0.6 * mean(took["simple"])


def test_a_home_with_a_single_sensor_is_judged_by_its_own_measure() -> None:
    """And stray firings of that sensor still do not start the clock anew, one at a time."""
    everywhere = [motion(one.at - MIDNIGHT, "only") for one in lives(30) if one.reading.motion]
    state = known(everywhere)
    assert state.learned is not None
    assert set(state.learned.usual_h) <= {"only", "*other", "*left"}
    moment = MIDNIGHT + 29 * DAY + 15.5 * HOUR
    alone = delay_h(everywhere, moment)
    assert alone < 4
    strays = [one for one in everywhere if one.at <= moment] + [motion(moment - MIDNIGHT + HOUR / 2, "only")]
    run = Replay([RULE])
    run.judge(strays)
    run.until(moment + 6 * HOUR)
    alarm = run.findings[-1]
    assert (alarm.found_at - moment) / HOUR == pytest.approx(alone, abs=0.4)


def test_a_cupboard_is_no_way_out() -> None:
    """Opened every day, and hardly ever quiet for long behind it: it counts as motion, the front door does not."""
    cupboards = [door(day * DAY + hour * HOUR, "cupboard") for day in range(20) for hour in (7.6, 12.1, 18.2)]
    history = sorted([*lives(20), *cupboards], key=lambda one: one.at)
    state = known(history)
    assert state.learned is not None
    assert state.learned.inner_doors == ("cupboard",)
    moment = 19 * DAY + 18.25 * HOUR
    upto = [one for one in history if one.at < MIDNIGHT + moment]
    by_cupboard = delay_h([*upto, door(moment - 1, "cupboard")], MIDNIGHT + moment)
    by_front_door = delay_h([*upto, door(moment - 1, "front")], MIDNIGHT + moment)
    assert by_cupboard < 4 < by_front_door


def _in_berlin(days: int) -> Iterator[Observation]:
    """The plain life by the clock on a wall in Berlin, over the end of summer time."""
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 1, tzinfo=berlin)
    for one in lives(days):
        day, second = divmod(one.at - MIDNIGHT, DAY)
        wall = (first + timedelta(days=day)).replace(tzinfo=None) + timedelta(seconds=second)
        yield msgspec.structs.replace(one, at=wall.replace(tzinfo=berlin).timestamp())


def test_habits_go_by_the_clock_on_the_wall_when_summer_time_ends() -> None:
    """No alarm around the change, and afterwards a collapse is found as soon as before."""
    history = sorted(_in_berlin(45), key=lambda one: one.at)
    tried = rule(kind="inactivity", name="tried", hazard="inactivity", timezone="Europe/Berlin")
    assert lived(tried, history) == []
    berlin = ZoneInfo("Europe/Berlin")
    before, after = (datetime(2026, *day, 15, 30, tzinfo=berlin).timestamp() for day in ((10, 23), (10, 28)))
    assert delay_h(history, after, tried=tried) == pytest.approx(delay_h(history, before, tried=tried), abs=0.7)


def test_a_room_whose_sensor_has_died_does_not_bring_an_alarm_every_day() -> None:
    """She sits in a living room that nobody sees any more: at most a few alarms, and then it is known."""
    died = 25 * DAY
    blind = [one for one in lives(60) if one.source != "living" or one.at < MIDNIGHT + died]
    raised = [one for one in lived(RULE, blind) if one.state is SignalState.RAISED]
    assert 0 < len(raised) < 12
    assert len([one for one in raised if one.found_at > MIDNIGHT + 50 * DAY]) <= 2


def test_a_silence_in_which_we_were_deaf_is_not_learned_from() -> None:
    """It is judged as far as we heard, and leaves no trace in the habits."""
    before = known(lives(15))
    after, _ = inactivity.step(RULE, before, motion(15 * DAY + 5 * HOUR, "kitchen"))
    after, _ = inactivity.step(RULE, after, motion(15 * DAY + 5 * HOUR + 90, "kitchen"))
    assert len(after.silences) > len(before.silences)
    unlearned = kinds.unlearned(before, after)
    assert isinstance(unlearned, InactivityState)
    assert unlearned.silences == before.silences
    assert unlearned.presence == after.presence


def test_days_on_which_nothing_was_heard_teach_nothing() -> None:
    """Ten days with the sensors off, in the middle: the alarm that they bring is the only thing that is different."""
    gap = (MIDNIGHT + 15 * DAY + 9 * HOUR, MIDNIGHT + 25 * DAY + 9 * HOUR)
    whole = lives(40)
    broken = [one for one in whole if not gap[0] <= one.at < gap[1]]
    moment = MIDNIGHT + 38 * DAY + 15.5 * HOUR
    assert delay_h(broken, moment) == pytest.approx(delay_h(whole, moment), abs=0.75)
    raised = [one for one in lived(RULE, broken) if one.state is SignalState.RAISED]
    assert len(raised) == 1


def test_a_visit_does_not_disarm_the_rule() -> None:
    """Somebody comes at three and goes at four; she is seen moving after that, and falls at half past four."""
    day = 30 * DAY
    visit = [door(day + 15 * HOUR), door(day + 15 * HOUR + 20), door(day + 16 * HOUR), door(day + 16 * HOUR + 20)]
    history = sorted([*lives(31), *visit], key=lambda one: one.at)
    moment = MIDNIGHT + day + 16.5 * HOUR
    assert delay_h(history, moment) == pytest.approx(delay_h(lives(31), moment), abs=0.3)


def test_a_pet_that_fires_the_sensors_hides_a_collapse_for_longer_and_the_rule_says_so() -> None:
    """With pets a firing now and then means little; the confidence is low."""
    draw = random.Random(4)
    steps = [motion(draw.uniform(0, 30 * DAY), draw.choice(("living", "kitchen"))) for _ in range(600)]
    history = sorted([*lives(30), *steps], key=lambda one: one.at)
    tried = rule(kind="inactivity", name="tried", hazard="inactivity", pets=True)
    (found,) = collapses([tried], history, [MIDNIGHT + 28 * DAY + 15 * HOUR], stray_per_day=20, seed=5)
    alarm = found.alarms["tried"]
    assert alarm is not None
    assert alarm.evidence["confidence"] == "low"


def test_lights_that_fool_a_sensor_every_morning_are_not_taken_for_her() -> None:
    """The sun strikes one sensor at nine: one firing, and the clock of a collapse at half past eight goes on."""
    sun = [motion(day * DAY + 9 * HOUR + 25 * MINUTE, "hall") for day in range(31)]
    history = sorted([*lives(31), *sun], key=lambda one: one.at)
    moment = 30 * DAY + 8.8 * HOUR
    upto = [one for one in history if one.at < MIDNIGHT + moment]
    run = Replay([RULE])
    run.judge([*upto, motion(30 * DAY + 9 * HOUR + 25 * MINUTE, "hall")])
    run.until(MIDNIGHT + 31 * DAY)
    assert run.findings[-1].onset == pytest.approx(upto[-1].at, abs=300)


def test_motion_of_a_device_that_is_no_motion_sensor_counts_alike() -> None:
    """What says ``motion`` says it, whatever it is registered as."""
    seen = Observation(MIDNIGHT + HOUR, "mat", DeviceKind.GATEWAY, Reading(motion=True))
    state, _ = inactivity.step(RULE, inactivity.begin(RULE, "household:1"), seen)
    assert state.presence.silent_since == MIDNIGHT + HOUR


def test_where_two_live_one_who_moves_hides_the_other_and_the_alarm_says_how_unsure_it_is() -> None:
    """She collapses at three; he goes on as every day, and nobody can tell. Only when he is quiet, too, is there an
    alarm, of low confidence.
    """
    fallen, quiet = MIDNIGHT + 30 * DAY + 15 * HOUR, MIDNIGHT + 31 * DAY + 9 * HOUR
    hers = [one for one in lives(32, seed=3, outings=False) if one.at < fallen]
    his = [one for one in lives(32, seed=4, outings=False) if one.at < quiet]
    run = Replay([rule(kind="inactivity", name="tried", hazard="inactivity", residents=2)])
    run.judge(sorted([*hers, *his], key=lambda one: one.at))
    run.until(quiet)
    assert [one for one in run.findings if one.found_at > fallen] == []
    run.until(quiet + 12 * HOUR)
    alarm = run.findings[-1]
    assert alarm.onset > quiet - HOUR
    assert alarm.evidence["confidence"] == "low"
    assert "less sure" in alarm.evidence["explanation"]["en"]


def _through_rooms(days: int) -> Iterator[Observation]:
    """From room to room all day, each behind a door with a contact; a quarter of an hour in each."""
    draw = random.Random(8)
    for day in range(days):
        at = day * DAY + 7 * HOUR
        while at < day * DAY + 22 * HOUR:
            room = draw.choice(("bedroom", "bathroom", "kitchen"))
            yield from (door(at, f"{room}_door"), door(at + 4, f"{room}_door"))
            yield from (motion(at + after, room) for after in (6, 50, 115, *range(300, 880, 130)))
            at += draw.uniform(14, 16) * MINUTE


def test_whoever_moves_between_rooms_with_doors_of_their_own_does_not_count_as_gone() -> None:
    """Not on the first day, two minutes after a door, and after a week not behind it either."""
    history = list(_through_rooms(12))
    state = inactivity.begin(RULE, "household:1")
    opened_at = 0.0
    for one in history:
        state, _ = inactivity.step(RULE, state, one)
        opened_at = one.at if one.reading.contact_open is not None else opened_at
        if one.at >= opened_at + 2 * MINUTE:
            assert not state.presence.left
    assert state.learned is not None
    assert set(state.learned.inner_doors) == {"bedroom_door", "bathroom_door", "kitchen_door"}
    moment = 11 * DAY + 15 * HOUR
    upto = [one for one in history if one.at < MIDNIGHT + moment - 20 * MINUTE]
    behind = [*upto, motion(moment - 90, "kitchen"), door(moment - 20, "bathroom_door")]
    assert delay_h(behind, MIDNIGHT + moment) < 4


def test_what_earlier_versions_have_stored_of_a_home_is_learned_from_anew() -> None:
    """Their ledger is kept, their figures are not: until the day ends the fixed limits hold."""
    now = known(lives(30))
    before = msgspec.to_builtins(now, builtin_types=(bytes,))
    del before["learned"]
    before["habits"] = {"days": 29, "usual_h": {}, "spread_h": {}, "day_rating": 4.0, "long_days": 0}
    state = kinds.unpacked(RULE, msgspec.msgpack.encode(before))
    assert isinstance(state, InactivityState)
    assert (state.silences, state.learned) == (now.silences, None)
    state, _ = inactivity.step(RULE, state, motion(30 * DAY + 7 * HOUR, "bathroom"))
    assert state.learned is not None
    assert state.learned.days >= 28


def test_a_home_is_learned_anew_every_day_at_first_and_every_third_once_it_is_known_well() -> None:
    """What it costs to learn is paid by a city of homes at the same hour of the night."""
    state, learned_on = inactivity.begin(RULE, "household:1"), list[int]()
    for one in lives(48):
        before = state.learned
        state, _ = inactivity.step(RULE, state, one)
        if state.learned is not before:
            learned_on.append(state.today)
    gaps = [later - earlier for earlier, later in pairwise(learned_on)]
    settled = gaps.index(3)
    assert settled >= inactivity.SETTLED_AFTER_DAYS - FEWEST_DAYS
    assert set(gaps[:settled]) <= {1, 2}
    assert set(gaps[settled:]) == {3}
