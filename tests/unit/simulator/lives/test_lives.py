"""Simulated residents: reproducible, plausible, and not all the same."""

import pickle
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from simulator.lives.day import Activity, ResidentDay, midnight, plan_day
from simulator.lives.draws import draws
from simulator.lives.geography import distance_m
from simulator.lives.home_day import Fate, HomeDay, Interval, live
from simulator.lives.motion import BLIND_S
from simulator.lives.people import Home, Life, Room
from simulator.lives.village import settle
from simulator.lives.walks import fixes, stray_walk

MIX = {Life.COUPLE: 0.25, Life.LIVING_ALONE: 0.5, Life.FRAIL: 0.15, Life.DEMENTIA: 0.1}
DAY = date(2026, 3, 4)
VILLAGE = settle(7, 300, MIX)
DAYS = [live(home, DAY, 7) for home in VILLAGE]


def _alone(life: Life) -> list[HomeDay]:
    return [day for day in DAYS if day.home.residents[0].life is life]


def _plans(life: Life) -> list[ResidentDay]:
    return [plan_day(home.residents[0], home, DAY, 7) for home in VILLAGE if home.residents[0].life is life]


def test_the_same_seed_gives_the_same_lives_to_the_byte() -> None:
    again = [live(home, DAY, 7) for home in settle(7, 300, MIX)]
    assert pickle.dumps(again) == pickle.dumps(DAYS)


def test_another_seed_or_another_day_gives_another_day() -> None:
    home = VILLAGE[0]
    assert pickle.dumps(live(home, DAY, 8)) != pickle.dumps(DAYS[0])
    assert pickle.dumps(live(home, DAY + timedelta(days=1), 7)) != pickle.dumps(DAYS[0])


def test_a_home_is_the_same_in_a_village_of_any_size() -> None:
    assert settle(7, 20, MIX) == VILLAGE[:20]


def test_kinds_of_life_come_in_the_proportions_asked_for() -> None:
    shares = {life: sum(home.residents[0].life is life for home in VILLAGE) / len(VILLAGE) for life in MIX}
    assert shares == pytest.approx(MIX, abs=0.08)


def test_fifty_homes_are_fifty_people() -> None:
    characters = {home.residents[0].character for home in VILLAGE[:50]}
    assert len(characters) == 50
    wakes = np.array([character.wakes_h for character in characters])
    assert 0.5 < wakes.std() < 1.5
    firings = np.array([sum(map(len, day.movements.values())) for day in DAYS[:50]])
    assert firings.max() > 3 * firings.min()


@pytest.mark.parametrize("home", VILLAGE[:60], ids=lambda home: home.code)
def test_episodes_cover_the_day_without_gap_or_overlap(home: Home) -> None:
    for resident in home.residents:
        episodes = plan_day(resident, home, DAY, 7).episodes
        assert episodes[0].start == midnight(DAY)
        assert episodes[-1].end == pytest.approx(midnight(DAY) + 86400)
        for one, following in pairwise(episodes):
            assert one.end == pytest.approx(following.start)
            assert one.start < one.end
            assert (one.room is None) == (one.activity is Activity.OUT)


def test_residents_sleep_at_night_and_eat_three_times() -> None:
    for plan in _plans(Life.LIVING_ALONE):
        asleep = sum(one.end - one.start for one in plan.episodes if one.activity is Activity.ASLEEP) / 3600
        assert 4.5 < asleep < 14
        assert 2 <= sum(one.activity is Activity.MEAL for one in plan.episodes) <= 4


def test_only_those_with_dementia_roam_at_night() -> None:
    roaming = {life: sum(e.activity is Activity.ROAMING for p in _plans(life) for e in p.episodes) for life in Life}
    assert roaming[Life.DEMENTIA] > 10
    assert roaming[Life.LIVING_ALONE] == roaming[Life.FRAIL] == roaming[Life.COUPLE] == 0


