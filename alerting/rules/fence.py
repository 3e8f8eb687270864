"""Fences: circles and polygons on the ground, and how far a fix lies from their edge."""

from math import asin, cos, hypot, radians, sin, sqrt
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from alerting.rules.localtime import Between
from devices.coordinates import Datum, Point, to_wgs84

_EARTH_M: Final = 6371008.8  # mean radius. Source: IUGG
_DEGREE_M: Final = radians(1.0) * _EARTH_M
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Corner = tuple[Latitude, Longitude]
Plane = tuple[float, float]


class Fence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either ``centre`` and ``radius_m`` or the ``corners`` of a polygon (latitude first), in ``datum``; it counts
    during ``between`` (local time), or always.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    centre: Corner | None = None
    radius_m: Annotated[float, Meta(ge=20, le=200_000)] | None = None
    corners: tuple[Corner, ...] = ()
    datum: Datum = Datum.WGS84
    between: Between | None = None

    def __post_init__(self) -> None:
        circle = self.centre is not None and self.radius_m is not None
        if circle == (len(self.corners) >= 3) or (self.centre is None) != (self.radius_m is None):
            raise ValueError("a fence is either centre and radius_m, or at least 3 corners")
        if len(self.corners) > 500:
            raise ValueError(f"a fence has at most 500 corners; stated: {len(self.corners)}")


def distance_m(one: Point, other: Point) -> float:
    """Great-circle distance of two points."""
    lat, lon = radians(other[0] - one[0]) / 2, radians(other[1] - one[1]) / 2
    chord = sin(lat) ** 2 + cos(radians(one[0])) * cos(radians(other[0])) * sin(lon) ** 2
    return 2 * _EARTH_M * asin(min(1.0, sqrt(chord)))


def at_most_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Never less than the distance of two points, at a fraction of its price: first along the meridian, then along the
    equator.
    """
    return (abs(other_lat - lat) + abs(other_lon - lon)) * _DEGREE_M


class Shape:
    """A fence made ready: in WGS-84, and flat around its first point (exact to 0.1% within 50 km)."""

    def __init__(self, fence: Fence) -> None:
        stated = fence.corners if fence.centre is None else (fence.centre,)
        points = [to_wgs84(point, fence.datum) for point in stated]
        self._origin = points[0]
        self._north_m = _DEGREE_M
        self._east_m = self._north_m * cos(radians(self._origin[0]))
        self.radius_m = fence.radius_m or 0.0
        self._flat = [self._plane(point) for point in points]

    def _plane(self, point: Point) -> Plane:
        east_deg = (point[1] - self._origin[1] + 540) % 360 - 180  # also across the date line
        return east_deg * self._east_m, (point[0] - self._origin[0]) * self._north_m

    def edge_m(self, point: Point) -> float:
        """Distance from the edge: negative inside, positive outside."""
        here = self._plane(point)
        if len(self._flat) == 1:
            return hypot(*here) - self.radius_m
        sides = list(zip(self._flat, self._flat[1:] + self._flat[:1], strict=True))
        away = min(_from_side(here, *side) for side in sides)
        return -away if _inside(here, sides) else away

    def crossed(self, one: Point, other: Point) -> bool:
        """True if the straight way between two points touches the fence."""
        start, end = self._plane(one), self._plane(other)
        if len(self._flat) == 1:
            return _from_side((0.0, 0.0), start, end) <= self.radius_m
        sides = zip(self._flat, self._flat[1:] + self._flat[:1], strict=True)
        return self.edge_m(one) <= 0 or any(_meet(start, end, *side) for side in sides)


def _from_side(point: Plane, start: Plane, end: Plane) -> float:
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    share = 0.0
    if length:
        share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / length
        share = min(max(share, 0.0), 1.0)
    return hypot(point[0] - start[0] - share * along[0], point[1] - start[1] - share * along[1])


def _inside(point: Plane, sides: list[tuple[Plane, Plane]]) -> bool:
    """Even-odd rule: a ray to the east meets an odd number of sides."""
    odd = False
    for (x1, y1), (x2, y2) in sides:
        if (y1 > point[1]) != (y2 > point[1]) and point[0] < (x2 - x1) * (point[1] - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


def _turn(one: Plane, two: Plane, three: Plane) -> float:
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])


def _meet(start: Plane, end: Plane, one: Plane, other: Plane) -> bool:
    return (_turn(start, end, one) > 0) != (_turn(start, end, other) > 0) and (
        (_turn(one, other, start) > 0) != (_turn(one, other, end) > 0)
    )
