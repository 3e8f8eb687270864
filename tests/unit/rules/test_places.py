"""Fences, wandering and coordinates: what a fix proves, and what it does not."""

from math import cos, radians
from typing import Any

import pytest
from fixtures.readings import HOUR, rule, seen, verdicts
from hypothesis import given
from hypothesis import strategies as st

from alerting.rules.fence import Fence, Shape, distance_m
from devices.coordinates import Datum, from_wgs84, in_china, to_wgs84

HOME = (36.0, 114.0)


def at_m(north: float, east: float, at: float, accuracy: float = 10.0, **more: Any) -> Any:
    """A fix so many metres from home."""
    lat = HOME[0] + north / 111195.0
    lon = HOME[1] + east / (111195.0 * cos(radians(HOME[0])))
    return seen(at, lat=lat, lon=lon, accuracy_m=accuracy, **more)


def stay(**fields: Any) -> Any:
    """She should stay within 200 m of home."""
    fences = [{"name": "home", "centre": list(HOME), "radius_m": 200}]
    return rule(**{"kind": "geofence", "hazard": "wander", "keep": "inside", "fences": fences, **fields})


def avoid(**fields: Any) -> Any:
    """She should stay out of a canal, 40 m wide, some 300 m to the east."""
    corners = [at_m(*corner, 0).reading for corner in ((-500, 300), (-500, 340), (500, 340), (500, 300))]
    fences = [{"name": "canal", "corners": [[one.lat, one.lon] for one in corners]}]
    return rule(**{"kind": "geofence", "hazard": "wander", "keep": "outside", "fences": fences, **fields})


def test_leaving_needs_several_fixes_beyond_edge_doubt_and_margin() -> None:
    """Three fixes far outside; fewer, or nearer than their doubt, prove nothing."""
    inside = at_m(0, 0, 0)
    far = [at_m(0, 400, 60 * n) for n in range(1, 4)]
    assert verdicts(stay(), [inside, *far]) == [("left", 60, 180)]
    assert verdicts(stay(), [inside, *far[:1]]) == []
    doubtful = [at_m(0, 300, 60 * n, accuracy=100) for n in range(1, 9)]
    assert verdicts(stay(), [inside, *doubtful]) == []


def test_sparse_fixes_leave_by_dwelling() -> None:
    """Two fixes outside, ten minutes apart, are enough."""
    assert verdicts(stay(), [at_m(0, 0, 0), at_m(0, 400, 600), at_m(0, 400, 1200)]) == [("left", 600, 1200)]


def test_between_inside_and_outside_nothing_changes() -> None:
    """Along the edge she neither leaves nor returns; well inside she has returned."""
    out = [at_m(0, 400, 60 * n) for n in range(1, 4)]
    edge = [at_m(0, 195, 60 * n) for n in range(4, 8)]
    assert verdicts(stay(), [at_m(0, 0, 0), *out, *edge, at_m(0, 50, 600)]) == [
        ("left", 60, 180),
        ("returned", 60, 600),
    ]


def test_she_may_be_in_any_of_several_fences() -> None:
    """Home or the market."""
    market = at_m(0, 800, 0).reading
    fences = [
        {"name": "home", "centre": list(HOME), "radius_m": 200},
        {"name": "market", "centre": [market.lat, market.lon], "radius_m": 150},
    ]
    at_market = [at_m(0, 800, 60 * n) for n in range(1, 9)]
    assert verdicts(stay(fences=fences), [at_m(0, 0, 0), *at_market]) == []


def test_a_fence_counts_during_its_schedule_only() -> None:
    """By day she goes where she likes."""
    fences = [{"name": "home", "centre": list(HOME), "radius_m": 200, "between": "20:00-06:00"}]
    by_day = [at_m(0, 900, 12 * HOUR + 60 * n) for n in range(5)]
    by_night = [at_m(0, 900, 23 * HOUR + 60 * n) for n in range(5)]
    assert verdicts(stay(fences=fences), by_day) == []
    assert len(verdicts(stay(fences=fences), by_night)) == 1


def test_a_jump_is_dropped_for_the_fence_and_believed_when_it_stays() -> None:
    """One fix 50 km away is a fault of the receiver; more of them there are not."""
    near = [at_m(0, 0, 60 * n) for n in range(3)]
    jump = at_m(0, 50_000, 180)
    back = [at_m(0, 0, 240), at_m(0, 0, 300)]
    assert verdicts(stay(fixes=1), [*near, jump, *back]) == []
    there = [at_m(0, 50_000 + n, 180 + 60 * n) for n in range(4)]
    assert len(verdicts(stay(fixes=1), [*near, *there])) == 1


def test_a_coarse_fix_needs_another_to_bear_it_out() -> None:
    """A cell fix two kilometres away, alone, then fine fixes at home."""
    coarse = at_m(0, 2500, 600, accuracy=800)
    assert verdicts(stay(fixes=1), [at_m(0, 0, 0), coarse, at_m(0, 0, 660)]) == []
    again = at_m(0, 2600, 900, accuracy=800)
    assert len(verdicts(stay(fixes=1), [at_m(0, 0, 0), coarse, again])) == 1


