"""Which position fixes a fence may go by.

A fix with a jump that nobody makes is dropped *for the fence only* (the reading is stored and shown, and an SOS with it
is never touched); after two that agree with each other the jump is believed. A coarse fix (cell, Wi-Fi) proves nothing
alone: it counts when the next fix bears it out.
"""

import msgspec

from alerting.rules.fence import at_most_m, distance_m
from alerting.rules.frame import Observation
from devices.coordinates import Point


class Fix(msgspec.Struct, frozen=True, gc=False):
    """Where somebody was; accuracy is the radius of doubt."""

    at: float
    lat: float
    lon: float
    accuracy_m: float

    @property
    def point(self) -> Point:
        """Latitude and longitude."""
        return self.lat, self.lon


class Track(msgspec.Struct, frozen=True, gc=False):
    """The last fix that counted, and the one that waits for another to bear it out."""

    last: Fix | None = None
    doubtful: Fix | None = None


def fix_of(seen: Observation, unstated_accuracy_m: float) -> Fix | None:
    """The fix in a reading, if there is one. (0, 0) is what a receiver says without a fix."""
    reading = seen.reading
    lat, lon, accuracy_m = reading.lat, reading.lon, reading.accuracy_m
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    return Fix(seen.at, lat, lon, unstated_accuracy_m if accuracy_m is None else accuracy_m)


def follow(track: Track, fix: Fix, fastest_mps: float, coarse_m: float) -> tuple[Track, Fix | None]:
    """One more fix: the track, and the fix if it counts."""
    last = track.last
    if last is not None and fix.at <= last.at:
        return track, None
    possible = last is None or _reachable(last, fix, fastest_mps)
    if possible and fix.accuracy_m <= coarse_m:
        return Track(fix), fix
    doubtful = track.doubtful
    borne_out = doubtful is not None and doubtful.at < fix.at and _reachable(doubtful, fix, fastest_mps)
    if borne_out and doubtful is not None and (possible or not _reachable_from(last, doubtful, fastest_mps)):
        return Track(fix), fix
    return Track(last, fix), None


def _reachable_from(last: Fix | None, fix: Fix, fastest_mps: float) -> bool:
    return last is None or _reachable(last, fix, fastest_mps)


def _reachable(one: Fix, other: Fix, fastest_mps: float) -> bool:
    took_s = other.at - one.at
    reach_m = fastest_mps * (took_s if took_s > 1.0 else 1.0) + one.accuracy_m + other.accuracy_m
    if at_most_m(one.lat, one.lon, other.lat, other.lon) <= reach_m:
        return True
    return distance_m(one.point, other.point) <= reach_m
