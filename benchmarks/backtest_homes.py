"""Simulated homes through the shipped rules: how soon a collapse is found, and how often the rules are wrong.

Each home is lived for ``--days`` days; from the fourth week on, random moments at which the resident is at home, awake
or asleep, are taken for collapses. Figures with 95% intervals over homes (bootstrap). The lives are the simulator's:
the figures say what the rules do with lives of that kind, and no more.
"""

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from statistics import mean

import numpy as np

from alerting.replay import collapses, replay
from alerting.rulebook import default_rules
from alerting.rules.frame import Observation, Rule
from alerting.rules.inactivity import InactivityRule
from alerting.rules.silence import SilenceRule
from devices.model import DeviceKind, Reading, SignalState
from simulator.lives.day import Activity
from simulator.lives.home_day import live
from simulator.lives.people import Home, Life
from simulator.lives.village import settle

_FIRST = date(2026, 1, 5)
_LEARNING_DAYS = 21
_AWAKE = frozenset({Activity.WASHING, Activity.MEAL, Activity.AT_HOME})
_ASLEEP = frozenset({Activity.ASLEEP, Activity.NAP})
Moments = list[tuple[float, bool]]


def history(home: Home, days: int, seed: int, draw: random.Random) -> tuple[list[Observation], Moments]:
    """What the sensors of a home say, and some moments at which everybody in it is at home: (time, awake)."""
    said: list[Observation] = []
    moments: Moments = []
    for offset in range(days):
        day = live(home, _FIRST + timedelta(days=offset), seed)
        for room, times in day.movements.items():
            said += [_reading(at, room.value, DeviceKind.INFRARED_SENSOR, motion=True) for at in times.tolist()]
        for passage in day.passages:
            said.append(_reading(passage.opens, "entrance", DeviceKind.DOOR_SENSOR, contact_open=True))
            said.append(_reading(passage.closes, "entrance", DeviceKind.DOOR_SENSOR, contact_open=False))
        if offset >= _LEARNING_DAYS and len(home.residents) == 1:
            episodes = day.bodies[0].day.episodes
            for wanted, awake in ((_AWAKE, True), (_ASLEEP, False)):
                those = [one for one in episodes if one.activity in wanted and one.room in day.movements]
                if those:
                    one = draw.choices(those, weights=[each.end - each.start for each in those])[0]
                    moments.append((draw.uniform(one.start, one.end), awake))
    return sorted(said, key=lambda one: one.at), moments


def _reading(
    at: float, source: str, kind: DeviceKind, *, motion: bool | None = None, contact_open: bool | None = None
) -> Observation:
    return Observation(at, source, kind, Reading(motion=motion, contact_open=contact_open))


def interval(values: Sequence[float]) -> str:
    """Mean and 95% interval of the mean, by bootstrap over homes."""
    draw = np.random.default_rng(1)
    sample = np.array(values)
    means = draw.choice(sample, (2000, len(sample))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{sample.mean():.2f} ({low:.2f} to {high:.2f})"


def judged(homes: Iterable[Home], rules: Sequence[InactivityRule | SilenceRule], days: int, stray: float) -> None:
    """Print alarms a home and month by rule, and delays of the rules of inactivity."""
    draw = random.Random(7)
    alarms: dict[str, list[float]] = defaultdict(list)
    first_weeks: dict[str, list[float]] = defaultdict(list)
    delays: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for home in homes:
        said, moments = history(home, days, 1, draw)
        found = [one for one in replay(rules, said) if one.state is SignalState.RAISED]
        known_at = said[0].at + _LEARNING_DAYS * 86400
        early = Counter(one.rule for one in found if one.found_at < known_at)
        late = Counter(one.rule for one in found if one.found_at >= known_at)
        for rule in rules:
            alarms[rule.name].append(late[rule.name] * 30 / (days - _LEARNING_DAYS))
            first_weeks[rule.name].append(early[rule.name] * 30 / _LEARNING_DAYS)
        if moments:
            _delays(rules, said, moments, stray, delays)
    print(f"{'rule':<18}{'alarms a home and 30 days':<30}{'in the first three weeks':<28}")
    for name, counts in alarms.items():
        print(f"{name:<18}{interval(counts):<30}{interval(first_weeks[name]):<28}")
    print(
        f"\n{'rule':<18}{'hours to alarm, awake':<30}{'asleep':<28}  ({stray:g} stray firings a day after the collapse)"
    )
    for rule in rules:
        print(f"{rule.name:<18}{interval(delays[rule.name, True]):<30}{interval(delays[rule.name, False]):<28}")


def _delays(
    rules: Sequence[Rule],
    said: Sequence[Observation],
    moments: Moments,
    stray: float,
    delays: dict[tuple[str, bool], list[float]],
) -> None:
    awake: dict[float, bool] = dict(moments)
    took: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for one in collapses(rules, said, awake, stray_per_day=stray, seed=3):
        for name, alarm in one.alarms.items():
            if name not in one.running and alarm is not None:
                took[name, awake[one.at]].append((alarm.found_at - one.at) / 3600)
    for key, each in took.items():
        delays[key].append(mean(each))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--homes", type=int, default=40)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--stray", type=float, default=3.0, help="stray firings a day after a collapse")
    options = parser.parse_args()
    rules = [one for one in default_rules() if isinstance(one, InactivityRule | SilenceRule)]
    mix = {Life.LIVING_ALONE: 0.7, Life.FRAIL: 0.3}
    homes = settle(1, options.homes, mix)
    print(f"{options.homes} homes of people living alone, {options.days} days each\n")
    judged(homes, rules, options.days, options.stray)
    return 0


if __name__ == "__main__":
    sys.exit(main())
