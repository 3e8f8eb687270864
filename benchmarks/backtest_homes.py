"""Homes through the rules of silence: how soon a collapse is found, and how often the rules are wrong.

    python -P -m benchmarks.backtest_homes [--kind village|dense] [--homes N] [--days N] [--seed N] [--curve]

Each home is lived for ``--days`` days. From the third week on, random moments at which the resident is at home, awake
or asleep, are taken for collapses: nothing moves any more but stray firings. ``village``: the simulator's lives;
``dense``: homes drawn independently of them (:mod:`benchmarks.dense_homes`). ``--curve``: both rules with several
limits, to be compared where they are wrong equally often. Figures with 95% intervals over homes (bootstrap).
"""

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import mean

import msgspec
import numpy as np

from alerting.replay import collapses, replay
from alerting.rulebook import default_rules
from alerting.rules.frame import Observation
from alerting.rules.inactivity import InactivityRule
from alerting.rules.silence import SilenceRule
from benchmarks import dense_homes
from devices.model import DeviceKind, Reading, SignalState
from simulator.lives.day import Activity
from simulator.lives.home_day import live
from simulator.lives.people import Home, Life
from simulator.lives.village import settle

FIRST = date(2026, 1, 5)
LEARNING_DAYS = 14
_MIX = {Life.LIVING_ALONE: 0.7, Life.FRAIL: 0.3}
_AWAKE = frozenset({Activity.WASHING, Activity.MEAL, Activity.AT_HOME})
_ASLEEP = frozenset({Activity.ASLEEP, Activity.NAP})
_DAY_S = 86400.0
AnyRule = InactivityRule | SilenceRule
Span = tuple[float, float, bool]
"""From, to (epoch seconds), awake: the resident is at home."""
Lived = tuple[list[Observation], list[Span]]


def village_home(home: Home, days: int, seed: int) -> Lived:
    """What the sensors of a simulated home say, and when everybody is at home (only where one person lives)."""
    said: list[Observation] = []
    spans: list[Span] = []
    for offset in range(days):
        day = live(home, FIRST + timedelta(days=offset), seed)
        for room, times in day.movements.items():
            said += [_reading(at, room.value, DeviceKind.INFRARED_SENSOR, motion=True) for at in times.tolist()]
        for passage in day.passages:
            said.append(_reading(passage.opens, "entrance", DeviceKind.DOOR_SENSOR, contact_open=True))
            said.append(_reading(passage.closes, "entrance", DeviceKind.DOOR_SENSOR, contact_open=False))
        if len(home.residents) == 1:
            for one in day.bodies[0].day.episodes:
                if one.activity in _AWAKE | _ASLEEP and one.room in day.movements:
                    spans.append((one.start, one.end, one.activity in _AWAKE))
    return sorted(said, key=lambda one: one.at), spans


def _reading(
    at: float, source: str, kind: DeviceKind, *, motion: bool | None = None, contact_open: bool | None = None
) -> Observation:
    return Observation(at, source, kind, Reading(motion=motion, contact_open=contact_open))


def lives(kind: str, homes: int, days: int, seed: int) -> Iterator[Lived]:
    """Histories of homes of people living alone."""
    if kind == "dense":
        for number in range(homes):
            yield dense_homes.history(seed * 10_000 + number, days)
        return
    for home in settle(seed, homes, _MIX):
        yield village_home(home, days, seed)


def moments(spans: Sequence[Span], known_at: float, days: int, draw: random.Random) -> dict[float, bool]:
    """A moment awake and one asleep of each day after ``known_at``, and whether she is awake."""
    found: dict[float, bool] = {}
    for day in range(days):
        start = known_at + day * _DAY_S
        for wanted in (True, False):
            those = [one for one in spans if one[2] is wanted and start <= one[0] < start + _DAY_S]
            if those:
                one = draw.choices(those, weights=[each[1] - each[0] for each in those])[0]
                found[draw.uniform(one[0], one[1])] = wanted
    return found


@dataclass(slots=True)
class Tally:
    """Of one rule, a figure for each home: alarms in 30 days, first (two weeks) and then; hours to alarm, when she was
    awake, when asleep, and at any moment at home.
    """

    early: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    awake_h: list[float] = field(default_factory=list)
    asleep_h: list[float] = field(default_factory=list)
    any_h: list[float] = field(default_factory=list)


