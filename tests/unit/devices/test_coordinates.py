"""China's map coordinates against pairs that are known; there and back is tested with the fences."""

import pytest

from devices.coordinates import Datum, from_wgs84


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
    assert from_wgs84(wgs, Datum.GCJ02) == pytest.approx(gcj, abs=1e-5)


def test_points_elsewhere_stay() -> None:
    """The shift is China's alone."""
    assert from_wgs84((48.8584, 2.2945), Datum.GCJ02) == (48.8584, 2.2945)
