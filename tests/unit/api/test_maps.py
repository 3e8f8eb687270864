"""Coordinates for maps: China's are shifted, the rest of the world's are not."""

import pytest

from api.maps import amap_link, apart, framing, osm_link, to_gcj02


# Source: the pairs that open converters are tested with (Shanghai, Guangzhou, Beijing).
@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_known_points_are_shifted_as_published(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    """Some 500 m, to within a metre (1e-5 degrees)."""
    assert to_gcj02(*wgs) == pytest.approx(gcj, abs=1e-5)


def test_points_elsewhere_stay() -> None:
    """The shift is China's alone."""
    assert to_gcj02(48.8584, 2.2945) == (48.8584, 2.2945)


def test_links_carry_the_point_and_nothing_else() -> None:
    """Each map in its own coordinates and its own order."""
    lat, lon = to_gcj02(36.0001, 114.0)
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
