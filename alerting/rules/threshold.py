"""Threshold: a quantity beyond a limit, long or often enough; cleared by a limit of its own.

Reasons: ``beyond_limit``, ``beyond_limit_for``, ``n_of_m``, ``too_often``, ``changing_fast``; and ``back_within_limit``
when it clears. What counts as a breach is made of at most one of these:

* ``above``, ``below`` or ``is``: each reading by itself;
* with ``for_s``: all readings for so long. ``gap`` says what silence means meanwhile. ``breaks``: without a reading
  for ``max_gap_s`` the time starts anew (sensors that measure in turn: an alarm never comes from a gap). ``holds``: the
  last value stands until another comes (sensors that report changes): the alarm comes in its time by ``expire``;
* with ``at_least`` and ``of``: so many of the last so many readings;
* with ``count`` and ``within_s``: so many breaches in a sliding window;
* with ``change_within_s``: the limit is for the change against the oldest reading in the window.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Meta, field

from alerting.rules.frame import NOTHING, Findings, Observation, Rule, State, found
from alerting.rules.quantity import VALUE, Quantity, breaches, limit_fault

Limit = Annotated[float, Meta(ge=-1e9, le=1e9)]
Seconds = Annotated[float, Meta(ge=1, le=7 * 86400)]


class Gap(StrEnum):
    """What silence means to a duration."""

    BREAKS = "breaks"
    HOLDS = "holds"


class ThresholdRule(Rule, frozen=True, kw_only=True, tag="threshold"):
    """See the module. ``clear_above`` and ``clear_below`` are the hysteresis: by default it clears at the limit."""

    quantity: Quantity
    above: Limit | None = None
    below: Limit | None = None
    equals: bool | None = field(name="is", default=None)
    for_s: Annotated[float, Meta(ge=0, le=7 * 86400)] = 0
    gap: Gap = Gap.BREAKS
    max_gap_s: Seconds = 900
    at_least: Annotated[int, Meta(ge=1, le=100)] | None = None
    of: Annotated[int, Meta(ge=2, le=100)] | None = None
    count: Annotated[int, Meta(ge=2, le=1000)] | None = None
    within_s: Seconds | None = None
    change_within_s: Seconds | None = None
    clear_above: Limit | None = None
    clear_below: Limit | None = None
    clear_for_s: Annotated[float, Meta(ge=0, le=7 * 86400)] = 0

    def __post_init__(self) -> None:
        fault = limit_fault(self.quantity, self.above, self.below, self.equals) or _fault(self)
        if fault is not None:
            raise ValueError(fault)


def _fault(rule: ThresholdRule) -> str | None:
    ways = [name for name in ("at_least", "count", "change_within_s") if getattr(rule, name) is not None]
    if len(ways) > 1 or (ways and rule.for_s):
        return f"for_s, at_least, count and change_within_s exclude each other; stated: {', '.join(ways)}"
    if (rule.at_least is None) != (rule.of is None) or (rule.of or 100) < (rule.at_least or 1):
        return f"at_least and of go together, and at_least must not exceed of; stated: {rule.at_least} of {rule.of}"
    if (rule.count is None) != (rule.within_s is None):
        return f"count and within_s go together; stated: {rule.count} within {rule.within_s}"
    if rule.above is not None and (rule.clear_above is not None or (rule.clear_below or rule.above) > rule.above):
        return f"a limit `above` clears with clear_below at or under it; stated: {rule.clear_below}"
    if rule.below is not None and (rule.clear_below is not None or (rule.clear_above or rule.below) < rule.below):
        return f"a limit `below` clears with clear_above at or over it; stated: {rule.clear_above}"
    return None


IDLE: Final = "idle"
PENDING: Final = "pending"
RAISED: Final = "raised"

Sample = tuple[float, float]


class ThresholdState(State, frozen=True):
    """``since``: of the breach that runs. ``window``: (time, value) of the readings still needed, oldest first."""

    since: float = 0.0
    last_at: float = 0.0
    within_since: float = 0.0
    """Since when, while raised, the value has been back within its clear limit; 0: it is not."""
    window: tuple[Sample, ...] = ()


def begin(rule: ThresholdRule, subject: str) -> ThresholdState:
    """No breach."""
    return ThresholdState(subject)


def step(rule: ThresholdRule, state: ThresholdState, seen: Observation) -> tuple[ThresholdState, Findings]:
    """One more reading; what does not come after the last one judged changes nothing."""
    value = VALUE[rule.quantity](seen.reading)
    if value is None:
        return state, NOTHING
    breach = breaches(value, rule.above, rule.below, rule.equals) if rule.change_within_s is None else False
    if not breach and state.phase == IDLE and not state.window and rule.change_within_s is None:
        return state, NOTHING
    if seen.at <= state.last_at:
        return state, NOTHING
    if state.phase == RAISED:
        return _raised(rule, state, seen, value)
    if rule.at_least is not None or rule.count is not None or rule.change_within_s is not None:
        return _windowed(rule, state, seen, value, breach)
    return _running(rule, state, seen, value, breach)


def _running(
    rule: ThresholdRule, state: ThresholdState, seen: Observation, value: float, breach: bool
) -> tuple[ThresholdState, Findings]:
    """Breaches without interruption."""
    if not breach:
        return ThresholdState(state.subject, IDLE, 0.0, seen.at), NOTHING
    torn = rule.gap is Gap.BREAKS and seen.at - state.last_at > rule.max_gap_s
    since = seen.at if state.phase == IDLE or torn else state.since
    if seen.at - since < rule.for_s:
        return ThresholdState(state.subject, PENDING, since, seen.at), NOTHING
    reason = "beyond_limit_for" if rule.for_s else "beyond_limit"
    raised = ThresholdState(state.subject, RAISED, since, seen.at)
    return raised, found(
        rule, state, onset=since, at=seen.at, reason=reason, source=seen.source, value=value, for_s=seen.at - since
    )


def _windowed(
    rule: ThresholdRule, state: ThresholdState, seen: Observation, value: float, breach: bool
) -> tuple[ThresholdState, Findings]:
    """Breaches among the last readings, or in the last while, or a change."""
    window = (*state.window, (seen.at, float(value)))
    if rule.of is not None:
        window = window[-rule.of :]
    else:
        span_s = rule.within_s or rule.change_within_s or 0.0
        window = tuple(one for one in window if seen.at - one[0] <= span_s and (rule.count is None or _hit(rule, one)))
    onset, reason = _verdict(rule, window)
    if onset is None:
        hits = any(_hit(rule, one) for one in window) if rule.change_within_s is None else False
        phase = PENDING if hits else IDLE
        kept = window if hits or rule.change_within_s is not None else ()
        return ThresholdState(state.subject, phase, 0.0, seen.at, 0.0, kept), NOTHING
    raised = ThresholdState(state.subject, RAISED, onset, seen.at, 0.0, window)
    figures: dict[str, Any] = {"value": value, "readings": len(window), "change": value - window[0][1]}
    if rule.change_within_s is None:
        del figures["change"]
    return raised, found(rule, state, onset=onset, at=seen.at, reason=reason, source=seen.source, **figures)


def _hit(rule: ThresholdRule, sample: Sample) -> bool:
    value = bool(sample[1]) if rule.equals is not None else sample[1]
    return breaches(value, rule.above, rule.below, rule.equals)


def _verdict(rule: ThresholdRule, window: tuple[Sample, ...]) -> tuple[float | None, str]:
    """The onset, if there is enough, and why."""
    if rule.change_within_s is not None:
        change = window[-1][1] - window[0][1]
        return (window[0][0] if breaches(change, rule.above, rule.below, None) else None), "changing_fast"
    hits = [one[0] for one in window if _hit(rule, one)]
    needed = rule.at_least or rule.count or 0
    return (hits[0] if len(hits) >= needed else None), "n_of_m" if rule.at_least is not None else "too_often"


def _raised(
    rule: ThresholdRule, state: ThresholdState, seen: Observation, value: float
) -> tuple[ThresholdState, Findings]:
    """While raised: wait for the clear condition to hold for ``clear_for_s``."""
    window, judged = state.window, value
    if rule.change_within_s is not None:
        span_s = rule.change_within_s
        window = tuple(one for one in (*window, (seen.at, float(value))) if seen.at - one[0] <= span_s)
        judged = value - window[0][1]
    if not _clears(rule, judged):
        return ThresholdState(state.subject, RAISED, state.since, seen.at, 0.0, window), NOTHING
    within_since = state.within_since or seen.at
    if seen.at - within_since < rule.clear_for_s:
        return ThresholdState(state.subject, RAISED, state.since, seen.at, within_since, window), NOTHING
    kept = window if rule.change_within_s is not None else ()  # the next change is measured from there
    idle = ThresholdState(state.subject, IDLE, 0.0, seen.at, 0.0, kept)
    return idle, found(
        rule,
        state,
        onset=state.since,
        at=seen.at,
        reason="back_within_limit",
        cleared=True,
        source=seen.source,
        value=value,
    )


def _clears(rule: ThresholdRule, value: float) -> bool:
    if rule.above is not None:
        return value <= (rule.above if rule.clear_below is None else rule.clear_below)
    if rule.below is not None:
        return value >= (rule.below if rule.clear_above is None else rule.clear_above)
    return value is not rule.equals


def expire(rule: ThresholdRule, state: ThresholdState, now: float) -> tuple[ThresholdState, Findings]:
    """A value that holds until another comes has held for long enough."""
    deadline = due(rule, state)
    if deadline is None or now < deadline:
        return state, NOTHING
    raised = ThresholdState(state.subject, RAISED, state.since, state.last_at)
    return raised, found(
        rule, state, onset=state.since, at=deadline, reason="beyond_limit_for", for_s=rule.for_s, last_at=state.last_at
    )


def due(rule: ThresholdRule, state: ThresholdState) -> float | None:
    """When a value that holds will have held for long enough; never for sensors that measure in turn."""
    if state.phase != PENDING or rule.gap is not Gap.HOLDS or not rule.for_s:
        return None
    return state.since + rule.for_s
