"""Where an organisation ends: GeoJSON as it is written down in, and as it is kept, in WGS-84."""

import json
from collections.abc import Iterator
from typing import Any, Final

from devices.coordinates import Datum, to_wgs84

MOST_POSITIONS: Final = 1000
"""Enough for the look of a county on a map, and few enough for a cell of a spreadsheet (32,767 characters)."""
_DECIMALS: Final = 7  # about a centimetre
_FEWEST: Final = 4  # the last position of a ring repeats the first. Source: RFC 7946, section 3.1.6
_MEMBERS: Final = {"type", "coordinates", "datum", "bbox"}


def read_boundary(written: Any) -> dict[str, Any]:
    """The boundary that ``written`` states, as a GeoJSON Polygon or MultiPolygon in WGS-84: longitude before latitude.

    ``written`` is such an object, or its JSON text; a member ``datum`` (wgs84, gcj02, bd09) says in what it was drawn.
    Raises ValueError, which says what is wrong and what is allowed. Source: RFC 7946.
    """
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except ValueError:
            raise ValueError("must be GeoJSON: this is no JSON") from None
    if not isinstance(written, dict) or set(written) - _MEMBERS:
        raise ValueError("must be a GeoJSON geometry with type and coordinates, perhaps with datum, and nothing else")
    kind, coordinates = written.get("type"), written.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError("type must be Polygon or MultiPolygon")
    datum = written.get("datum", Datum.WGS84)
    if not isinstance(datum, str) or datum not in set(Datum):
        raise ValueError(f"datum must be one of {', '.join(Datum)}")
    polygons = _list(coordinates) if kind == "MultiPolygon" else [coordinates]
    if _positions_in(polygons) > MOST_POSITIONS:
        raise ValueError(f"must have at most {MOST_POSITIONS} positions; simplify it")
    read = [[_ring(ring, Datum(datum)) for ring in _list(polygon)] for polygon in polygons]
    return {"type": kind, "coordinates": read if kind == "MultiPolygon" else read[0]}


def rings(boundary: dict[str, Any]) -> Iterator[list[list[float]]]:
    """The rings of a boundary that has been read, as lists of [longitude, latitude]."""
    polygons = boundary["coordinates"] if boundary["type"] == "MultiPolygon" else [boundary["coordinates"]]
    for polygon in polygons:
        yield from polygon


def _list(written: Any) -> list[Any]:
    if not isinstance(written, list) or not written:
        raise ValueError("coordinates must be lists of rings, each a list of [longitude, latitude]")
    return written


def _positions_in(polygons: list[Any]) -> int:
    return sum(len(_list(ring)) for polygon in polygons for ring in _list(polygon))


def _ring(written: list[Any], datum: Datum) -> list[list[float]]:
    ring = [_position(one, datum) for one in written]
    if len(ring) < _FEWEST or ring[0] != ring[-1]:
        raise ValueError(f"each ring must have at least {_FEWEST} positions, and end where it began")
    return ring


def _position(written: Any, datum: Datum) -> list[float]:
    try:
        lon, lat = (float(one) for one in _list(written)[:2])
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{written!r} is no position: it must be [longitude, latitude]") from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"[{lon}, {lat}] is nowhere: longitude must lie within 180 and latitude within 90 degrees")
    lat, lon = to_wgs84((lat, lon), datum)
    return [round(lon, _DECIMALS), round(lat, _DECIMALS)]
