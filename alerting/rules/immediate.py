"""Immediate: every reading beyond the limit is a finding of its own, whatever came before or comes after it.

Reasons: ``beyond_limit``. It keeps no state, so neither order nor repeats nor gaps can suppress one; a repeat has the
same onset, and so is the same finding.
"""

from typing import Annotated

from msgspec import Meta, field

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, State, found
from alerting.rules.quantity import VALUE, Quantity, breaches, limit_fault


class ImmediateRule(Rule, frozen=True, kw_only=True, tag="immediate"):
    """``quantity`` beyond ``above`` or ``below``, or being ``is``."""

    quantity: Quantity
    above: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    below: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    equals: bool | None = field(name="is", default=None)

    def __post_init__(self) -> None:
        fault = limit_fault(self.quantity, self.above, self.below, self.equals)
        if fault is not None:
            raise ValueError(fault)


def begin(rule: ImmediateRule, subject: str) -> State:
    """Nothing is remembered."""
    return State(subject)


def step(rule: ImmediateRule, state: State, seen: Observation) -> tuple[State, Findings]:
    """A finding for each reading beyond the limit."""
    value = VALUE[rule.quantity](seen.reading)
    if value is None or not breaches(value, rule.above, rule.below, rule.equals):
        return state, NOTHING
    return state, found(rule, state, onset=seen.at, at=seen.at, reason="beyond_limit", source=seen.source, value=value)


def expire(rule: ImmediateRule, state: State, now: float) -> tuple[State, Findings]:
    """Time alone finds nothing."""
    return state, NOTHING


def due(rule: ImmediateRule, state: State) -> float | None:
    """Never."""
    return None
