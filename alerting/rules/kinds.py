"""The kinds of rules there are, and how to run one of any kind."""

from typing import Any, Final

from alerting.rules import (
    flapping,
    geofence,
    immediate,
    inactivity,
    sequence,
    silence,
    threshold,
    vitals,
    wander,
)
from alerting.rules.correlation import CorrelationRule
from alerting.rules.frame import Kind, Rule, State

AnyRule = (
    immediate.ImmediateRule
    | threshold.ThresholdRule
    | geofence.GeofenceRule
    | wander.WanderRule
    | vitals.VitalsRule
    | sequence.SequenceRule
    | flapping.FlappingRule
    | inactivity.InactivityRule
    | silence.SilenceRule
    | CorrelationRule
)
"""Every rule that can be written down; the field ``kind`` tells which."""

_KINDS: Final[dict[type[Rule], tuple[Kind[Any, Any], type[State]]]] = {
    immediate.ImmediateRule: (immediate, State),
    threshold.ThresholdRule: (threshold, threshold.ThresholdState),
    geofence.GeofenceRule: (geofence, geofence.GeofenceState),
    wander.WanderRule: (wander, wander.WanderState),
    vitals.VitalsRule: (vitals, vitals.VitalsState),
    sequence.SequenceRule: (sequence, sequence.SequenceState),
    inactivity.InactivityRule: (inactivity, inactivity.InactivityState),
    silence.SilenceRule: (silence, silence.SilenceState),
}

ABSENCE: Final = (inactivity.InactivityRule, silence.SilenceRule)
"""Kinds whose deadline every reading of a home moves: the engine alone keeps their states, from what is stored."""


def reads(rule: Rule) -> bool:
    """True if the rule judges readings; flapping judges signals, and correlation incidents."""
    return type(rule) in _KINDS


def kind_of(rule: Rule) -> Kind[Any, Any]:
    """The functions of a rule that :func:`reads`."""
    return _KINDS[type(rule)][0]


def state_type(rule: Rule) -> type[State]:
    """What a rule that :func:`reads` remembers."""
    return _KINDS[type(rule)][1]
