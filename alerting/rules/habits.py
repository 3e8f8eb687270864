"""What is usual in a home: how long its silences are, by place and hour, and how far they stray from that.

A *context* is where a silence began: one of the places in which this home is often quiet for long (a bed, an armchair),
any other place, or the door. For each context and half-hour of the day two figures are learned:

* ``usual_h``: a silence longer than this begins around that time on one day in two (weighted over the hours around);
* ``spread_h``: by how much such silences exceed it on average.

How unusual a silence is, is ``(length - usual) / spread``. At the time when it ends each silence is rated by what had
been learned until then, and the limit is the rating that was not exceeded on all but a few days of the last ninety: so
the number of false alarms to expect follows from the home's own past, whatever the shape of its habits. Ratings of the
night count apart from those of the day, and so do those behind the door.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROW: Final = np.dtype(
    [("day", "<u2"), ("hour", "u1"), ("length", "<u2"), ("rating", "<i2"), ("place", "u1"), ("left", "?")]
)
"""A silence in the ledger, packed: tenths of an hour, minutes, hundredths of a rating."""
_SILENCE: Final = np.dtype(
    [("day", "i8"), ("hour", "f8"), ("length_h", "f8"), ("rating", "f8"), ("place", "i8"), ("left", "?")]
)
"""The same, to calculate with. ``rating`` is NaN where nothing had been learned yet."""
_UNRATED: Final = -32768
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
NIGHT_FROM_H: Final = 21.5
NIGHT_UNTIL_H: Final = 6.0

_HOURS: Final[Floats] = np.arange(SLOTS) / 2 + 0.25
_IS_NIGHT: Final = (_HOURS >= NIGHT_FROM_H) | (_HOURS < NIGHT_UNTIL_H)
_ON_ONE_DAY_IN: Final = 2.0
_PRIOR_WEIGHT: Final = 8.0
"""So many silences' worth of doubt about a spread: it starts from half of what is usual."""
_PLACE_REACH_H: Final = 1.5
_OTHER_REACH_H: Final = 2.5
_LONG_H: Final = 0.75
_SHARE_OF_LONG: Final = 0.05
_UNPROVEN_RATING: Final = 10.0
"""The limit while nothing has been rated, given up day by day over the first forty. Source: exponential tails reach it
once in three thousand silences."""
_PROVEN_AFTER_DAYS: Final = 40
_NIGHT_MARGIN: Final = 1.3
_LEFT_MARGIN: Final = 1.5
_QUIET_DAY: Final = 0.25
"""A day with less than this share of the usual firings was spent elsewhere, and is not learned from."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What has been learned; 48 figures for each context, from local midnight on."""

    days: int
    usual_h: dict[str, tuple[float, ...]]
    spread_h: dict[str, tuple[float, ...]]
    day_rating: float
    night_rating: float
    left_rating: float
    long_days: int
    """Days on which a silence by day was longer than the fixed limit."""

    def context(self, place: str, *, left: bool) -> str:
        """The context of a silence that begins at ``place``."""
        return LEFT if left else place if place in self.usual_h else OTHER

    def rating(self, hour: float, length_h: float, place: str, *, left: bool) -> float:
        """How unusual a silence is that began at ``hour`` (local, 0 to 24)."""
        context, slot = self.context(place, left=left), slot_of(hour)
        return (length_h - self.usual_h[context][slot]) / self.spread_h[context][slot]

    def limit_h(self, hour: float, place: str, *, left: bool) -> float:
        """How long a silence that began at ``hour`` may be before it is an alarm."""
        context, slot = self.context(place, left=left), slot_of(hour)
        rating = self.left_rating if left else self.night_rating if _IS_NIGHT[slot] else self.day_rating
        return self.usual_h[context][slot] + rating * self.spread_h[context][slot]


def slot_of(hour: float) -> int:
    """The half-hour of the day."""
    return min(int(hour * 2), SLOTS - 1)


