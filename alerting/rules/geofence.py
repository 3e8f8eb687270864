"""Geofence: she leaves where she should be, or enters where she should not be.

Reasons: ``left``, ``entered``, ``crossed``; ``returned`` when it clears.

Inside is a fix whose whole circle of doubt lies inside; outside one whose circle lies beyond the edge and ``margin_m``.
In between nothing changes. To have left needs ``fixes`` such fixes in a row or ``dwell_s`` between the first and the
last of them; to have entered needs one. A gap in the data is no movement: nothing is found from silence. Two fixes
further apart than the fence is wide may step over a forbidden one: then the straight way between them counts, if it
took no longer than ``segment_s``.
"""

import functools
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from alerting.rules.fence import Fence, Shape
from alerting.rules.fixes import Fix, Track, fix_of, follow
from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State, found
from alerting.rules.localtime import within, zone_of


class Keep(StrEnum):
    """What a fence is for."""

    INSIDE = "inside"
    OUTSIDE = "outside"


class GeofenceRule(Rule, frozen=True, kw_only=True, tag="geofence"):
    """``keep`` inside: she may be in any of the fences, and leaves when she is in none of them. ``keep`` outside: she
    must enter none of them. Fences with a schedule count during it only. Fixes without a stated accuracy are taken for
    ``unstated_accuracy_m``; coarser than ``coarse_m`` they must be borne out by another.
    """

    per: Scope = Scope.RESIDENT
    keep: Keep
    fences: Annotated[tuple[Fence, ...], Meta(min_length=1, max_length=50)]
    margin_m: Annotated[float, Meta(ge=0, le=5000)] = 30
    fixes: Annotated[int, Meta(ge=1, le=20)] = 3
    dwell_s: Annotated[float, Meta(ge=0, le=86400)] = 300
    segment_s: Annotated[float, Meta(ge=0, le=86400)] = 600
    fastest_mps: Annotated[float, Meta(ge=1, le=500)] = 45
    coarse_m: Annotated[float, Meta(ge=10, le=10_000)] = 150
    unstated_accuracy_m: Annotated[float, Meta(ge=0, le=10_000)] = 50

    def __post_init__(self) -> None:
        zone_of(self.timezone)


IDLE: Final = "idle"
PENDING: Final = "pending"
RAISED: Final = "raised"


class GeofenceState(State, frozen=True):
    """``since`` is the first of ``count`` fixes in a row that say the contrary of what is believed."""

    track: Track = Track()
    since: float = 0.0
    count: int = 0
    onset: float = 0.0
    fence: str = ""


@functools.lru_cache(maxsize=4096)
def _shape(fence: Fence) -> Shape:
    return Shape(fence)


def begin(rule: GeofenceRule, subject: str) -> GeofenceState:
    """Nobody knows where she is."""
    return GeofenceState(subject)


def step(rule: GeofenceRule, state: GeofenceState, seen: Observation) -> tuple[GeofenceState, Findings]:
    """One more fix."""
    fix = fix_of(seen, rule.unstated_accuracy_m)
    if fix is None:
        return state, NOTHING
    track, counted = follow(state.track, fix, rule.fastest_mps, rule.coarse_m)
    before = state.track.last
    if track is not state.track:
        state = GeofenceState(state.subject, state.phase, track, state.since, state.count, state.onset, state.fence)
    if counted is None:
        return state, NOTHING
    fences = [one for one in rule.fences if one.between is None or within(fix.at, one.between, rule.timezone)]
    return (
        _leaving(rule, state, fix, fences) if rule.keep is Keep.INSIDE else _entering(rule, state, fix, fences, before)
    )


def _edges(fix: Fix, fences: list[Fence]) -> tuple[float, str]:
    """Distance to the edge of the nearest fence (negative inside), and its name."""
    return min((_shape(one).edge_m(fix.point), one.name) for one in fences)