def judged(histories: Iterable[Lived], rules: Sequence[AnyRule], days: int, stray: float) -> dict[str, Tally]:
    """What each rule makes of the histories."""
    draw = random.Random(7)
    tallies = {one.name: Tally() for one in rules}
    for said, spans in histories:
        known_at = said[0].at + LEARNING_DAYS * _DAY_S
        found = [one for one in replay(rules, said) if one.state is SignalState.RAISED]
        early = Counter(one.rule for one in found if one.found_at < known_at)
        late = Counter(one.rule for one in found if one.found_at >= known_at)
        for name, tally in tallies.items():
            tally.early.append(early[name] * 30 / LEARNING_DAYS)
            tally.late.append(late[name] * 30 / (days - LEARNING_DAYS))
        awake = moments(spans, known_at, days - LEARNING_DAYS, draw)
        took: dict[tuple[str, bool], list[float]] = defaultdict(list)
        for one in collapses(rules, said, awake, stray_per_day=stray, seed=3):
            for name, alarm in one.alarms.items():
                if name not in one.running and alarm is not None:
                    took[name, awake[one.at]].append((alarm.found_at - one.at) / 3600)
        awake_share = _awake_share(spans)
        for name, tally in tallies.items():
            if took[name, True] and took[name, False]:
                up, down = mean(took[name, True]), mean(took[name, False])
                tally.awake_h.append(up)
                tally.asleep_h.append(down)
                tally.any_h.append(awake_share * up + (1 - awake_share) * down)
    return tallies


def _awake_share(spans: Sequence[Span]) -> float:
    """Of the time at home."""
    awake_s = sum(end - start for start, end, awake in spans if awake)
    return awake_s / sum(end - start for start, end, _ in spans)


def interval(values: Sequence[float]) -> str:
    """Mean and 95% interval of the mean, by bootstrap over homes."""
    if not values:
        return "-"
    draw = np.random.default_rng(1)
    sample = np.array(values)
    means = draw.choice(sample, (2000, len(sample))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{sample.mean():.2f} ({low:.2f} to {high:.2f})"


def curve(learned: InactivityRule, simple: SilenceRule) -> list[AnyRule]:
    """Both rules with several limits. The simple one is tried with and without regard to the door."""
    rules: list[AnyRule] = [
        msgspec.structs.replace(learned, name=f"learned_{days}_days", false_alarm_days=days)
        for days in (25, 50, 100, 200)
    ]
    for left_s in (None, simple.left_s):
        for by_day, by_night in ((2, 4), (3, 4), (3, 6), (4, 6), (4, 10), (6, 10)):
            rules.append(
                msgspec.structs.replace(
                    simple, name=f"simple_{by_day}_h_{by_night}_h{'_door' if left_s else ''}", left_s=left_s,
                    day_s=by_day * 3600, night_s=by_night * 3600,
                )
            )  # fmt: skip
    return rules


def show(tallies: dict[str, Tally]) -> None:
    """Print a line for each rule."""
    columns = ("rule", "alarms, 30 days", "in two weeks first", "hours, awake", "asleep", "at any time")
    print("".join(f"{one:<22}" for one in columns))
    for name, one in tallies.items():
        figures = (one.late, one.early, one.awake_h, one.asleep_h, one.any_h)
        print(f"{name:<22}" + "".join(f"{interval(each):<22}" for each in figures))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("village", "dense"), default="village")
    parser.add_argument("--homes", type=int, default=40)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stray", type=float, default=3.0, help="stray firings a day after a collapse")
    parser.add_argument("--curve", action="store_true", help="both rules with several limits")
    options = parser.parse_args()
    learned = next(one for one in default_rules() if isinstance(one, InactivityRule))
    simple = next(one for one in default_rules() if isinstance(one, SilenceRule))
    rules: Sequence[AnyRule] = curve(learned, simple) if options.curve else [learned, simple]
    print(f"{options.homes} {options.kind} homes of one person each, {options.days} days, seed {options.seed};"
          f" {options.stray:g} stray firings a day after a collapse\n", flush=True)  # fmt: skip
    show(judged(lives(options.kind, options.homes, options.days, options.seed), rules, options.days, options.stray))
    return 0


if __name__ == "__main__":
    sys.exit(main())
