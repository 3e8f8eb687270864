"""Vitals: a value beyond the resident's limits, or far from what is hers at this hour, for some time.

Reasons: ``beyond_limit``, ``unlike_her``; ``back_to_normal`` when it clears.

Nothing is judged that the band cannot have measured: not while it is not worn (nor in the first minute after it is put
on), no zero, nothing below ``implausible_below``. One sample never alarms: the breach must last for ``for_s`` over
``at_least`` samples without a break of ``max_gap_s``. A gap starts it anew, and so does a sample within the limits,
unless four beyond them have come for each such one: sensors scatter. The baseline is made of one figure an hour (the
median of its five-minute samples) over the last 21 days: median and median deviation of the same hour and its
neighbours, from ten such figures on.
"""

from statistics import median
from struct import Struct
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State, found
from alerting.rules.localtime import HOUR_S, Between, local_s, within, zone_of

Vital = Literal["heart_rate_bpm", "spo2_pct", "systolic_mmhg", "diastolic_mmhg", "temperature_c"]


class VitalsRule(Rule, frozen=True, kw_only=True, tag="vitals"):
    """``low`` and ``high`` are absolute limits. ``deviations`` (in robust standard deviations; none: not judged) is
    how far from her baseline is far, at least ``deviation_at_least`` in the unit of the quantity. ``low_asleep`` stands
    for ``low`` during ``asleep``.
    """

    per: Scope = Scope.RESIDENT
    quantity: Vital
    low: Annotated[float, Meta(ge=0, le=400)] | None = None
    high: Annotated[float, Meta(ge=0, le=400)] | None = None
    for_s: Annotated[float, Meta(ge=10, le=86400)] = 120
    at_least: Annotated[int, Meta(ge=2, le=100)] = 3
    max_gap_s: Annotated[float, Meta(ge=10, le=86400)] = 600
    deviations: Annotated[float, Meta(ge=2, le=20)] | None = None
    deviation_at_least: Annotated[float, Meta(ge=0.1, le=200)] = 15
    deviation_for_s: Annotated[float, Meta(ge=60, le=86400)] = 1800
    low_asleep: Annotated[float, Meta(ge=0, le=400)] | None = None
    asleep: Between = "21:00-07:30"
    implausible_below: Annotated[float, Meta(ge=0, le=400)] = 20
    settle_s: Annotated[float, Meta(ge=0, le=3600)] = 60

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        if self.low is None and self.high is None and self.deviations is None:
            raise ValueError("at least one of low, high and deviations must be stated")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low must be less than high; stated: {self.low} and {self.high}")
        if self.low_asleep is not None and (self.low is None or self.low_asleep > self.low):
            raise ValueError(f"low_asleep must not exceed low; stated: {self.low_asleep} and {self.low}")


IDLE: Final = "idle"
PENDING: Final = "pending"
RAISED: Final = "raised"
_SLOT_S: Final = 300.0
_HOURS_KEPT: Final = 21 * 24
_FEWEST: Final = 10
_HOUR: Final = Struct("<if")
"""The hour (local, from 1970) and the median of its samples."""
_FORGIVEN: Final = 4
"""Samples beyond the limits for each one within them that does not end a breach."""
_ROBUST: Final = 1.4826  # median deviation to standard deviation of a normal distribution


class VitalsState(State, frozen=True):
    """``hours``: what was measured in each (packed as :data:`_HOUR`); ``samples`` are those of the hour ``hour``."""

    since: float = 0.0
    last_at: float = 0.0
    count: int = 0
    unlike: bool = False
    """The breach that runs is one of the baseline, not of a limit."""
    worn_at: float = 0.0
    worn: bool = True
    hour: int = 0
    slot: int = 0
    samples: tuple[float, ...] = ()
    hours: bytes = b""
    usual: tuple[float, float] | None = None
    """Centre and spread for the present hour."""
    sample_from: float = 0.0
    """When the next slot begins: at most one sample is taken of each."""
    forgiven: int = 0
    """Samples within the limits that have not ended the breach that runs."""


def begin(rule: VitalsRule, subject: str) -> VitalsState:
    """Nothing has been measured."""
    return VitalsState(subject)


def step(rule: VitalsRule, state: VitalsState, seen: Observation) -> tuple[VitalsState, Findings]:
    """One more measurement."""
    at, reading = seen.at, seen.reading
    worn, value = reading.worn, getattr(reading, rule.quantity)
    if worn is not None and worn is not state.worn and at > state.last_at:
        phase = state.phase if state.phase == RAISED else IDLE
        state = msgspec.structs.replace(state, worn=worn, worn_at=at, phase=phase, count=0)
    if value is None or not state.worn or value <= 0 or value < rule.implausible_below:
        return state, NOTHING
    if at <= state.last_at or (state.worn_at and at - state.worn_at < rule.settle_s):
        return state, NOTHING
    if rule.deviations is not None and at >= state.sample_from:
        state = _sampled(rule, state, at, value)
    low, high = rule.low, rule.high
    beyond = (low is not None and value < low and value < _low(rule, at)) or (high is not None and value > high)
    unlike = not beyond and state.usual is not None and _is_unlike(rule, value, state.usual)
    if beyond or unlike:
        return _breach(rule, state, seen, value, unlike)
    return (state, NOTHING) if state.phase == IDLE else _normal(rule, state, seen, value)


