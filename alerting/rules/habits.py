"""What is usual in a home: how long its silences are, by place and hour, and how far they stray from that.

A *context* is where a silence began: one of the places in which this home is often quiet for long (a bed, an armchair),
any other place, or the door. For each context and half-hour of the day two figures are learned:

* ``usual_h``: a silence longer than this begins around that time once a day (weighted over the hours around);
* the spread: by how much such silences exceed it on average. Where a context has been quiet too seldom to tell, that of
  the whole home at that hour stands in.

How unusual a silence is, is its rating ``(length - usual) / spread``. Each silence of the last ninety days is rated by
what other days teach (a fifth of the days is left out at a time), and the highest rating of each day is kept. The limit
is the rating that is reached on one day in so many as may bring a false alarm, by the shape of the days that were
highest: so the number of false alarms follows from the home's own past, whatever its habits are, and after a week or
two already. There is one limit for all that is unusual at home, by day or by night, and one behind the door.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROW: Final = np.dtype([("day", "<u2"), ("hour", "u1"), ("length", "<u2"), ("place", "u1"), ("left", "?")])
"""A silence in the ledger, packed: tenths of an hour, minutes."""
_SILENCE: Final = np.dtype([("day", "i8"), ("hour", "f8"), ("length_h", "f8"), ("place", "i8"), ("left", "?")])
"""The same, to calculate with."""
_KEPT_ALIKE: Final = 32
"""Of the silences that began at one place in one half-hour of the day only the longest are kept: enough to find what is
reached once a day within the hours around.
"""

SLOTS: Final = 48
OTHER: Final = "*other"
LEFT: Final = "*left"
KEPT_DAYS: Final = 90
FEWEST_DAYS: Final = 7
SHORTEST_H: Final = 0.25
"""Silences shorter than this tell nothing."""
LONGEST_H: Final = 14.0
"""Nobody is quiet at home for longer, asleep or not: such a silence is an absence, and is not learned from."""

_HOURS: Final[Floats] = np.arange(SLOTS) / 2 + 0.25
_ON_DAYS: Final = 1.0
"""A silence longer than usual begins on every day, within the hours around."""
_PRIOR_WEIGHT: Final = 8.0
_PRIOR_SPREAD: Final = 0.5
"""So many silences' worth of doubt about a spread: it starts from that of the home, which starts from half of what is
usual.
"""
_PLACE_REACH_H: Final = 1.5
_OTHER_REACH_H: Final = 2.5
_LONG_H: Final = 0.75
_SHARE_OF_LONG: Final = 0.05
_HARDLY_EVER: Final = 0.1
"""Behind a door that leads nowhere it becomes quiet for long on so few of the days on which it is opened."""
_FOLDS: Final = 5
_HIGHEST_SHARE: Final = 0.25
"""The days whose highest ratings tell how ratings fall off: this share of all, and at least three."""
_STEP_RATING: Final = 1.0
_STEP_WEIGHT: Final = 3.0
"""How far ratings fall off by themselves (the mean excess of an exponential tail), and how many days that weighs."""
_LOWEST_RATING: Final = 1.0
_RARER_BEHIND_THE_DOOR: Final = 1.5
_QUIET_DAY: Final = 0.25
"""A day with less than this share of the usual firings was spent elsewhere, and is not learned from."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What has been learned; 48 figures for each context, from local midnight on."""

    days: int
    usual_h: dict[str, tuple[float, ...]]
    limit_h: dict[str, tuple[float, ...]]
    """A silence that began then and has lasted for longer is an alarm."""
    inner_doors: tuple[str, ...] = ()
    """Doors that were opened on a week of days, and behind which it hardly ever was quiet for long: no ways out."""
    long_days: int
    """Days on which a silence by day was longer than the fixed limit."""

    def context(self, place: str, *, left: bool) -> str:
        """The context of a silence that begins at ``place``."""
        return LEFT if left else place if place in self.usual_h else OTHER


class _Figures(NamedTuple):
    """Of a context, for each half-hour: what is usual, and the spread."""

    usual_h: Floats
    spread_h: Floats


def slot_of(hour: float) -> int:
    """The half-hour of the day."""
    return min(int(hour * 2), SLOTS - 1)


