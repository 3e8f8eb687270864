"""Outings on foot: where somebody is at each moment, and what a positioning device makes of it."""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from simulator.lives.draws import Draws
from simulator.lives.geography import distance_m, moved
from simulator.lives.people import Place


class Fix(NamedTuple):
    """A position as a device states it; ``accuracy_m`` is its own estimate."""

    at: float
    place: Place
    accuracy_m: float
    speed_mps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A way on foot. ``corners`` are (epoch seconds, place) in order; between them the pace is even."""

    corners: tuple[tuple[float, Place], ...]

    @property
    def start(self) -> float:
        """When the door closes behind her."""
        return self.corners[0][0]

    @property
    def end(self) -> float:
        """When she is back, or at rest for good."""
        return self.corners[-1][0]

    def where(self, moment: float) -> Place:
        """The place at ``moment``; before and after the walk, its ends."""
        times = [at for at, _ in self.corners]
        return Place(
            float(np.interp(moment, times, [place.lat for _, place in self.corners])),
            float(np.interp(moment, times, [place.lon for _, place in self.corners])),
        )


def draw_walk(draw: Draws, home: Place, start: float, reach_m: float, pace_mps: float) -> Walk:
    """There by way of two corners, a stay (market, square, neighbours), and back the same way."""
    there = _way(draw, home, float(draw.lognormal(math.log(reach_m), 0.35)))
    stay_s = float(draw.gamma(2, 900))
    outward = [(0.0, home)]
    for place in there:
        outward.append((outward[-1][0] + distance_m(outward[-1][1], place) / pace_mps, place))
    takes_s = outward[-1][0]
    corners = [(start + at, place) for at, place in outward]
    corners += [(start + takes_s + stay_s + (takes_s - at), place) for at, place in reversed(outward)]
    return Walk(corners=tuple(corners))


def stray_walk(draw: Draws, home: Place, start: float, lasts_s: float, pace_mps: float) -> Walk:
    """Away from home without a destination: new corners until ``lasts_s`` are over, never turning back for home."""
    corners = [(start, home)]
    heading = float(draw.uniform(0, 2 * math.pi))
    while corners[-1][0] < start + lasts_s:
        at, place = corners[-1]
        leg_m = float(draw.uniform(60, 250))
        heading += float(draw.normal(0, 0.45))
        corners.append((at + leg_m / pace_mps, moved(place, leg_m * math.cos(heading), leg_m * math.sin(heading))))
    return Walk(corners=tuple(corners))


def _way(draw: Draws, home: Place, metres: float) -> list[Place]:
    heading = float(draw.uniform(0, 2 * math.pi))
    corners = []
    for share in (0.4, 0.75, 1.0):
        swerve = heading + float(draw.normal(0, 0.25))
        corners.append(moved(home, metres * share * math.cos(swerve), metres * share * math.sin(swerve)))
    return corners


_COARSE: Final = 0.08
"""Share of fixes that the network gives from cells or Wi-Fi: an assumption for a village street between houses."""


def fixes(draw: Draws, walk: Walk, every_s: float) -> list[Fix]:
    """What a wristband reports on the way: satellite fixes 5–25 m off, and now and then a cell or Wi-Fi fix that is
    hundreds of metres off and says so.
    """
    found = []
    for at in np.arange(walk.start, walk.end, every_s).tolist():
        true = walk.where(at)
        coarse = draw.random() < _COARSE
        accuracy_m = float(draw.uniform(300, 1800)) if coarse else float(draw.gamma(4, 3)) + 3
        off_m, heading = abs(float(draw.normal(0, accuracy_m * 0.7))), float(draw.uniform(0, 2 * math.pi))
        seen = moved(true, off_m * math.cos(heading), off_m * math.sin(heading))
        before = walk.where(at - every_s)
        speed_mps = 0.0 if coarse else distance_m(before, true) / every_s
        found.append(Fix(at, Place(round(seen.lat, 6), round(seen.lon, 6)), round(accuracy_m, 1), round(speed_mps, 2)))
    return found
