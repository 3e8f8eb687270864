"""Boundaries: what is kept of GeoJSON, and what is refused."""

import json
from typing import Any

import pytest

from devices.coordinates import Datum, from_wgs84
from domain.boundary import MOST_POSITIONS, read_boundary, rings

RING = [[114.0, 36.0], [114.1, 36.0], [114.1, 36.1], [114.0, 36.0]]
POLYGON: dict[str, Any] = {"type": "Polygon", "coordinates": [RING]}


def test_a_polygon_is_kept_as_it_is_from_an_object_or_its_text() -> None:
    """Spreadsheets hold text, whose numbers may be text once more."""
    assert read_boundary(POLYGON) == POLYGON
    assert read_boundary(json.dumps(POLYGON)) == POLYGON
    spelt = {"type": "Polygon", "coordinates": [[[str(lon), str(lat)] for lon, lat in RING]]}
    assert read_boundary(spelt) == POLYGON
    several = {"type": "MultiPolygon", "coordinates": [[RING], [RING]]}
    assert read_boundary(several) == several
    assert list(rings(several)) == [RING, RING]


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_what_was_drawn_on_a_shifted_map_is_kept_where_it_is(datum: Datum) -> None:
    """Within a metre, and no trace of the datum is left."""
    drawn = [[lon, lat] for lat, lon in (from_wgs84((lat, lon), datum) for lon, lat in RING)]
    kept = read_boundary({"type": "Polygon", "coordinates": [drawn], "datum": datum.value})
    assert set(kept) == {"type", "coordinates"}
    for place, wanted in zip(kept["coordinates"][0], RING, strict=True):
        assert place == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{", "no JSON"),
        ([], "GeoJSON geometry"),
        ({**POLYGON, "properties": {}}, "nothing else"),
        ({"type": "Point", "coordinates": [114, 36]}, "Polygon or MultiPolygon"),
        ({"type": ["Polygon"], "coordinates": [RING]}, "Polygon or MultiPolygon"),
        ({**POLYGON, "datum": "mars"}, "wgs84, gcj02, bd09"),
        ({**POLYGON, "datum": ["gcj02"]}, "wgs84, gcj02, bd09"),
        ({"type": "Polygon", "coordinates": []}, "lists of rings"),
        ({"type": "Polygon", "coordinates": {"0": RING}}, "lists of rings"),
        ({"type": "Polygon", "coordinates": [RING[:3]]}, "at least 4"),
        ({"type": "Polygon", "coordinates": [[*RING[:3], [114.0, 36.05]]]}, "end where it began"),
        ({"type": "Polygon", "coordinates": [[[36.0, 114.0], *RING[1:]]]}, r"\[36.0, 114.0\] is nowhere"),
        ({"type": "Polygon", "coordinates": [[[114.0, float("nan")], *RING[1:]]]}, "nowhere"),
        ({"type": "Polygon", "coordinates": [[[10**400, 36.0], *RING[1:]]]}, "no position"),
        ({"type": "Polygon", "coordinates": [[[114.0], *RING[1:]]]}, "no position"),
        ({"type": "Polygon", "coordinates": [["ab", *RING[1:]]]}, "lists of rings|no position"),
        ({"type": "Polygon", "coordinates": [RING * (MOST_POSITIONS // 4 + 1)]}, "at most 1000"),
    ],
)
def test_what_is_no_boundary_is_refused_in_words(written: Any, said: str) -> None:
    """Latitude and longitude mixed up is the commonest fault, and is shown as it stands."""
    with pytest.raises(ValueError, match=said):
        read_boundary(written)
