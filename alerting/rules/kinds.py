"""The kinds of rules there are, and how to run one of any kind."""

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

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
from alerting.rules.frame import Kind, Observation, Rule, State
from alerting.rules.quantity import VALUE
from devices.model import DeviceKind, Reading

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

OVER_HOMES: Final = (inactivity.InactivityRule, silence.SilenceRule, sequence.SequenceRule)
"""Kinds that need the readings of several devices, which may come by different ways: engines judge them, from what is
stored. All others are judged by the lane that a device's readings come through."""

_DAY_S: Final = 86400.0


def reads(rule: Rule) -> bool:
    """True if the rule judges readings; flapping judges signals, and correlation incidents."""
    return type(rule) in _KINDS


def kind_of(rule: Rule) -> Kind[Any, Any]:
    """The functions of a rule that :func:`reads`."""
    return _KINDS[type(rule)][0]


def ever_due(rule: Rule) -> bool:
    """True if the rule can find something because time has passed; the others do so with a reading only."""
    match rule:
        case threshold.ThresholdRule():
            return rule.gap is threshold.Gap.HOLDS and rule.for_s > 0
        case immediate.ImmediateRule() | geofence.GeofenceRule() | vitals.VitalsRule():
            return False
        case _:
            return True


def never_due_in(rule: Rule) -> str | None:
    """A phase in which no state of the rule is due, if there is one that tells that by itself."""
    waits = isinstance(rule, threshold.ThresholdRule | wander.WanderRule | sequence.SequenceRule)
    return "idle" if waits else None


def value_of(rule: Rule) -> Callable[[Reading], Any] | None:
    """How to take from a reading the one quantity that the rule minds; None if it minds more than one."""
    return VALUE[rule.quantity] if isinstance(rule, immediate.ImmediateRule | threshold.ThresholdRule) else None


def learns(rule: Rule) -> bool:
    """True if a lane has more than the phase to write down of the rule: a baseline."""
    return isinstance(rule, vitals.VitalsRule)


def look_again_s(rule: Rule) -> float:
    """Within this time after a look no rule over homes can find anything that is not foreseen by ``due`` or announced
    by :func:`hint`.
    """
    if isinstance(rule, inactivity.InactivityRule):
        return min(rule.shortest_s, rule.day_s, rule.night_s)
    return min(rule.day_s, rule.night_s) if isinstance(rule, silence.SilenceRule) else _DAY_S


def hints(rule: Rule, kind: DeviceKind) -> bool:
    """True if single readings of such devices may make a rule over homes due earlier."""
    return isinstance(rule, sequence.SequenceRule) and (not rule.first.devices or kind in rule.first.devices)


def hint(rule: Rule, seen: Observation) -> float | None:
    """When a rule over homes wants to be looked at because of this reading, if it does."""
    if isinstance(rule, sequence.SequenceRule) and rule.first.happens(seen):
        return seen.at + rule.within_s
    return None


def excused(rule: Rule, state: State, until: float) -> State:
    """The state as if somebody had moved at ``until``: a silence before that is held against nobody."""
    if isinstance(state, inactivity.InactivityState):
        presence = state.presence
        if not presence.silent_since or until <= presence.silent_since:
            return state
        return msgspec.structs.replace(state, presence=msgspec.structs.replace(presence, alive_at=until))
    if isinstance(state, silence.SilenceState) and 0 < state.last_at < until:
        return msgspec.structs.replace(state, last_at=until)
    return state


def unlearned(before: State, after: State) -> State:
    """``after`` without what the step from ``before`` has taught: the silence that it ended was ours, not theirs."""
    if isinstance(before, inactivity.InactivityState) and isinstance(after, inactivity.InactivityState):
        return msgspec.structs.replace(after, silences=before.silences, places=before.places)
    return after


def silent_since(state: State) -> float:
    """Since when a state over homes knows of no sign of life; 0: it never knew of any, or does not mind."""
    if isinstance(state, inactivity.InactivityState):
        return state.presence.silent_since
    return state.last_at if isinstance(state, silence.SilenceState) else 0.0


def worth_saving(before: State, state: State) -> bool:
    """True if a lane should write ``state`` down: its phase has changed, or a baseline has."""
    if state.phase != before.phase:
        return True
    return type(state) is vitals.VitalsState and state.hours is not cast(vitals.VitalsState, before).hours


def packed(state: State) -> bytes:
    """A state as it is stored."""
    return msgspec.msgpack.encode(state)


def unpacked(rule: Rule, packed_state: bytes) -> State | None:
    """A stored state; None if it cannot be read any more (the rule is of another kind or version now)."""
    try:
        return msgspec.msgpack.decode(packed_state, type=state_type(rule))
    except msgspec.MsgspecError:
        return None


def state_type(rule: Rule) -> type[State]:
    """What a rule that :func:`reads` remembers."""
    return _KINDS[type(rule)][1]