def append(ledger: bytes, *, day: int, hour: float, length_h: float, rating: float, place: int, left: bool) -> bytes:
    """The ledger with one more silence; ``rating`` NaN: unrated."""
    rated = _UNRATED if rating != rating else round(min(max(rating * 100, -32000), 32000))
    minutes = min(round(length_h * 60), 65535)
    return ledger + np.array([(day, min(int(hour * 10), 239), minutes, rated, place, left)], dtype=_ROW).tobytes()


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
    found["rating"] = np.where(rows["rating"] == _UNRATED, np.nan, rows["rating"] / 100)
    return found


def learn(
    ledger: bytes,
    places: tuple[str, ...],
    firings: dict[int, int],
    *,
    false_alarm_days: float,
    day_h: tuple[float, float],
    day_limit_h: float,
) -> Habits | None:
    """What the ledger teaches; None before a week of days is in it.

    ``firings`` by local day tells days spent at home from others. ``false_alarm_days``: by day one false alarm in so
    many days is put up with; by night and behind the door, where an hour more matters less, there is a margin.
    ``day_limit_h`` is the fixed limit of silences that begin and would reach it within the hours ``day_h``.
    """
    rows = _silences(ledger)
    rows = rows[np.isin(rows["day"], _days_at_home(firings))]
    days = len(np.unique(rows["day"]))
    if days < FEWEST_DAYS:
        return None
    usual: dict[str, tuple[float, ...]] = {}
    spread: dict[str, tuple[float, ...]] = {}
    for context, chosen in _contexts(rows, places).items():
        reach_h = _OTHER_REACH_H if context in {OTHER, LEFT} else _PLACE_REACH_H
        one, other = _figures(rows[chosen], days, reach_h)
        usual[context], spread[context] = tuple(one.tolist()), tuple(other.tolist())
    slots = np.minimum((rows["hour"] * 2).astype(int), SLOTS - 1)
    night, left = _IS_NIGHT[slots], rows["left"]
    return Habits(
        days=days,
        usual_h=usual,
        spread_h=spread,
        day_rating=_limit(rows[~left & ~night], 1 + days / false_alarm_days),
        night_rating=_NIGHT_MARGIN * _limit(rows[~left & night], 1.0),
        long_days=_long_days(rows, day_h, day_limit_h),
        left_rating=_LEFT_MARGIN * _limit(rows[left], 1.0),
    )


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


def _figures(rows: NDArray[np.void], days: int, reach_h: float) -> tuple[Floats, Floats]:
    """``usual_h`` and ``spread_h`` of each half-hour, from the silences that began within ``reach_h`` of it."""
    rows = rows[np.argsort(-rows["length_h"])]
    length = rows["length_h"]
    apart = np.abs((rows["hour"][None, :] - _HOURS[:, None] + 12) % 24 - 12)
    weight = np.clip(1 - apart / reach_h, 0, None)
    rank = (np.cumsum(weight, axis=1) < days / _ON_ONE_DAY_IN).sum(axis=1)
    padded = np.append(length, SHORTEST_H)
    usual = np.maximum(padded[np.minimum(rank, len(length))], SHORTEST_H)
    excess = np.clip(length[None, :] - usual[:, None], 0, None)
    prior = np.maximum(SHORTEST_H, usual / 2)
    over = (weight * (excess > 0)).sum(axis=1) + _PRIOR_WEIGHT
    return usual, ((weight * excess).sum(axis=1) + _PRIOR_WEIGHT * prior) / over


def _limit(rows: NDArray[np.void], rank: float) -> float:
    """The ``rank``-th highest rating of a day (between two ranks: in between), and in doubt a high one."""
    rated = rows[~np.isnan(rows["rating"])]
    if not len(rated):
        return _UNPROVEN_RATING
    days, place = np.unique(rated["day"], return_inverse=True)
    highest = np.full(len(days), -np.inf)
    np.maximum.at(highest, place, rated["rating"])
    ordered = np.sort(highest)[::-1]
    limit = max(float(np.interp(rank - 1, np.arange(len(ordered)), ordered)), 1.0)
    doubt = max(0.0, 1 - len(days) / _PROVEN_AFTER_DAYS)
    return limit + doubt * max(_UNPROVEN_RATING - limit, 0.0)
