"""Links to maps, and what of a map does not depend on who draws it."""

import math
from collections.abc import Sequence
from typing import Final

from devices.coordinates import Datum, from_wgs84

_MEAN_RADIUS_M: Final = 6371008.8


def apart(lat: float, lon: float, other_lat: float, other_lon: float) -> tuple[float, int]:
    """How far the other point lies from the first, in metres, and in which of eight winds: 0 is north, 2 is east.

    Good within some tens of kilometres. Source: the sphere of the mean radius (IUGG, R1), flat on its surface.
    """
    north_m = math.radians(other_lat - lat) * _MEAN_RADIUS_M
    east_m = math.radians(other_lon - lon) * _MEAN_RADIUS_M * math.cos(math.radians((lat + other_lat) / 2))
    bearing = math.degrees(math.atan2(east_m, north_m)) % 360
    return math.hypot(north_m, east_m), round(bearing / 45) % 8


def framing(points: Sequence[tuple[float, float]], *, frame_px: int = 200) -> tuple[float, float, int]:
    """Centre and zoom of a map on which all ``points`` (lat, lon) lie in a square of ``frame_px``; 16 at the closest.

    Source: Web Mercator, 256 pixels for the whole equator at zoom 0.
    """
    lats, lons = [point[0] for point in points], [point[1] for point in points]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    span = max((max(lats) - min(lats)) / math.cos(math.radians(lat)), max(lons) - min(lons))
    closest = 16
    zoom = closest if span == 0 else math.floor(math.log2(frame_px * 360 / (256 * span)))
    return lat, lon, max(2, min(zoom, closest))


def amap_link(lat: float, lon: float) -> str:
    """Amap at a WGS-84 point. Nothing but the point is told to it. Source: lbs.amap.com, URI API, marker."""
    there_lat, there_lon = from_wgs84((lat, lon), Datum.GCJ02)
    return f"https://uri.amap.com/marker?position={there_lon:.6f},{there_lat:.6f}&coordinate=gaode&callnative=1"


def osm_link(lat: float, lon: float) -> str:
    """OpenStreetMap at a WGS-84 point."""
    return f"https://www.openstreetmap.org/?mlat={lat:.6f}&mlon={lon:.6f}#map=17/{lat:.6f}/{lon:.6f}"
