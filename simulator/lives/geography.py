"""Metres and degrees in a village: small distances, a flat earth."""

import math
from collections.abc import Sequence
from typing import Final

from simulator.lives.people import Place

METRES_A_DEGREE = 111_320.0
"""Of latitude. Source: WGS-84, mean meridian arc."""

_WAVES: Final = (1.0, 1.06, 1.15, 1.08, 1.0, 1.1, 1.18, 1.05, 1.0, 1.04, 1.12, 1.07, 1.0, 1.09, 1.2, 1.1)
"""How far the corners of an outline lie out: no village is round."""


def moved(place: Place, north_m: float, east_m: float) -> Place:
    """The place ``north_m`` north and ``east_m`` east of ``place``; good to a metre within some kilometres."""
    return Place(
        place.lat + north_m / METRES_A_DEGREE,
        place.lon + east_m / (METRES_A_DEGREE * math.cos(math.radians(place.lat))),
    )


def distance_m(one: Place, other: Place) -> float:
    """How far two places of one village are from each other."""
    north = (other.lat - one.lat) * METRES_A_DEGREE
    east = (other.lon - one.lon) * METRES_A_DEGREE * math.cos(math.radians(one.lat))
    return math.hypot(north, east)


def outline(places: Sequence[Place], margin_m: float) -> list[Place]:
    """A closed line around ``places``, at least ``margin_m`` outside the box they lie in; ends where it begins."""
    south, north = min(place.lat for place in places), max(place.lat for place in places)
    west, east = min(place.lon for place in places), max(place.lon for place in places)
    middle = Place((south + north) / 2, (west + east) / 2)
    up_m = distance_m(middle, Place(north, middle.lon)) * math.sqrt(2) + margin_m
    over_m = distance_m(middle, Place(middle.lat, east)) * math.sqrt(2) + margin_m
    corners = []
    for number, wave in enumerate(_WAVES):
        angle = 2 * math.pi * number / len(_WAVES)
        corner = moved(middle, math.sin(angle) * up_m * wave, math.cos(angle) * over_m * wave)
        corners.append(Place(round(corner.lat, 6), round(corner.lon, 6)))
    return [*corners, corners[0]]