def test_the_frail_go_out_less_and_move_less() -> None:
    def outings(life: Life) -> float:
        return float(np.mean([len(plan.walks) for plan in _plans(life)]))

    def firings(life: Life) -> float:
        return float(np.median([sum(map(len, day.movements.values())) for day in _alone(life)]))

    assert outings(Life.FRAIL) < 0.5 * outings(Life.LIVING_ALONE)
    assert firings(Life.FRAIL) < firings(Life.LIVING_ALONE) < firings(Life.COUPLE)


def test_sensors_keep_their_blind_time_and_are_quieter_at_night() -> None:
    night, noon = 0, 0
    for day in DAYS:
        for at in day.movements.values():
            assert (np.diff(at) >= BLIND_S).all()
            hours = (at - midnight(DAY)) / 3600
            night += int(((hours > 1) & (hours < 3)).sum())
            noon += int(((hours > 10) & (hours < 12)).sum())
    assert noon > 4 * night > 0


def test_doors_open_and_close_in_turn() -> None:
    for day in DAYS:
        moments = [moment for passage in day.passages for moment in passage]
        assert moments == sorted(moments)


def test_a_walk_ends_where_it_began() -> None:
    walks = [walk for plan in _plans(Life.LIVING_ALONE) for walk in plan.walks]
    assert len(walks) > 50
    for walk in walks:
        assert distance_m(walk.where(walk.start), walk.where(walk.end)) < 1
        assert 300 < walk.end - walk.start < 6 * 3600


def test_most_fixes_are_good_and_some_are_hundreds_of_metres_off_and_say_so() -> None:
    walks = [walk for plan in _plans(Life.LIVING_ALONE) for walk in plan.walks]
    draw = draws(1)
    found = [(fix, distance_m(fix.place, walk.where(fix.at))) for walk in walks for fix in fixes(draw, walk, 60)]
    good = [off for fix, off in found if fix.accuracy_m < 100]
    coarse = [off for fix, off in found if fix.accuracy_m >= 300]
    assert 0.85 < len(good) / len(found) < 0.97
    assert np.percentile(good, 90) < 40
    assert np.median(coarse) > 200
    assert len(good) + len(coarse) == len(found)


def test_vitals_have_a_course_over_the_day() -> None:
    pulse = np.array([[sample.heart_rate_bpm for sample in day.bodies[0].samples] for day in DAYS])
    assert pulse[:, 14 * 6 : 16 * 6].mean() > pulse[:, 2 * 6 : 4 * 6].mean() + 8
    assert 35 <= pulse.min() <= pulse.max() <= 180
    steps = [day.bodies[0].samples[-1].steps for day in DAYS]
    assert 300 < np.median(steps) < 8000


def test_whoever_lies_still_is_seen_by_no_sensor_and_goes_nowhere() -> None:
    day = next(day for day in _alone(Life.LIVING_ALONE) if not day.home.pet and len(day.bodies[0].day.walks) > 0)
    from_noon = Interval(midnight(DAY) + 10 * 3600, midnight(DAY) + 86400)
    resident = day.home.residents[0]
    fallen = live(day.home, DAY, 7, {resident.code: Fate(still=(from_noon,))})
    seen = sum(from_noon.holds(at) for moments in fallen.movements.values() for at in moments.tolist())
    before = sum(from_noon.holds(at) for moments in day.movements.values() for at in moments.tolist())
    assert seen <= 8 < before
    assert not [fix for fix in fallen.bodies[0].fixes if from_noon.holds(fix.at - 3 * 3600)]


def test_a_wanderer_leaves_by_the_door_and_her_track_leads_away() -> None:
    home = next(home for home in VILLAGE if home.residents[0].life is Life.DEMENTIA)
    walk = stray_walk(draws(3), home.place, midnight(DAY) + 2 * 3600, 5400, 0.7)
    day = live(home, DAY, 7, {home.residents[0].code: Fate(strays=(walk,))})
    assert walk.start in [passage.opens for passage in day.passages]
    track = [fix for fix in day.bodies[0].fixes if walk.start <= fix.at < walk.end and fix.accuracy_m < 100]
    assert distance_m(track[-1].place, home.place) > 400
    assert Room.BEDROOM in day.movements
