"""Sequence: one thing, and then another, or not.

Reasons: ``not_followed``, ``followed``; ``followed_late`` when what was missed comes after all.

``first`` starts the time, during ``between`` if stated. ``then`` counts from ``ignore_s`` after it; with ``times: 2``
it must happen twice within five minutes, so that a stray firing is no return. The time runs whether readings come or
not (a gap is "not followed").
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, field

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, State, found
from alerting.rules.localtime import Between, within, zone_of
from alerting.rules.presence import TOGETHER_S
from alerting.rules.quantity import VALUE, Quantity, breaches, limit_fault
from devices.model import DeviceKind


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reading of one of ``devices`` (none stated: any) that lies beyond the limit."""

    quantity: Quantity
    above: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    below: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    equals: bool | None = field(name="is", default=None)
    devices: tuple[DeviceKind, ...] = ()

    def __post_init__(self) -> None:
        fault = limit_fault(self.quantity, self.above, self.below, self.equals)
        if fault is not None:
            raise ValueError(fault)

    def happens(self, seen: Observation) -> bool:
        """True if this reading is one."""
        value = VALUE[self.quantity](seen.reading)
        if value is None or (self.devices and seen.kind not in self.devices):
            return False
        return breaches(value, self.above, self.below, self.equals)


class Finds(StrEnum):
    """Which end of the sequence is the finding."""

    NOT_FOLLOWED = "not_followed"
    FOLLOWED = "followed"


class SequenceRule(Rule, frozen=True, kw_only=True, tag="sequence"):
    """See the module."""

    first: Event
    then: Event
    within_s: Annotated[float, Meta(ge=10, le=7 * 86400)]
    finds: Finds
    between: Between | None = None
    ignore_s: Annotated[float, Meta(ge=0, le=86400)] = 0
    times: Annotated[int, Meta(ge=1, le=2)] = 1

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        if self.ignore_s >= self.within_s:
            raise ValueError(f"ignore_s must be less than within_s; stated: {self.ignore_s} and {self.within_s}")


IDLE: Final = "idle"
PENDING: Final = "pending"
RAISED: Final = "raised"


class SequenceState(State, frozen=True):
    """``since``: of the first event; ``then_at``: the last time that the second one happened."""

    since: float = 0.0
    then_at: float = 0.0
    source: str = ""


def begin(rule: SequenceRule, subject: str) -> SequenceState:
    """Nothing has happened."""
    return SequenceState(subject)


def step(rule: SequenceRule, state: SequenceState, seen: Observation) -> tuple[SequenceState, Findings]:
    """One more reading."""
    if state.phase != IDLE and seen.at > state.since + rule.ignore_s and rule.then.happens(seen):
        return _then(rule, state, seen)
    if seen.at <= state.since or not rule.first.happens(seen):
        return state, NOTHING
    if rule.between is not None and not within(seen.at, rule.between, rule.timezone):
        return state, NOTHING
    if state.phase == RAISED or (state.phase == PENDING and rule.finds is Finds.NOT_FOLLOWED):
        return state, NOTHING  # the door again: what is waited for has not come, and the time does not start anew
    return SequenceState(state.subject, PENDING, seen.at, 0.0, seen.source), NOTHING


def _then(rule: SequenceRule, state: SequenceState, seen: Observation) -> tuple[SequenceState, Findings]:
    if seen.at <= state.then_at:
        return state, NOTHING
    if rule.times > 1 and not (state.then_at and seen.at - state.then_at <= TOGETHER_S):
        return msgspec.structs.replace(state, then_at=seen.at), NOTHING
    idle = SequenceState(state.subject, IDLE, seen.at)  # what lies before this has been judged
    if state.phase == RAISED:
        return idle, found(rule, state, onset=state.since, at=seen.at, reason="followed_late", cleared=True)
    if rule.finds is Finds.NOT_FOLLOWED or seen.at - state.since > rule.within_s:
        return idle, NOTHING
    return idle, found(
        rule, state, onset=state.since, at=seen.at, reason="followed", first=state.source, then=seen.source
    )


def due(rule: SequenceRule, state: SequenceState) -> float | None:
    """When it is too late for what should follow."""
    return state.since + rule.within_s if state.phase == PENDING and rule.finds is Finds.NOT_FOLLOWED else None


def expire(rule: SequenceRule, state: SequenceState, now: float) -> tuple[SequenceState, Findings]:
    """What should follow has not."""
    deadline = due(rule, state)
    if deadline is None or now < deadline:
        return state, NOTHING
    raised = msgspec.structs.replace(state, phase=RAISED)
    return raised, found(
        rule, state, onset=state.since, at=deadline, reason="not_followed", first=state.source, within_s=rule.within_s
    )
