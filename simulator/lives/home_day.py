"""One day of one home: everything that its devices could notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from simulator.lives.day import ResidentDay, plan_day
from simulator.lives.draws import Draws, Floats, draws
from simulator.lives.motion import movements, strays, together
from simulator.lives.people import Home, Room
from simulator.lives.vitals import Pressure, Sample, pressures, samples
from simulator.lives.walks import Fix, Walk, fixes

SAMPLE_EVERY_S: Final = 600.0
FIX_EVERY_S: Final = 60.0


class Passage(NamedTuple):
    """Somebody goes through the entrance: the door is open from ``opens`` to ``closes``."""

    opens: float
    closes: float


class Interval(NamedTuple):
    """From ``start`` up to ``end``, epoch seconds."""

    start: float
    end: float

    def holds(self, moment: float) -> bool:
        """Whether ``moment`` lies within."""
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What an emergency makes of a resident's day: she lies still, or walks off."""

    still: tuple[Interval, ...] = ()
    strays: tuple[Walk, ...] = ()

    def lies_still(self, moment: float) -> bool:
        """Whether she cannot move at ``moment``."""
        return any(interval.holds(moment) for interval in self.still)


UNTOUCHED: Final = Fate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What worn devices notice of one resident."""

    day: ResidentDay
    samples: tuple[Sample, ...]
    pressures: tuple[Pressure, ...]
    fixes: tuple[Fix, ...]
    strayed: tuple[Interval, ...] = ()
    """When she was lost outside, whatever she does at that hour on other days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeDay:
    """A day as it happened: firings by room, passages of the entrance, and each resident's body."""

    home: Home
    movements: dict[Room, Floats]
    passages: tuple[Passage, ...]
    bodies: tuple[Body, ...]


def live(home: Home, day: date, seed: int, fates: dict[str, Fate] | None = None) -> HomeDay:
    """The day of ``home``; ``fates`` by resident's code. The same arguments give the same day."""
    fates = fates or {}
    plans = [plan_day(resident, home, day, seed) for resident in home.residents]
    given = [fates.get(plan.resident.code, UNTOUCHED) for plan in plans]
    draw = draws(seed, "home-day", home.code, day.isoformat())
    start, end = plans[0].episodes[0].start, plans[0].episodes[-1].end
    fired = together(
        *(_movements(draw, home, plan, fate) for plan, fate in zip(plans, given, strict=True)),
        strays(draw, home, start, end),
    )
    passages = [passage for plan, fate in zip(plans, given, strict=True) for passage in _passages(draw, plan, fate)]
    in_turn = _in_turn([*passages, *_visits(draw, plans, given, start)])
    return HomeDay(
        home=home,
        movements=together(fired, _through_the_hall(home, in_turn)),
        passages=in_turn,
        bodies=tuple(_body(draw, plan, fate) for plan, fate in zip(plans, given, strict=True)),
    )


def _movements(draw: Draws, home: Home, plan: ResidentDay, fate: Fate) -> dict[Room, Floats]:
    found = movements(draw, home, [plan.episodes], [plan.resident.character.liveliness])
    if fate is UNTOUCHED:
        return found
    gone = (*fate.still, *(Interval(walk.start, walk.end) for walk in fate.strays))
    return {room: at[[not any(gap.holds(one) for gap in gone) for one in at.tolist()]] for room, at in found.items()}


def _walks(plan: ResidentDay, fate: Fate) -> list[Walk]:
    kept = [walk for walk in plan.walks if not fate.lies_still(walk.start)]
    for stray in fate.strays:
        kept = [walk for walk in kept if walk.end < stray.start or walk.start > stray.end]
    return sorted([*kept, *fate.strays], key=lambda walk: walk.start)


def _passages(draw: Draws, plan: ResidentDay, fate: Fate) -> list[Passage]:
    found = []
    for walk in _walks(plan, fate):
        found.append(Passage(walk.start, walk.start + float(draw.uniform(4, 15))))
        if walk not in fate.strays:
            found.append(Passage(walk.end, walk.end + float(draw.uniform(4, 15))))
    return found


def _visits(draw: Draws, plans: Sequence[ResidentDay], fates: Sequence[Fate], start: float) -> list[Passage]:
    """Kin and neighbours come by day; a door left ajar belongs to it."""
    found = []
    mean = sum(plan.resident.character.visits for plan in plans) / len(plans)
    for _ in range(int(draw.poisson(mean))):
        comes = start + float(draw.uniform(8.5, 19.0)) * 3600
        goes = comes + float(draw.gamma(2, 1200))
        if any(fate.lies_still(moment) for fate in fates for moment in (comes, goes)):
            continue
        found.append(Passage(comes, comes + float(draw.gamma(2, 10)) + 3))
        found.append(Passage(goes, goes + float(draw.gamma(2, 8)) + 3))
    return found


def _through_the_hall(home: Home, passages: Sequence[Passage]) -> dict[Room, Floats]:
    """Whoever comes or goes is seen in the hall, if there is one."""
    if Room.HALL not in home.rooms:
        return {}
    return {Room.HALL: np.array(sorted(moment for one in passages for moment in (one.opens - 4, one.closes + 2)))}


def _in_turn(passages: list[Passage]) -> tuple[Passage, ...]:
    """The door closes before it opens again."""
    found: list[Passage] = []
    for passage in sorted(passages):
        if found and passage.opens <= found[-1].closes + 1:
            continue
        found.append(passage)
    return tuple(found)


def _body(draw: Draws, plan: ResidentDay, fate: Fate) -> Body:
    return Body(
        day=plan,
        samples=tuple(samples(draw, plan, SAMPLE_EVERY_S, fate.lies_still)),
        pressures=tuple(pressures(draw, plan)),
        fixes=tuple(fix for walk in _walks(plan, fate) for fix in fixes(draw, walk, FIX_EVERY_S)),
        strayed=tuple(Interval(walk.start, walk.end) for walk in fate.strays),
    )