def _leaving(rule: GeofenceRule, state: GeofenceState, fix: Fix, fences: list[Fence]) -> tuple[GeofenceState, Findings]:
    if not fences:
        return state, NOTHING
    edge_m, name = _edges(fix, fences)
    if edge_m + fix.accuracy_m < 0:
        return _is_right(rule, state, fix, name)
    if edge_m - fix.accuracy_m <= rule.margin_m or state.phase == RAISED:
        return state, NOTHING
    since, count = (state.since or fix.at), state.count + 1
    enough = count >= rule.fixes or (count >= 2 and fix.at - since >= rule.dwell_s)
    if not enough:
        return _moved(state, PENDING, since=since, count=count), NOTHING
    return _raise(rule, state, fix, since, name, "left", edge_m)


def _entering(
    rule: GeofenceRule, state: GeofenceState, fix: Fix, fences: list[Fence], before: Fix | None
) -> tuple[GeofenceState, Findings]:
    if state.phase == RAISED:
        edge_m, name = _edges(fix, list(rule.fences))
        away = edge_m - fix.accuracy_m > rule.margin_m
        count = state.count + 1 if away else 0
        if count >= rule.fixes:
            return _is_right(rule, state, fix, name)
        return _moved(state, RAISED, count=count), NOTHING
    if not fences:
        return state, NOTHING
    edge_m, name = _edges(fix, fences)
    if edge_m + fix.accuracy_m < 0:
        return _raise(rule, state, fix, fix.at, name, "entered", edge_m)
    if before is None or fix.at - before.at > rule.segment_s or max(fix.accuracy_m, before.accuracy_m) > rule.coarse_m:
        return state, NOTHING
    crossed = next(
        (one for one in fences if _outside_both(rule, one, before, fix) and _crosses(one, before, fix)), None
    )
    if crossed is None:
        return state, NOTHING
    _, findings = _raise(rule, state, fix, fix.at, crossed.name, "crossed", edge_m)
    return state, findings  # she is on the other side of it: there is nothing to return from


def _outside_both(rule: GeofenceRule, fence: Fence, before: Fix, fix: Fix) -> bool:
    """Fixes at the very edge say nothing of a crossing."""
    return all(_shape(fence).edge_m(one.point) > one.accuracy_m for one in (before, fix))


def _crosses(fence: Fence, before: Fix, fix: Fix) -> bool:
    return _shape(fence).crossed(before.point, fix.point)


def _moved(
    state: GeofenceState, phase: str, *, since: float = 0.0, count: int = 0, onset: float | None = None
) -> GeofenceState:
    kept = state.onset if onset is None else onset
    return GeofenceState(state.subject, phase, state.track, since, count, kept, state.fence)


def _raise(
    rule: GeofenceRule, state: GeofenceState, fix: Fix, onset: float, name: str, reason: str, edge_m: float
) -> tuple[GeofenceState, Findings]:
    raised = msgspec.structs.replace(state, phase=RAISED, since=0.0, count=0, onset=onset, fence=name)
    return raised, found(
        rule,
        state,
        onset=onset,
        at=fix.at,
        reason=reason,
        fence=name,
        edge_m=round(edge_m),
        accuracy_m=round(fix.accuracy_m),
        fixes=state.count + 1,
    )


def _is_right(rule: GeofenceRule, state: GeofenceState, fix: Fix, name: str) -> tuple[GeofenceState, Findings]:
    """She is where she should be."""
    if state.phase == IDLE:
        return state, NOTHING
    idle = _moved(state, IDLE, onset=0.0)
    if state.phase == PENDING:
        return idle, NOTHING
    return idle, found(rule, state, onset=state.onset, at=fix.at, reason="returned", cleared=True, fence=name)


def expire(rule: GeofenceRule, state: GeofenceState, now: float) -> tuple[GeofenceState, Findings]:
    """Silence is no movement."""
    return state, NOTHING


def due(rule: GeofenceRule, state: GeofenceState) -> float | None:
    """Never."""
    return None
