"""Silence: no motion for so long by day, for so long by night. The simple rule that inactivity is measured against.

Reasons: ``no_motion``; ``moving_again`` when it clears. Any firing starts the clock anew. With ``left_s`` a silence
that begins with the door is judged by that limit instead. A gap in the data is silence.
"""

from typing import Final

import msgspec

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State, found
from alerting.rules.inactivity import Span
from alerting.rules.localtime import Between, within, zone_of
from alerting.rules.presence import LEAVING_S, Sign, sign_of


class SilenceRule(Rule, frozen=True, kw_only=True, tag="silence"):
    """Limits in seconds; which one holds is a matter of the hour at which the silence began."""

    per: Scope = Scope.HOUSEHOLD
    day: Between = "06:00-20:00"
    day_s: Span = 4 * 3600
    night_s: Span = 10 * 3600
    left_s: Span | None = None

    def __post_init__(self) -> None:
        zone_of(self.timezone)


IDLE: Final = "idle"
RAISED: Final = "raised"


class SilenceState(State, frozen=True):
    """The last firing, and the last opening or closing of the door."""

    last_at: float = 0.0
    door_at: float = 0.0


def begin(rule: SilenceRule, subject: str) -> SilenceState:
    """Nothing has moved yet."""
    return SilenceState(subject)


def step(rule: SilenceRule, state: SilenceState, seen: Observation) -> tuple[SilenceState, Findings]:
    """Motion or the door starts the clock anew."""
    sign = sign_of(seen, None, -1)
    if sign is None or sign is Sign.STILL or seen.at <= state.last_at:
        return state, NOTHING
    now = SilenceState(state.subject, IDLE, seen.at, seen.at if sign is Sign.DOOR else state.door_at)
    if state.phase != RAISED:
        return now, NOTHING
    return now, found(
        rule, state, onset=state.last_at, at=seen.at, reason="moving_again", cleared=True, source=seen.source
    )


def due(rule: SilenceRule, state: SilenceState) -> float | None:
    """When the silence becomes an alarm."""
    if state.phase == RAISED or not state.last_at:
        return None
    if rule.left_s is not None and state.last_at <= state.door_at + LEAVING_S:
        return state.door_at + rule.left_s
    by_day = within(state.last_at, rule.day, rule.timezone)
    return state.last_at + (rule.day_s if by_day else rule.night_s)


def expire(rule: SilenceRule, state: SilenceState, now: float) -> tuple[SilenceState, Findings]:
    """The silence has lasted for too long."""
    deadline = due(rule, state)
    if deadline is None or now < deadline:
        return state, NOTHING
    raised = msgspec.structs.replace(state, phase=RAISED)
    return raised, found(
        rule, state, onset=state.last_at, at=deadline, reason="no_motion", silent_s=deadline - state.last_at
    )
