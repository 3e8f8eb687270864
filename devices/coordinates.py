"""Chinese map coordinates, and back to WGS-84.

Maps sold in mainland China use GCJ-02 (shifted by up to 700 m) or Baidu's BD-09 on top of it; a fence drawn on
such a map must be converted before it is compared with a fix. Outside China nothing is shifted.

Source: the published form of GCJ-02 (Krasovsky 1940 ellipsoid with sums of sines), which agrees with public map
services to within some metres; BD-09 from Baidu's published conversion. GCJ-02 has no closed inverse: it is approached
by iteration until less than a centimetre is left.
"""

from enum import StrEnum
from math import atan2, cos, hypot, pi, radians, sin, sqrt
from typing import Final

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


class Datum(StrEnum):
    """What a pair of coordinates refers to."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


_AXIS_M: Final = 6378245.0
_ECCENTRICITY_2: Final = 0.00669342162296594323
_BAIDU_TURN: Final = pi * 3000.0 / 180.0
_BAIDU_SHIFT: Final = (0.006, 0.0065)
_NEAR_DEG: Final = 1e-8
_ROUNDS: Final = 30


def in_china(point: Point) -> bool:
    """True within the rectangle in which coordinates are shifted."""
    lat, lon = point
    return 0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347


def to_wgs84(point: Point, datum: Datum) -> Point:
    """``point`` of ``datum`` in WGS-84."""
    if datum is Datum.WGS84:
        return point
    shifted = _gcj02_of_bd09(point) if datum is Datum.BD09 else point
    guess = shifted
    for _ in range(_ROUNDS):
        there = from_wgs84(guess, Datum.GCJ02)
        error = (there[0] - shifted[0], there[1] - shifted[1])
        guess = (guess[0] - error[0], guess[1] - error[1])
        if hypot(*error) < _NEAR_DEG:
            break
    return guess


def from_wgs84(point: Point, datum: Datum) -> Point:
    """``point`` of WGS-84 in ``datum``."""
    if datum is Datum.WGS84:
        return point
    shifted = _gcj02(point) if in_china(point) else point
    return _bd09_of_gcj02(shifted) if datum is Datum.BD09 else shifted


def _gcj02(point: Point) -> Point:
    lat, lon = point
    x, y = lon - 105.0, lat - 35.0
    both = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += 2.0 / 3.0 * (both + _waves(y, ((20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += 2.0 / 3.0 * (both + _waves(x, ((20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))))
    sine = sin(radians(lat))
    flat = 1 - _ECCENTRICITY_2 * sine * sine
    metres_north = pi / 180.0 * _AXIS_M * (1 - _ECCENTRICITY_2) / (flat * sqrt(flat))
    metres_east = pi / 180.0 * _AXIS_M / sqrt(flat) * cos(radians(lat))
    return lat + north / metres_north, lon + east / metres_east


def _waves(along: float, waves: tuple[tuple[float, float], ...]) -> float:
    return sum(height * sin(along * pi * often) for height, often in waves)


def _bd09_of_gcj02(point: Point) -> Point:
    lat, lon = point
    far = hypot(lon, lat) + 0.00002 * sin(lat * _BAIDU_TURN)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * _BAIDU_TURN)
    return far * sin(angle) + _BAIDU_SHIFT[0], far * cos(angle) + _BAIDU_SHIFT[1]


def _gcj02_of_bd09(point: Point) -> Point:
    lat, lon = point[0] - _BAIDU_SHIFT[0], point[1] - _BAIDU_SHIFT[1]
    far = hypot(lon, lat) - 0.00002 * sin(lat * _BAIDU_TURN)
    angle = atan2(lat, lon) - 0.000003 * cos(lon * _BAIDU_TURN)
    return far * sin(angle), far * cos(angle)
