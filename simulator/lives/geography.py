"""Metres and degrees in a village: small distances, a flat earth."""

import math

from simulator.lives.people import Place

METRES_A_DEGREE = 111_320.0
"""Of latitude. Source: WGS-84, mean meridian arc."""


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
