"""Which position fixes a fence may go by.

A fix with a jump that nobody makes is dropped *for the fence only* (the reading is stored and shown, and an SOS with it
is never touched); after two that agree with each other the jump is believed. A coarse fix (cell, Wi-Fi) proves nothing
alone: it counts when the next fix bears it out.
"""

import msgspec

from alerting.rules.fence import at_most_m, distance_m
from alerting.rules.frame import Observation
from devices.coordinates import Point


class Fix(msgspec.Struct, frozen=True):
    """Where somebody was; accuracy is the radius of doubt."""

    at: float
    lat: float
    lon: float
    accuracy_m: float

    @property
    def point(self) -> Point:
        """Latitude and longitude."""
        return self.lat, self.lon


class Track(msgspec.Struct, frozen=True):
    """The last fix that counted, and the one that waits for another to bear it out."""

    last: Fix | None = None
    doubtful: Fix | None = None


def fix_of(seen: Observation, unstated_accuracy_m: float) -> Fix | None:
    """The fix in a reading, if there is one. (0, 0) is what a receiver says without a fix."""
    reading = seen.reading
    if reading.lat is None or reading.lon is None or (reading.lat == 0 and reading.lon == 0):
        return None
    accuracy_m = reading.accuracy_m if reading.accuracy_m is not None else unstated_accuracy_m
    return Fix(seen.at, reading.lat, reading.lon, accuracy_m)


def follow(track: Track, fix: Fix, *, fastest_mps: float, coarse_m: float) -> tuple[Track, Fix | None]:
    """One more fix: the track, and the fix if it counts."""
    last, doubtful = track.last, track.doubtful
    if last is not None and fix.at <= last.at:
        return track, None
    possible = last is None or _reachable(last, fix, fastest_mps)
    if possible and fix.accuracy_m <= coarse_m:
        return Track(fix), fix
    borne_out = doubtful is not None and doubtful.at < fix.at and _reachable(doubtful, fix, fastest_mps)
    if borne_out and doubtful is not None and (possible or not _reachable_from(last, doubtful, fastest_mps)):
        return Track(fix), fix
    return Track(last, fix), None


def _reachable_from(last: Fix | None, fix: Fix, fastest_mps: float) -> bool:
    return last is None or _reachable(last, fix, fastest_mps)


def _reachable(one: Fix, other: Fix, fastest_mps: float) -> bool:
    reach_m = fastest_mps * max(other.at - one.at, 1.0) + one.accuracy_m + other.accuracy_m
    near = at_most_m(one.lat, one.lon, other.lat, other.lon) <= reach_m
    return near or distance_m(one.point, other.point) <= reach_m
