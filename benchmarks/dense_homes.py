"""Homes unlike those of the simulator: many motion sensors, small movements seen, doors inside, habits that slip.

Drawn independently of ``simulator.lives``, to tell what a rule has learned of homes from what it has learned of our
simulator. One resident; the sensors are wired ones that see an arm move, a dozen or two to a home, as in homes that
were instrumented for research: a resident sits, dozes and sleeps with small movements at heavy-tailed intervals, walks
through several sensors on her way, goes out by doors with and without a sensor, opens cupboards that have one, has
guests, sleeps in, stays away for a night. The figures are assumptions, chosen before the rules were run on them; the
share of stays that nobody sees was corrected after a first run, for it was four times what was meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Final, NamedTuple

import numpy as np

from alerting.rules.frame import Observation
from devices.model import DeviceKind, Reading

START: Final = 1_767_542_400.0
"""A Monday's midnight in China."""
DAY_S: Final = 86400.0
_STRAY_A_DAY: Final = 3.0
Draws = np.random.Generator
Seen = list[tuple[float, str]]


class Stay(NamedTuple):
    """So long somewhere, in hours since the first midnight; ``place`` None: out."""

    start: float
    end: float
    place: str | None
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What makes a home and its resident themselves."""

    sensors: dict[str, tuple[str, ...]]
    """Sensors of each place, the one that sees her best first."""
    exits: tuple[str | None, ...]
    """Doors to the outside; None: one without a sensor."""
    cupboard: str | None
    up_h: float
    bed_h: float
    slips_h: float
    sits_min: float
    """Median interval between movements seen while she sits."""
    sleeps_min: float
    naps: float
    dozes: float
    outings: float
    out_h: float
    guests: float
    unseen: float
    """Chance that a stay is in a corner which no sensor sees."""
    nights_away: float


def ways(draw: Draws) -> Ways:
    """A home drawn at random."""
    sensors = {
        "bed": ("M01", "M02")[: int(draw.integers(1, 3))],
        "bath": ("M03",),
        "kitchen": ("M04", "M05", "M06")[: int(draw.integers(1, 4))],
        "chair": ("M07", "M08")[: int(draw.integers(1, 3))],
        "desk": ("M09",),
        "hall": ("M10", "M11")[: int(draw.integers(1, 3))],
        "table": ("M12",),
    }
    exits: list[str | None] = ["D01"]
    exits += ["D02"] if draw.random() < 0.4 else []
    exits += [None] if draw.random() < 0.2 else []
    return Ways(
        sensors=sensors,
        exits=tuple(exits),
        cupboard="D09" if draw.random() < 0.35 else None,
        up_h=float(draw.normal(7.0, 0.9)),
        bed_h=float(draw.normal(22.3, 0.9)),
        slips_h=float(draw.gamma(4, 0.12)),
        sits_min=float(draw.lognormal(log(1.6), 0.4)),
        sleeps_min=float(draw.lognormal(log(8.0), 0.35)),
        naps=float(draw.beta(1.5, 3)),
        dozes=float(draw.beta(1.2, 4)),
        outings=float(draw.gamma(3, 0.4)),
        out_h=float(draw.lognormal(log(1.3), 0.3)),
        guests=float(draw.gamma(2, 0.12)),
        unseen=float(draw.beta(1.2, 25)),
        nights_away=float(draw.gamma(1, 0.03)),
    )


def _day(draw: Draws, who: Ways, day: int, up: float) -> tuple[list[Stay], float]:
    """From getting up until getting up again: stays in hours, and the next time of getting up."""
    zero = 24.0 * day
    bed = zero + who.bed_h + float(draw.normal(0, who.slips_h))
    late = float(draw.uniform(1, 2.5)) if draw.random() < 0.08 else 0.0
    next_up = zero + 24 + who.up_h + late + float(draw.normal(0, who.slips_h))
    bed = min(max(bed, up + 8), next_up - 4)
    stays: list[Stay] = [Stay(up, up + 0.25, "bath", "busy")]
    clock = up + 0.25
    outings = sorted(up + draw.uniform(1.5, 11.5, int(draw.poisson(who.outings))))
    nap_at = zero + float(draw.normal(13.3, 0.8)) if draw.random() < who.naps else 1e9
    doze_at = zero + float(draw.normal(19.5, 0.9)) if draw.random() < who.dozes else 1e9
    away = draw.random() < who.nights_away
    while clock < bed:
        if outings and clock >= outings[0]:
            outings.pop(0)
            lasts = float(draw.lognormal(log(who.out_h), 0.7))
            stay = Stay(clock, next_up - 0.5 if away and not outings else clock + max(lasts, 0.1), None, "out")
        elif clock >= nap_at:
            nap_at = 1e9
            where = "bed" if draw.random() < 0.5 else "chair"
            stay = Stay(clock, clock + float(draw.uniform(0.4, 1.8)), where, "asleep")
        elif clock >= doze_at:
            doze_at = 1e9
            stay = Stay(clock, clock + float(draw.uniform(0.3, 1.2)), "chair", "asleep")
        else:
            stay = _somewhere(draw, who, clock, zero)
        stays.append(stay)
        clock = stay.end
    if clock < next_up - 1.5:
        stays += _night(draw, clock, next_up)
    else:
        next_up = clock
    return stays, next_up


def _somewhere(draw: Draws, who: Ways, clock: float, zero: float) -> Stay:
    hour = clock - zero
    meal = any(abs(hour - at) < 0.5 for at in (7.8, 12.0, 18.0))
    places = ("kitchen", "table", "chair", "desk", "bath", "bed")
    weights = (0.6, 0.25, 0.05, 0.02, 0.05, 0.03) if meal else (0.2, 0.1, 0.38, 0.15, 0.1, 0.07)
    place = str(draw.choice(places, p=weights))
    median_h = {"kitchen": 0.2, "table": 0.3, "chair": 0.7, "desk": 0.6, "bath": 0.1, "bed": 0.15}[place]
    how = "busy" if place in {"kitchen", "bath", "bed"} else "sits"
    if how == "sits" and draw.random() < who.unseen:
        how = "unseen"
    return Stay(clock, clock + min(float(draw.lognormal(log(median_h), 0.6)), 3.0), place, how)


def _night(draw: Draws, start: float, up: float) -> Iterator[Stay]:
    clock = start
    for at in sorted(draw.uniform(start + 0.5, up - 0.3, int(draw.poisson(1.4)))):
        if at > clock:
            yield Stay(clock, at, "bed", "asleep")
            clock = at + float(draw.uniform(0.05, 0.2))
            yield Stay(at, clock, "bath", "busy")
    if clock < up:
        yield Stay(clock, up, "bed", "asleep")


def _moved(draw: Draws, who: Ways, stay: Stay) -> Seen:
    """What the sensors see of a stay."""
    assert stay.place is not None
    sensors = who.sensors[stay.place]
    median_min = {"busy": 0.25, "sits": who.sits_min, "asleep": who.sleeps_min, "unseen": 600.0}[stay.how]
    spread = {"busy": 0.8, "sits": 1.15, "asleep": 1.2, "unseen": 0.1}[stay.how]
    seen: Seen = [(stay.start * 3600, str(draw.choice(who.sensors["hall"]))), (stay.start * 3600 + 6, sensors[0])]
    at = stay.start * 3600 + 6
    while (at := at + 60 * max(float(draw.lognormal(log(median_min), spread)), 0.05)) < stay.end * 3600:
        seen.append((at, sensors[0] if draw.random() < 0.75 else str(draw.choice(sensors))))
    return seen


def _through(draw: Draws, who: Ways, at_s: float, door: str | None) -> tuple[Seen, Seen]:
    """What sees somebody go through the door: motion, and openings and closings."""
    hall = who.sensors["hall"][-1]
    motion = [(at_s - float(draw.uniform(3, 20)), hall), (at_s + float(draw.uniform(1, 12)), hall)]
    return motion, [] if door is None else [(at_s, door), (at_s + float(draw.uniform(3, 25)), door)]


def history(seed: int, days: int) -> tuple[list[Observation], list[tuple[float, float, bool]]]:
    """What the sensors of home ``seed`` say over ``days``, and when she is at home: (from, to, awake)."""
    draw = np.random.default_rng((seed, 77))
    who = ways(draw)
    stays: list[Stay] = []
    up = who.up_h
    for day in range(days):
        lived, up = _day(draw, who, day, up)
        stays += lived
    motion: Seen = []
    doors: Seen = []
    for stay in stays:
        if stay.place is None:
            door = who.exits[int(draw.integers(len(who.exits)))]
            for at in (stay.start, stay.end):
                moved, opened = _through(draw, who, at * 3600, door)
                motion += moved
                doors += opened
        else:
            motion += _moved(draw, who, stay)
            if who.cupboard is not None and stay.place == "kitchen" and draw.random() < 0.6:
                at = float(draw.uniform(stay.start, stay.end)) * 3600
                doors += [(at, who.cupboard), (at + 5, who.cupboard)]
    guests, opened = _guests(draw, who, stays, days)
    end = days * DAY_S
    motion += guests + _strays(draw, who, end)
    doors += opened
    present = [
        (START + one.start * 3600, START + one.end * 3600, one.how != "asleep")
        for one in stays
        if one.place is not None and one.end * 3600 < end
    ]
    return _said(draw, motion, doors, end), present


def _guests(draw: Draws, who: Ways, stays: list[Stay], days: int) -> tuple[Seen, Seen]:
    """Somebody calls while she is up and at home; and now and then the door is opened for the post."""
    motion: Seen = []
    doors: Seen = []
    at_home = [one for one in stays if one.place is not None and one.how in {"busy", "sits"}]
    for _ in range(int(draw.poisson(days * (who.guests + 0.7)))):
        comes = float(draw.uniform(*at_home[int(draw.integers(len(at_home)))][:2])) * 3600
        moved, opened = _through(draw, who, comes, "D01")
        motion, doors = motion + moved, doors + opened
        if draw.random() < who.guests / (who.guests + 0.7):
            goes = comes + float(draw.gamma(2, 1500))
            moved, opened = _through(draw, who, goes, "D01")
            motion, doors = motion + moved, doors + opened
            motion += [(float(at), who.sensors["chair"][0]) for at in draw.uniform(comes, goes, 30)]
    return motion, doors


def _strays(draw: Draws, who: Ways, end: float) -> Seen:
    every = [one for those in who.sensors.values() for one in those]
    return [
        (float(at), str(draw.choice(every)))
        for at in draw.uniform(0, end, int(draw.poisson(_STRAY_A_DAY * end / DAY_S)))
    ]


def _said(draw: Draws, motion: Seen, doors: Seen, end: float) -> list[Observation]:
    """As readings: a motion sensor says on, and off some seconds after the last movement."""
    said: list[Observation] = []
    by_sensor: dict[str, list[float]] = {}
    for at, sensor in sorted(motion):
        if 0 <= at < end:
            by_sensor.setdefault(sensor, []).append(at)
    for sensor, times in by_sensor.items():
        off = -1.0
        for at in times:
            if at > off:
                if off > 0:
                    said.append(_motion(off, sensor, on=False))
                said.append(_motion(at, sensor, on=True))
            off = at + float(draw.uniform(1.5, 6))
    opens: dict[str, bool] = {}
    for at, door in sorted(doors):
        if 0 <= at < end:
            opens[door] = not opens.get(door, False)
            reading = Reading(contact_open=opens[door])
            said.append(Observation(START + at, door, DeviceKind.DOOR_SENSOR, reading))
    return sorted(said, key=lambda one: one.at)


def _motion(at: float, sensor: str, *, on: bool) -> Observation:
    return Observation(START + at, sensor, DeviceKind.INFRARED_SENSOR, Reading(motion=on))