def append(ledger: bytes, *, day: int, hour: float, length_h: float, place: int, left: bool) -> bytes:
    """The ledger with one more silence."""
    minutes = min(round(length_h * 60), 65535)
    return ledger + np.array([(day, min(int(hour * 10), 239), minutes, place, left)], dtype=_ROW).tobytes()


def forget(ledger: bytes, before_day: int) -> bytes:
    """The ledger without the days before ``before_day``, and without what never matters."""
    rows = np.frombuffer(ledger, dtype=_ROW)
    rows = rows[rows["day"] >= before_day]
    alike = (rows["hour"] // 5).astype(int) * 512 + rows["place"].astype(int) * 2 + rows["left"]
    order = np.lexsort((-rows["length"].astype(int), alike))
    first = np.searchsorted(alike[order], alike[order])
    kept = order[np.arange(len(rows)) - first < _KEPT_ALIKE]
    return bytes(rows[np.sort(kept)].tobytes())


def _silences(ledger: bytes) -> NDArray[np.void]:
    rows = np.frombuffer(ledger, dtype=_ROW)
    found = np.empty(len(rows), dtype=_SILENCE)
    found["day"], found["place"], found["left"] = rows["day"], rows["place"], rows["left"]
    found["hour"], found["length_h"] = rows["hour"] / 10 + 0.05, rows["length"] / 60
    return found


def learn(
    ledger: bytes,
    places: tuple[str, ...],
    firings: dict[int, int],
    doors: dict[str, int],
    *,
    false_alarm_days: float,
    day_h: tuple[float, float],
    day_limit_h: float,
) -> Habits | None:
    """What the ledger teaches; None before a week of days is in it.

    ``firings`` by local day tells days spent at home from others; ``doors``: on how many days each was opened.
    ``false_alarm_days``: at home, one day in so many may bring a false alarm; behind the door, two in three times as
    many. ``day_limit_h`` is the fixed limit of silences that begin and would reach it within the hours ``day_h``.
    """
    rows = _silences(ledger)
    rows = rows[np.isin(rows["day"], _days_at_home(firings))]
    each_day, nth = np.unique(rows["day"], return_inverse=True)
    days = len(each_day)
    if days < FEWEST_DAYS:
        return None
    contexts = _contexts(rows, places)
    ratings = np.zeros(len(rows))
    for fold in range(_FOLDS):
        out = nth % _FOLDS == fold
        others = {context: chosen[~out] for context, chosen in contexts.items()}
        for context, one in _figures(rows[~out], others, days - len(np.unique(nth[out]))).items():
            those = contexts[context] & out
            slots = _slots(rows[those])
            ratings[those] = (rows["length_h"][those] - one.usual_h[slots]) / one.spread_h[slots]
    left = rows["left"]
    at_home = _limit(_highest(nth[~left], ratings[~left]), days, false_alarm_days)
    behind_the_door = _limit(_highest(nth[left], ratings[left]), days, false_alarm_days * _RARER_BEHIND_THE_DOOR)
    figures = _figures(rows, contexts, days)
    limits = {
        context: one.usual_h + one.spread_h * (behind_the_door if context == LEFT else at_home)
        for context, one in figures.items()
    }
    return Habits(
        days=days,
        usual_h={context: tuple(one.usual_h.tolist()) for context, one in figures.items()},
        limit_h={context: tuple(one.tolist()) for context, one in limits.items()},
        inner_doors=_inner(rows, places, doors),
        long_days=_long_days(rows, day_h, day_limit_h),
    )


def _inner(rows: NDArray[np.void], places: tuple[str, ...], doors: dict[str, int]) -> tuple[str, ...]:
    long = np.bincount(rows["place"][rows["length_h"] > _LONG_H], minlength=256)
    began = {place: int(long[index]) for index, place in enumerate(places)}
    return tuple(
        door for door, days in doors.items() if days >= FEWEST_DAYS and began.get(door, 0) <= days * _HARDLY_EVER
    )


def _slots(rows: NDArray[np.void]) -> NDArray[np.int64]:
    slots: NDArray[np.int64] = np.minimum((rows["hour"] * 2).astype(int), SLOTS - 1)
    return slots


def _days_at_home(firings: dict[int, int]) -> list[int]:
    if not firings:
        return []
    usual = float(np.median(list(firings.values())))
    return [day for day, count in firings.items() if count >= _QUIET_DAY * usual]


def _long_days(rows: NDArray[np.void], day_h: tuple[float, float], limit_h: float) -> int:
    by_day = (rows["hour"] >= day_h[0]) & (rows["hour"] + limit_h <= day_h[1])
    return len(np.unique(rows["day"][by_day & ~rows["left"] & (rows["length_h"] > limit_h)]))


def _contexts(rows: NDArray[np.void], places: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    """Which rows belong to which context."""
    at_home = ~rows["left"]
    long = np.bincount(rows["place"][at_home & (rows["length_h"] > _LONG_H)], minlength=256)
    resting = np.flatnonzero(long >= max(3.0, _SHARE_OF_LONG * long.sum()))
    found = {places[index]: at_home & (rows["place"] == index) for index in resting if index < len(places)}
    found[OTHER] = at_home & ~np.isin(rows["place"], resting)
    found[LEFT] = rows["left"]
    return found


def _figures(rows: NDArray[np.void], contexts: dict[str, NDArray[np.bool_]], days: int) -> dict[str, _Figures]:
    """The figures of each context; where little is known of one, the spread of the whole home stands in."""
    whole = _figures_of(rows[~rows["left"]], days, _PLACE_REACH_H, None).spread_h
    return {
        context: _figures_of(rows[chosen], days, _reach_h(context), None if context == LEFT else whole)
        for context, chosen in contexts.items()
    }


def _reach_h(context: str) -> float:
    return _OTHER_REACH_H if context in {OTHER, LEFT} else _PLACE_REACH_H


def _near(rows: NDArray[np.void], reach_h: float) -> Floats:
    """How much each silence counts for each half-hour, by how near to it the silence began."""
    apart = np.abs((rows["hour"][None, :] - _HOURS[:, None] + 12) % 24 - 12)
    return np.clip(1 - apart / reach_h, 0, None)


def _figures_of(rows: NDArray[np.void], days: int, reach_h: float, spread_h: Floats | None) -> _Figures:
    length = rows["length_h"]
    near = _near(rows, reach_h)
    order = np.argsort(-length)
    rank = (np.cumsum(near[:, order], axis=1) < days * _ON_DAYS).sum(axis=1)
    padded = np.append(length[order], SHORTEST_H)
    usual = np.maximum(padded[np.minimum(rank, len(length))], SHORTEST_H)
    excess = np.clip(length[None, :] - usual[:, None], 0, None)
    longer = (near * (excess > 0)).sum(axis=1)
    prior = usual * _PRIOR_SPREAD if spread_h is None else spread_h
    spread = ((near * excess).sum(axis=1) + _PRIOR_WEIGHT * prior) / (longer + _PRIOR_WEIGHT)
    return _Figures(usual, spread)


def _highest(days: NDArray[np.int64], ratings: Floats) -> Floats:
    """The highest rating of each day that has any, highest first."""
    each, place = np.unique(days, return_inverse=True)
    highest = np.full(len(each), -np.inf)
    np.maximum.at(highest, place, ratings)
    return np.sort(highest)[::-1]


def _limit(highest: Floats, days: int, every_days: float) -> float:
    """The rating that is exceeded on one day in ``every_days``.

    Above the level that a quarter of the days reach, ratings are taken to fall off exponentially, by the mean excess of
    those days; so rare ones are foretold from frequent ones. Source: peaks over threshold, as for floods, with an
    exponential tail (Pickands 1975).
    """
    count = min(max(3, round(days * _HIGHEST_SHARE)), max(len(highest) - 1, 0))
    if not count:
        return _LOWEST_RATING + _STEP_RATING * float(np.log(every_days))
    level = max(float(highest[count]), 0.0)
    excess = float(np.clip(highest[:count] - level, 0, None).sum())
    step = (excess + _STEP_WEIGHT * _STEP_RATING) / (count + _STEP_WEIGHT)
    return max(level + step * float(np.log(max(every_days * count / days, 1.0))), _LOWEST_RATING)
