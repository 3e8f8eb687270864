"""What is usual in a home: how long its silences are, by place and hour, and how far they stray from that.

A *context* is where a silence began: one of the places in which this home is often quiet for long (a bed, an armchair),
any other place, or the door. For each context and half-hour of the day two figures are learned:

* ``usual_h``: a silence longer than this begins around that time on one day in two (weighted over the hours around);
* ``spread_h``: by how much such silences exceed it on average.

How unusual a silence is, is its rating ``(length - usual) / spread``. Each silence of the last ninety days is rated as
if it had not been among those that were learned from, and the highest rating of each day is kept. The limit is the
rating that is reached on one day in so many as may bring a false alarm, by the shape of the days that were highest: so
the number of false alarms to expect follows from the home's own past, whatever its habits are, and after a week or two
already. Ratings of the night count apart from those of the day, and so do those behind the door.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROW: Final = np.dtype([("day", "<u2"), ("hour", "u1"), ("length", "<u2"), ("place", "u1"), ("left", "?")])
"""A silence in the ledger, packed: tenths of an hour, minutes."""
_SILENCE: Final = np.dtype([("day", "i8"), ("hour", "f8"), ("length_h", "f8"), ("place", "i8"), ("left", "?")])
"""The same, to calculate with."""
_KEPT_ALIKE: Final = 24
"""Of the silences that began at one place in one half-hour of the day only the longest are kept: of the others there
are too many to matter.
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
NIGHT_FROM_H: Final = 20.0
"""From then on somebody may go to bed: what is rated by day ends here."""
NIGHT_UNTIL_H: Final = 6.0

_HOURS: Final[Floats] = np.arange(SLOTS) / 2 + 0.25
_IS_NIGHT: Final = (_HOURS >= NIGHT_FROM_H) | (_HOURS < NIGHT_UNTIL_H)
_ON_ONE_DAY_IN: Final = 2.0
_PRIOR_WEIGHT: Final = 8.0
_PRIOR_SPREAD: Final = 0.5
"""So many silences' worth of doubt about a spread: it starts from half of what is usual."""
_PLACE_REACH_H: Final = 1.5
_OTHER_REACH_H: Final = 2.5
_LONG_H: Final = 0.75
_SHARE_OF_LONG: Final = 0.05
_HARDLY_EVER: Final = 0.1
"""Behind a door that leads nowhere it becomes quiet for long on so few of the days on which it is opened."""
_HIGHEST_SHARE: Final = 0.25
"""The days whose highest ratings tell how ratings fall off: this share of all, and at least three."""
_STEP_RATING: Final = 1.0
_STEP_WEIGHT: Final = 3.0
"""How far ratings fall off by themselves (the mean excess of an exponential tail), and how many days that weighs."""
_LOWEST_RATING: Final = 1.0
_RARER_AT_REST: Final = 1.0
_RARER_BY_NIGHT: Final = 2.0
_RARER_BEHIND_THE_DOOR: Final = 2.0
_QUIET_DAY: Final = 0.25
"""A day with less than this share of the usual firings was spent elsewhere, and is not learned from."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What has been learned; 48 figures for each context, from local midnight on."""

    days: int
    usual_h: dict[str, tuple[float, ...]]
    spread_h: dict[str, tuple[float, ...]]
    day_rating: float
    rest_rating: float
    night_rating: float
    left_rating: float
    inner_doors: tuple[str, ...] = ()
    """Doors that were opened on a week of days, and behind which it hardly ever was quiet for long: no ways out."""
    long_days: int
    """Days on which a silence by day was longer than the fixed limit."""

    def context(self, place: str, *, left: bool) -> str:
        """The context of a silence that begins at ``place``."""
        return LEFT if left else place if place in self.usual_h else OTHER

    def limit_h(self, hour: float, place: str, *, left: bool) -> float:
        """How long a silence that began at ``hour`` may be before it is an alarm."""
        context, slot = self.context(place, left=left), slot_of(hour)
        if left:
            rating = self.left_rating
        elif _IS_NIGHT[slot]:
            rating = self.night_rating
        else:
            rating = self.day_rating if context == OTHER else self.rest_rating
        return self.usual_h[context][slot] + rating * self.spread_h[context][slot]


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
    ``false_alarm_days``: by day, at places of rest and elsewhere, one false alarm in so many days is put up with; half
    as often by night, and behind the door. ``day_limit_h`` is the fixed limit of silences that begin and would reach it
    within the hours ``day_h``.
    """
    rows = _silences(ledger)
    rows = rows[np.isin(rows["day"], _days_at_home(firings))]
    days = len(np.unique(rows["day"]))
    if days < FEWEST_DAYS:
        return None
    usual: dict[str, tuple[float, ...]] = {}
    spread: dict[str, tuple[float, ...]] = {}
    ratings = np.zeros(len(rows))
    contexts = _contexts(rows, places)
    for context, chosen in contexts.items():
        reach_h = _OTHER_REACH_H if context in {OTHER, LEFT} else _PLACE_REACH_H
        one, other, ratings[chosen] = _figures(rows[chosen], days, reach_h)
        usual[context], spread[context] = tuple(one.tolist()), tuple(other.tolist())
    night, left = _IS_NIGHT[_slots(rows)], rows["left"]

    def limit(those: NDArray[np.bool_], every_days: float) -> float:
        return _limit(_highest(rows["day"][those], ratings[those]), days, every_days)

    return Habits(
        days=days,
        usual_h=usual,
        spread_h=spread,
        day_rating=limit(contexts[OTHER] & ~night, false_alarm_days),
        rest_rating=limit(~contexts[OTHER] & ~left & ~night, false_alarm_days * _RARER_AT_REST),
        night_rating=limit(~left & night, false_alarm_days * _RARER_BY_NIGHT),
        left_rating=limit(left, false_alarm_days * _RARER_BEHIND_THE_DOOR),
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


def _figures(rows: NDArray[np.void], days: int, reach_h: float) -> tuple[Floats, Floats, Floats]:
    """``usual_h`` and ``spread_h`` of each half-hour, from the silences that began within ``reach_h`` of it; and the
    rating of each silence by what the others teach.
    """
    length, slots = rows["length_h"], _slots(rows)
    apart = np.abs((rows["hour"][None, :] - _HOURS[:, None] + 12) % 24 - 12)
    weight = np.clip(1 - apart / reach_h, 0, None)
    order = np.argsort(-length)
    rank = (np.cumsum(weight[:, order], axis=1) < days / _ON_ONE_DAY_IN).sum(axis=1)
    padded = np.append(length[order], SHORTEST_H)
    usual = np.maximum(padded[np.minimum(rank, len(length))], SHORTEST_H)
    excess = np.clip(length[None, :] - usual[:, None], 0, None)
    over = (weight * (excess > 0)).sum(axis=1) + _PRIOR_WEIGHT
    total = (weight * excess).sum(axis=1) + _PRIOR_WEIGHT * usual * _PRIOR_SPREAD
    each = np.arange(len(rows))
    own, own_excess = weight[slots, each], excess[slots, each]
    of_others = (total[slots] - own * own_excess) / (over[slots] - own * (own_excess > 0))
    return usual, total / over, (length - usual[slots]) / of_others


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
