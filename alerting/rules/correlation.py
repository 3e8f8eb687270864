"""Correlation: what incidents of one home mean together. A pure function over them, asked by the engine.

Reasons are the names of the rules: smoke and heat are a fire, and so is smoke with a call for help; a fall after which
nobody moves is worse than a fall. A correlation only ever makes matters graver, and is found once for each incident.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State
from devices.model import Hazard


class CorrelationRule(Rule, frozen=True, kw_only=True, tag="correlation"):
    """``hazard`` together with any of ``beside`` within ``within_s`` of each other, or followed by ``still_s`` without
    a sign of life: severity becomes ``severity``, unless it is graver already. If somebody has moved since, other than
    within ``settle_s``, it takes ``still_again_s``: who has got up is often out of sight for a few minutes.
    """

    per: Scope = Scope.HOUSEHOLD
    beside: tuple[Hazard, ...] = ()
    within_s: Annotated[float, Meta(ge=1, le=7 * 86400)] = 3600
    still_s: Annotated[float, Meta(ge=30, le=86400)] | None = None
    still_again_s: Annotated[float, Meta(ge=30, le=86400)] = 1200
    settle_s: Annotated[float, Meta(ge=0, le=3600)] = 60
    severity: Annotated[int, Meta(ge=1, le=3)]

    def __post_init__(self) -> None:
        if bool(self.beside) == (self.still_s is not None):
            raise ValueError("either beside or still_s must be stated, not both")


class Unresolved(msgspec.Struct, frozen=True, kw_only=True):
    """An unresolved incident of a home."""

    id: int
    hazard: Hazard
    severity: int
    opened_at: float


class Graver(msgspec.Struct, frozen=True, kw_only=True):
    """What follows for one incident."""

    incident: int
    severity: int
    reason: str
    beside: int | None = None
    """The incident that it meets."""
    still_since: float | None = None


def correlate(
    rules: Iterable[CorrelationRule], incidents: Iterable[Unresolved], *, last_sign_at: float | None, now: float
) -> list[Graver]:
    """Which incidents become graver. ``last_sign_at``: when somebody last moved; None: this home has no such sensor,
    so that stillness proves nothing.
    """
    those = list(incidents)
    found_by_incident: dict[int, Graver] = {}
    for rule in rules:
        for one in those:
            if not rule.enabled or one.hazard is not rule.hazard or one.severity <= rule.severity:
                continue
            graver = _together(rule, one, those) or _still(rule, one, last_sign_at, now)
            known = found_by_incident.get(one.id)
            if graver is not None and (known is None or graver.severity < known.severity):
                found_by_incident[one.id] = graver
    return list(found_by_incident.values())


def _together(rule: CorrelationRule, one: Unresolved, those: list[Unresolved]) -> Graver | None:
    other = next(
        (o for o in those if o.hazard in rule.beside and abs(o.opened_at - one.opened_at) <= rule.within_s), None
    )
    if other is None:
        return None
    return Graver(incident=one.id, severity=rule.severity, reason=rule.name, beside=other.id)


def _still(rule: CorrelationRule, one: Unresolved, last_sign_at: float | None, now: float) -> Graver | None:
    if rule.still_s is None or last_sign_at is None:
        return None
    since = max(one.opened_at, last_sign_at)
    again = since > one.opened_at + rule.settle_s
    if now - since < (max(rule.still_s, rule.still_again_s) if again else rule.still_s):
        return None
    return Graver(incident=one.id, severity=rule.severity, reason=rule.name, still_since=since)


def begin(rule: CorrelationRule, subject: str) -> State:
    """Nothing is remembered: incidents are."""
    return State(subject)


def step(rule: CorrelationRule, state: State, seen: Observation) -> tuple[State, Findings]:
    """Readings are judged by other rules."""
    return state, NOTHING


def expire(rule: CorrelationRule, state: State, now: float) -> tuple[State, Findings]:
    """Time alone finds nothing."""
    return state, NOTHING


def due(rule: CorrelationRule, state: State) -> float | None:
    """Never: the engine asks whenever incidents change."""
    return None
