"""Coordinates for maps: China's are shifted, the rest of the world's are not."""

import pytest

from api.maps import amap_link, osm_link, to_gcj02


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
