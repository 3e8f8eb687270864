"""Links to maps, and the coordinates that maps of mainland China are drawn in."""

import math
from collections.abc import Sequence
from typing import Final

# The ellipsoid that the obfuscation is computed on. Source: SK-42 (Krassovsky 1940).
_SEMI_MAJOR_M: Final = 6378245.0
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_MEAN_RADIUS_M: Final = 6371008.8
_FRAME_PX: Final = 200


def to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """WGS-84 degrees as GCJ-02 degrees, within a metre or so; unchanged outside a box around mainland China.

    Source: the polynomials of the GCJ-02 shift as they became public, and are used by every open converter; see
    en.wikipedia.org/wiki/Restrictions_on_geographic_data_in_China.
    """
    if not (0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347):
        return lat, lon
    north_m, east_m = _shift_m(lat - 35.0, lon - 105.0)
    phi = math.radians(lat)
    curvature = 1 - _ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    meridian_m = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_SQUARED) / curvature**1.5
    parallel_m = _SEMI_MAJOR_M / math.sqrt(curvature) * math.cos(phi)
    return lat + math.degrees(north_m / meridian_m), lon + math.degrees(east_m / parallel_m)


def _shift_m(y: float, x: float) -> tuple[float, float]:
    """Metres by which a point is moved to the north and to the east; ``y``, ``x`` are degrees from 35° N 105° E."""

    def waves(argument: float, *parts: tuple[float, float]) -> float:
        return sum(height * math.sin(argument * math.pi / width) for height, width in parts) * 2 / 3

    common = waves(x, (20.0, 1 / 6), (20.0, 0.5))
    root = math.sqrt(abs(x))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north_m += waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east_m += waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))
    return north_m, east_m


def apart(lat: float, lon: float, other_lat: float, other_lon: float) -> tuple[float, int]:
    """How far the other point lies from the first, in metres, and in which of eight winds: 0 is north, 2 is east.

    Good within some tens of kilometres. Source: the sphere of the mean radius (IUGG, R1), flat on its surface.
    """
    north_m = math.radians(other_lat - lat) * _MEAN_RADIUS_M
    east_m = math.radians(other_lon - lon) * _MEAN_RADIUS_M * math.cos(math.radians((lat + other_lat) / 2))
    bearing = math.degrees(math.atan2(east_m, north_m)) % 360
    return math.hypot(north_m, east_m), round(bearing / 45) % 8


def framing(points: Sequence[tuple[float, float]]) -> tuple[float, float, int]:
    """Centre and zoom of a map on which all ``points`` (lat, lon) lie within 200 by 200 pixels; 16 at the closest.

    Source: Web Mercator, 256 pixels for the whole equator at zoom 0.
    """
    lats, lons = [point[0] for point in points], [point[1] for point in points]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    span = max((max(lats) - min(lats)) / math.cos(math.radians(lat)), max(lons) - min(lons))
    closest = 16
    zoom = closest if span == 0 else math.floor(math.log2(_FRAME_PX * 360 / (256 * span)))
    return lat, lon, max(2, min(zoom, closest))


def amap_link(lat: float, lon: float) -> str:
    """Amap at a WGS-84 point. Nothing but the point is told to it. Source: lbs.amap.com, URI API, marker."""
    there_lat, there_lon = to_gcj02(lat, lon)
    return f"https://uri.amap.com/marker?position={there_lon:.6f},{there_lat:.6f}&coordinate=gaode&callnative=1"


def osm_link(lat: float, lon: float) -> str:
    """OpenStreetMap at a WGS-84 point."""
    return f"https://www.openstreetmap.org/?mlat={lat:.6f}&mlon={lon:.6f}#map=17/{lat:.6f}/{lon:.6f}"