def test_a_receiver_without_a_fix_says_zero_and_is_not_believed() -> None:
    """(0, 0) lies in the sea off Africa."""
    nowhere = [seen(60.0 * n, lat=0.0, lon=0.0) for n in range(1, 9)]
    assert verdicts(stay(), [at_m(0, 0, 0), *nowhere]) == []


def test_entering_needs_the_whole_doubt_inside_and_stepping_over_counts() -> None:
    """In the canal; beside it with doubt; and over it between two fixes."""
    assert verdicts(avoid(), [at_m(0, 200, 0), at_m(0, 320, 60, accuracy=10)]) == [("entered", 60, 60)]
    assert verdicts(avoid(segment_s=0), [at_m(0, 200, 0), at_m(0, 320, 60, accuracy=30)]) == []
    assert verdicts(avoid(), [at_m(0, 250, 0), at_m(0, 400, 120)]) == [("crossed", 120, 120)]
    assert verdicts(avoid(), [at_m(0, 250, 0), at_m(0, 400, 3600)]) == []


def wandering(**fields: Any) -> Any:
    """The default of wander, for this home."""
    home = {"lat": HOME[0], "lon": HOME[1], "radius_m": 100}
    return rule(**{"kind": "wander", "hazard": "wander", "home": home, **fields})


def test_out_at_night_and_not_back() -> None:
    """Two fixes outside at 02:00; silence of the wristband does not bring her home."""
    out = [at_m(0, 400, 2 * HOUR), at_m(0, 500, 2 * HOUR + 60)]
    assert verdicts(wandering(), out, until=2 * HOUR + 1199) == []
    assert verdicts(wandering(), out, until=3 * HOUR) == [("not_back", 2 * HOUR, 2 * HOUR + 1200)]
    back = at_m(0, 10, 2 * HOUR + 1100)
    assert verdicts(wandering(), [*out, back], until=5 * HOUR) == []
    late = at_m(0, 10, 4 * HOUR)
    assert verdicts(wandering(), [*out, late]) == [
        ("not_back", 2 * HOUR, 2 * HOUR + 1200),
        ("returned", 2 * HOUR, 4 * HOUR),
    ]


def test_out_since_the_afternoon_counts_from_nightfall() -> None:
    """By day nobody minds; at 22:20 somebody does."""
    out = [at_m(0, 400, 15 * HOUR), at_m(0, 500, 15 * HOUR + 60)]
    assert verdicts(wandering(), out, until=22 * HOUR) == []
    assert verdicts(wandering(), out, until=23 * HOUR) == [("not_back", 22 * HOUR, 22 * HOUR + 1200)]


def test_a_low_battery_outside_is_told_at_any_hour_once() -> None:
    """She is out shopping with 9%."""
    out = [at_m(0, 400 + n, 10 * HOUR + 60 * n, battery_pct=9) for n in range(6)]
    assert verdicts(wandering(), out) == [("low_battery_outside", 10 * HOUR + 60, 10 * HOUR + 60)]
    at_home = [at_m(0, n, 10 * HOUR + 60 * n, battery_pct=9) for n in range(6)]
    assert verdicts(wandering(), at_home) == []


CHINA = st.tuples(st.floats(18, 53), st.floats(75, 134))


@given(CHINA, st.sampled_from(Datum))
def test_coordinates_come_back_to_the_centimetre(point: tuple[float, float], datum: Datum) -> None:
    """There and back again, also for BD-09 within its own half metre."""
    back = to_wgs84(from_wgs84(point, datum), datum)
    assert distance_m(point, back) < (1.0 if datum is Datum.BD09 else 0.01)


@given(CHINA)
def test_chinese_maps_are_shifted_by_tens_to_hundreds_of_metres(point: tuple[float, float]) -> None:
    """That is the point of them."""
    assert in_china(point)
    assert 10 < distance_m(point, from_wgs84(point, Datum.GCJ02)) < 1000


def test_tiananmen_on_a_chinese_map() -> None:
    """A place whose coordinates in all three systems are widely published, to within some ten metres."""
    gcj, bd = from_wgs84((39.90733, 116.39124), Datum.GCJ02), from_wgs84((39.90733, 116.39124), Datum.BD09)
    assert distance_m(gcj, (39.90873, 116.39748)) < 15
    assert distance_m(bd, (39.91509, 116.40386)) < 30


def test_outside_china_nothing_is_shifted() -> None:
    """Paris stays where it is."""
    assert from_wgs84((48.85, 2.35), Datum.GCJ02) == (48.85, 2.35)


def test_a_fence_drawn_on_a_chinese_map_holds_the_home_it_was_drawn_around() -> None:
    """Without conversion the home would lie half a kilometre outside."""
    drawn = from_wgs84(HOME, Datum.GCJ02)
    fence = Fence(name="home", centre=drawn, radius_m=100, datum=Datum.GCJ02)
    assert Shape(fence).edge_m(HOME) == pytest.approx(-100, abs=1)
    assert Shape(Fence(name="home", centre=drawn, radius_m=100)).edge_m(HOME) > 200