def _low(rule: VitalsRule, at: float) -> float:
    """The lower limit of this hour; without one, less than any value."""
    asleep = rule.low_asleep is not None and within(at, rule.asleep, rule.timezone)
    low = rule.low_asleep if asleep else rule.low
    return float("-inf") if low is None else low


def _is_unlike(rule: VitalsRule, value: float, usual: tuple[float, float]) -> bool:
    away = abs(value - usual[0])
    return rule.deviations is not None and away > max(rule.deviations * usual[1], rule.deviation_at_least)


def _breach(
    rule: VitalsRule, state: VitalsState, seen: Observation, value: float, unlike: bool
) -> tuple[VitalsState, Findings]:
    if state.phase == RAISED:
        return msgspec.structs.replace(state, last_at=seen.at, count=0), NOTHING
    torn = state.phase == IDLE or seen.at - state.last_at > rule.max_gap_s or (state.unlike and not unlike)
    since, count = (seen.at, 1) if torn else (state.since, state.count + 1)
    merely_unlike = unlike if torn else state.unlike or unlike
    needed_s = rule.deviation_for_s if merely_unlike else rule.for_s
    enough = count >= rule.at_least and seen.at - since >= needed_s
    phase = RAISED if enough else PENDING
    now = msgspec.structs.replace(
        state,
        phase=phase,
        since=since,
        last_at=seen.at,
        count=0 if enough else count,
        unlike=merely_unlike,
        forgiven=0 if torn else state.forgiven,
    )
    if not enough:
        return now, NOTHING
    usual = state.usual
    return now, found(
        rule,
        state,
        onset=since,
        at=seen.at,
        reason="unlike_her" if merely_unlike else "beyond_limit",
        source=seen.source,
        quantity=rule.quantity,
        value=value,
        samples=count,
        low=None if rule.low is None else _low(rule, seen.at),
        high=rule.high,
        usual=None if usual is None else round(usual[0], 1),
        spread=None if usual is None else round(usual[1], 1),
    )


def _normal(rule: VitalsRule, state: VitalsState, seen: Observation, value: float) -> tuple[VitalsState, Findings]:
    """Back within the limits: a breach that runs is over unless it is forgiven, an alarm after as many samples as
    raised it.
    """
    if state.phase == PENDING and state.count >= _FORGIVEN * (state.forgiven + 1):
        return msgspec.structs.replace(state, last_at=seen.at, forgiven=state.forgiven + 1), NOTHING
    if state.phase == PENDING:
        return msgspec.structs.replace(state, phase=IDLE, count=0, last_at=seen.at), NOTHING
    count = state.count + 1
    if count < rule.at_least:
        return msgspec.structs.replace(state, last_at=seen.at, count=count), NOTHING
    idle = msgspec.structs.replace(state, phase=IDLE, count=0, last_at=seen.at)
    return idle, found(
        rule,
        state,
        onset=state.since,
        at=seen.at,
        reason="back_to_normal",
        cleared=True,
        quantity=rule.quantity,
        value=value,
    )


def _sampled(rule: VitalsRule, state: VitalsState, at: float, value: float) -> VitalsState:
    """The state with this sample of a new slot; at the end of an hour its median joins the baseline. Alarms teach
    nothing.
    """
    local = local_s(at, rule.timezone)
    slot = int(local // _SLOT_S)
    state = msgspec.structs.replace(state, sample_from=at + _SLOT_S - local % _SLOT_S)
    if slot <= state.slot:
        return state
    hour = int(local // HOUR_S)
    if hour == state.hour:
        samples = (*state.samples, value) if state.phase == IDLE else state.samples
        return msgspec.structs.replace(state, slot=slot, samples=samples)
    hours = state.hours
    if state.samples:
        hours = (hours + _HOUR.pack(state.hour, median(state.samples)))[-_HOUR.size * _HOURS_KEPT :]
    samples = (value,) if state.phase == IDLE else ()
    return msgspec.structs.replace(state, slot=slot, hour=hour, samples=samples, hours=hours, usual=_usual(hours, hour))


def _usual(hours: bytes, hour: int) -> tuple[float, float] | None:
    """Centre and spread of what was measured around this hour of the day."""
    near = [
        value for when, value in _HOUR.iter_unpack(hours) if when > hour - _HOURS_KEPT and (when - hour + 1) % 24 <= 2
    ]
    if len(near) < _FEWEST:
        return None
    centre = median(near)
    return centre, _ROBUST * median(abs(value - centre) for value in near)


def expire(rule: VitalsRule, state: VitalsState, now: float) -> tuple[VitalsState, Findings]:
    """Silence is not measured: a duration alarm never comes from a gap."""
    return state, NOTHING


def due(rule: VitalsRule, state: VitalsState) -> float | None:
    """Never."""
    return None
