"""Links to maps, distances, and what a map frames."""

import pytest

from api.maps import amap_link, apart, framing, osm_link
from devices.coordinates import Datum, from_wgs84


def test_links_carry_the_point_and_nothing_else() -> None:
    """Each map in its own coordinates and its own order."""
    lat, lon = from_wgs84((36.0001, 114.0), Datum.GCJ02)
    assert f"position={lon:.6f},{lat:.6f}&" in amap_link(36.0001, 114.0)
    assert osm_link(36.0001, 114.0).startswith("https://www.openstreetmap.org/?mlat=36.000100&mlon=114.000000")


@pytest.mark.parametrize(
    ("lat", "lon", "metres", "wind"),
    [
        (36.01, 114.0, 1112, 0),
        (36.01, 114.0125, 1583, 1),
        (36.0, 114.0125, 1124, 2),
        (35.99, 114.0, 1112, 4),
        (36.0, 113.9875, 1124, 6),
        (36.01, 113.9999, 1112, 0),
    ],
)
def test_how_far_and_in_which_direction(lat: float, lon: float, metres: float, wind: int) -> None:
    """From a home at 36° N; a hair west of north is still north."""
    distance_m, direction = apart(36.0, 114.0, lat, lon)
    assert distance_m == pytest.approx(metres, abs=2)
    assert direction == wind


@pytest.mark.parametrize(("other", "zoom"), [((36.0, 114.0), 16), ((36.01, 114.0125), 14), ((36.3, 114.4), 9)])
def test_a_map_frames_all_its_points(other: tuple[float, float], zoom: int) -> None:
    """One point is shown close; the farther two lie apart, the wider the map."""
    lat, lon, found = framing([(36.0, 114.0), other])
    assert (lat, lon) == ((36.0 + other[0]) / 2, (114.0 + other[1]) / 2)
    assert found == zoom
