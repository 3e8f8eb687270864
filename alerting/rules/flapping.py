"""Flapping: a device that raises and withdraws the same hazard over and over. Its notifications are held, never its
records, and never a call for help, a fall, fire, smoke, heat, gas or CO.

Reasons: ``flapping``; ``settled`` when it clears. It is fed with signals, not readings.
"""

from typing import Annotated, Final

from msgspec import Meta

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State, found
from devices.model import Hazard, SignalState

NEVER_HELD: Final = frozenset({Hazard.SOS, Hazard.FALL, Hazard.SMOKE, Hazard.HEAT, Hazard.GAS, Hazard.CO})


class FlappingRule(Rule, frozen=True, kw_only=True, tag="flapping"):
    """``changes`` of a hazard's state within ``within_s`` are flapping, until it has been quiet for ``quiet_s``."""

    per: Scope = Scope.DEVICE
    changes: Annotated[int, Meta(ge=3, le=100)] = 6
    within_s: Annotated[float, Meta(ge=10, le=86400)] = 600
    quiet_s: Annotated[float, Meta(ge=60, le=7 * 86400)] = 3600


IDLE: Final = "idle"
FLAPPING: Final = "flapping"


class FlappingState(State, frozen=True):
    """The last changes, oldest first, and the state that the last one led to."""

    changes: tuple[float, ...] = ()
    last: SignalState = SignalState.CLEARED


def begin(rule: FlappingRule, subject: str) -> FlappingState:
    """Quiet."""
    return FlappingState(subject)


def signal(
    rule: FlappingRule, state: FlappingState, hazard: Hazard, says: SignalState, at: float
) -> tuple[FlappingState, Findings]:
    """One more signal of ``rule.hazard``; repeats of the same state are no change."""
    late = bool(state.changes) and at <= state.changes[-1]
    if hazard is not rule.hazard or says is SignalState.TEST or says is state.last or late:
        return state, NOTHING
    changes = (*(one for one in state.changes if at - one <= rule.within_s), at)
    flapping = state.phase == FLAPPING or len(changes) >= rule.changes
    now = FlappingState(state.subject, FLAPPING if flapping else IDLE, changes, says)
    if not flapping or state.phase == FLAPPING:
        return now, NOTHING
    return now, found(rule, state, onset=changes[0], at=at, reason="flapping", changes=len(changes))


def holds(state: FlappingState, hazard: Hazard) -> bool:
    """True if notifications about ``hazard`` of this device are to be held now."""
    return state.phase == FLAPPING and hazard not in NEVER_HELD


def step(rule: FlappingRule, state: FlappingState, seen: Observation) -> tuple[FlappingState, Findings]:
    """Readings say nothing of signals."""
    return state, NOTHING


def due(rule: FlappingRule, state: FlappingState) -> float | None:
    """When it will have been quiet for long enough."""
    return state.changes[-1] + rule.quiet_s if state.phase == FLAPPING and state.changes else None


def expire(rule: FlappingRule, state: FlappingState, now: float) -> tuple[FlappingState, Findings]:
    """It has settled: what it says counts again."""
    deadline = due(rule, state)
    if deadline is None or now < deadline:
        return state, NOTHING
    settled = FlappingState(state.subject, IDLE, (), state.last)
    return settled, found(
        rule, state, onset=state.changes[0], at=deadline, reason="settled", cleared=True, says=state.last.value
    )
