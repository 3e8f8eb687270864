"""Wander: out at night and not back, or out with a battery that will not last.

Reasons: ``not_back``, ``low_battery_outside``; ``returned`` when it clears.

She is out after ``fixes`` fixes that lie beyond the home's circle, their doubt and ``margin_m``, and in again after one
that lies wholly inside. Fixes count as they do for a fence. Once out at night the time runs whether fixes come or not:
silence of the wristband does not bring her home (``gap: holds``).
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from alerting.rules.fence import at_most_m, distance_m
from alerting.rules.fixes import Fix, Track, fix_of, follow
from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State, found
from alerting.rules.localtime import Between, bounds_s, day_and_second, within, zone_of
from alerting.rules.presence import Home


class WanderRule(Rule, frozen=True, kw_only=True, tag="wander"):
    """Out during ``night`` for ``back_within_s``; or out at any hour with less than ``battery_below_pct``. Without a
    ``home`` (it is put in from the household's place) the rule finds nothing.
    """

    per: Scope = Scope.RESIDENT
    home: Home | None = None
    night: Between = "22:00-05:30"
    back_within_s: Annotated[float, Meta(ge=60, le=86400)] = 1200
    battery_below_pct: Annotated[float, Meta(ge=0, le=100)] = 15
    margin_m: Annotated[float, Meta(ge=0, le=5000)] = 50
    fixes: Annotated[int, Meta(ge=1, le=20)] = 2
    fastest_mps: Annotated[float, Meta(ge=1, le=500)] = 45
    coarse_m: Annotated[float, Meta(ge=10, le=10_000)] = 150
    unstated_accuracy_m: Annotated[float, Meta(ge=0, le=10_000)] = 50

    def __post_init__(self) -> None:
        zone_of(self.timezone)


IDLE: Final = "idle"
OUT: Final = "out"
RAISED: Final = "raised"


class WanderState(State, frozen=True):
    """``since`` is the first fix outside, ``count`` how many there were."""

    track: Track = Track()
    since: float = 0.0
    count: int = 0
    battery_pct: float = 100.0
    battery_at: float = 0.0
    battery_told: bool = False


def begin(rule: WanderRule, subject: str) -> WanderState:
    """Nobody knows where she is."""
    return WanderState(subject)


def step(rule: WanderRule, state: WanderState, seen: Observation) -> tuple[WanderState, Findings]:
    """One more fix, or the state of the battery."""
    home, reading = rule.home, seen.reading
    if home is None or (reading.lat is None and reading.battery_pct is None):
        return state, NOTHING
    track, counted, battery_pct, battery_at = state.track, None, state.battery_pct, state.battery_at
    if reading.battery_pct is not None and seen.at > battery_at:
        battery_pct, battery_at = reading.battery_pct, seen.at
    fix = fix_of(seen, rule.unstated_accuracy_m)
    if fix is not None:
        track, counted = follow(track, fix, rule.fastest_mps, rule.coarse_m)
    if track is not state.track or battery_at != state.battery_at:
        state = WanderState(
            state.subject, state.phase, track, state.since, state.count, battery_pct, battery_at, state.battery_told
        )
    findings = NOTHING
    if counted is not None:
        near_m = at_most_m(home.lat, home.lon, counted.lat, counted.lon)
        if state.count or near_m + counted.accuracy_m >= home.radius_m:  # else nothing changes: most fixes are such
            state, findings = _placed(rule, home, state, counted)
    if state.phase == IDLE or state.battery_told or state.battery_pct >= rule.battery_below_pct:
        return state, findings
    told = msgspec.structs.replace(state, battery_told=True)
    return told, findings + found(
        rule,
        state,
        onset=seen.at,
        at=seen.at,
        reason="low_battery_outside",
        battery_pct=state.battery_pct,
        out_since=state.since,
    )


def _placed(rule: WanderRule, home: Home, state: WanderState, fix: Fix) -> tuple[WanderState, Findings]:
    away_m = distance_m((home.lat, home.lon), fix.point)
    if away_m + fix.accuracy_m < home.radius_m:
        idle = WanderState(state.subject, IDLE, state.track, battery_pct=state.battery_pct, battery_at=state.battery_at)
        if state.phase != RAISED:
            return (idle if state.count else state), NOTHING
        return idle, found(rule, state, onset=onset_of(rule, state.since), at=fix.at, reason="returned", cleared=True)
    if away_m - fix.accuracy_m <= home.radius_m + rule.margin_m or state.phase != IDLE:
        return state, NOTHING
    count, since = state.count + 1, state.since or fix.at
    phase = OUT if count >= rule.fixes else IDLE
    return msgspec.structs.replace(state, phase=phase, count=count, since=since), NOTHING


def onset_of(rule: WanderRule, since: float) -> float:
    """From when on being out counts: the first fix outside, or the beginning of the night that found her outside."""
    if within(since, rule.night, rule.timezone):
        return since
    start, _ = bounds_s(rule.night)
    return since + (start - day_and_second(since, rule.timezone)[1]) % 86400.0


def due(rule: WanderRule, state: WanderState) -> float | None:
    """When being out becomes an alarm: never in the daytime."""
    return onset_of(rule, state.since) + rule.back_within_s if state.phase == OUT else None


def expire(rule: WanderRule, state: WanderState, now: float) -> tuple[WanderState, Findings]:
    """She is not back."""
    deadline = due(rule, state)
    if deadline is None or now < deadline:
        return state, NOTHING
    last = state.track.last
    return msgspec.structs.replace(state, phase=RAISED), found(
        rule,
        state,
        onset=onset_of(rule, state.since),
        at=deadline,
        reason="not_back",
        out_since=state.since,
        last_fix_at=last.at if last is not None else None,
        battery_pct=state.battery_pct,
    )
