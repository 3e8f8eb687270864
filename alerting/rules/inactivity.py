"""Inactivity: a home has been quiet for longer than it ever is at this hour, after signs of life at this place.

Reasons: ``unusually_quiet`` at home, ``not_back`` after the door; ``moving_again`` when it clears.

What is usual is learned from the home itself (:mod:`alerting.rules.habits`); until a week has been seen, and partly for
one week more, fixed limits for day and night are kept to. Where she is, and which firing counts, is judged by
:mod:`alerting.rules.presence`. A gap in the data is silence: whether it is hers or that of her sensors is told by the
watch over devices, and the caller stops the clock of this rule while the platform itself is deaf.
"""

from typing import Annotated, Any, Final
from zlib import crc32

import msgspec
from msgspec import Meta

from alerting.rules import explanations, habits
from alerting.rules.frame import NOTHING, Findings, Observation, Rule, Scope, State, found
from alerting.rules.habits import Habits
from alerting.rules.localtime import HOUR_S, Between, bounds_s, day_and_second, within, zone_of
from alerting.rules.presence import TOGETHER_S, Home, Presence, Silence, note

Span = Annotated[float, Meta(ge=600, le=14 * 86400)]


class InactivityRule(Rule, frozen=True, kw_only=True, tag="inactivity"):
    """Limits in seconds. Before anything has been learned ``day_s`` holds (for silences that begin and would reach it
    within ``day``), ``night_s`` (for others) and ``left_s`` (behind the door). What is learned stays between
    ``shortest_s`` and ``longest_s`` at home, ``shortest_left_s`` and ``longest_left_s`` behind the door.
    ``false_alarm_days``: at home, one day in so many may bring a false alarm, by the habits of the past. ``residents``
    and ``pets`` lower the confidence.
    """

    per: Scope = Scope.HOUSEHOLD
    day: Between = "06:00-22:00"
    day_s: Span = 4 * 3600
    night_s: Span = 10 * 3600
    left_s: Span = 12 * 3600
    shortest_s: Span = 2700
    longest_s: Span = 14 * 3600
    shortest_left_s: Span = 12 * 3600
    longest_left_s: Span = 24 * 3600
    false_alarm_days: Annotated[float, Meta(ge=7, le=3650)] = 100
    residents: Annotated[int, Meta(ge=1, le=20)] = 1
    pets: bool = False
    home: Home | None = None

    def __post_init__(self) -> None:
        zone_of(self.timezone)


TRUSTED_AFTER_DAYS: Final = 14
"""From the end of the first week until then the fixed limits fade out."""
SETTLED_AFTER_DAYS: Final = 30
_SELDOM_DAYS: Final = 3
"""How often a home is learned anew once it is known for so long: it changes little from day to day, and a city of homes
begins its day at the same moment.
"""
HOME: Final = "home"
LEFT: Final = "left"
RAISED: Final = "raised"


class InactivityState(State, frozen=True):
    """``silences`` is the ledger of the last ninety days, ``firings`` how much moved on each of them."""

    presence: Presence = Presence()
    learned: Habits | None = None
    today: int = 0
    fired_today: int = 0
    firings: tuple[tuple[int, int], ...] = ()
    places: tuple[str, ...] = ()
    silences: bytes = b""
    onset: float = 0.0
    """Of the silence that has been raised and not yet ended."""
    doors: tuple[tuple[str, int, int], ...] = ()
    """Each door with the last day on which it was opened, and on how many days it was."""


def begin(rule: InactivityRule, subject: str) -> InactivityState:
    """Nothing has moved yet, and nothing is known of the home."""
    return InactivityState(subject, HOME)


def step(rule: InactivityRule, state: InactivityState, seen: Observation) -> tuple[InactivityState, Findings]:
    """One more reading of any device of the home."""
    inner_doors = state.learned.inner_doors if state.learned is not None else ()
    presence, ended = note(state.presence, seen, rule.home, inner_doors)
    if presence is state.presence:
        return state, NOTHING
    day = day_and_second(seen.at, rule.timezone)[0]
    if day != state.today:
        state = _new_day(rule, state, day)
    doors = state.doors if seen.reading.contact_open is None else _opened(state.doors, seen.source, day)
    ledger, places = state.silences, state.places
    if ended is not None and ended.length_s > habits.SHORTEST_H * HOUR_S:
        ledger, places = _recorded(rule, state, ended)
    moving = presence.last_at - presence.before_at <= TOGETHER_S
    over = bool(state.onset) and moving and presence.before_at > state.onset
    onset = 0.0 if over else state.onset
    phase = RAISED if onset else LEFT if presence.left else HOME
    now = InactivityState(
        state.subject,
        phase,
        presence,
        state.learned,
        state.today,
        state.fired_today + 1,
        state.firings,
        places,
        ledger,
        onset,
        doors,
    )
    if not over:
        return now, NOTHING
    return now, found(
        rule,
        state,
        onset=state.onset,
        at=seen.at,
        reason="moving_again",
        cleared=True,
        place=presence.place,
        silent_s=presence.before_at - state.onset,
    )


def _opened(doors: tuple[tuple[str, int, int], ...], door: str, day: int) -> tuple[tuple[str, int, int], ...]:
    """The doors with one more day on which ``door`` was opened."""
    last, days = next(((last, days) for name, last, days in doors if name == door), (0, 0))
    if last == day:
        return doors
    return (*(one for one in doors if one[0] != door), (door, day, days + 1))


def _new_day(rule: InactivityRule, state: InactivityState, day: int) -> InactivityState:
    """Close the day, forget what is old, and learn."""
    first = day - habits.KEPT_DAYS
    firings = tuple(one for one in (*state.firings, (state.today, state.fired_today)) if one[0] >= first and one[1])
    ledger = habits.forget(state.silences, first)
    learned = None if _is_settled(state, day) else _learned(rule, state, ledger, firings)
    return msgspec.structs.replace(
        state, today=day, fired_today=0, firings=firings, silences=ledger, learned=learned or state.learned
    )


def _is_settled(state: InactivityState, day: int) -> bool:
    """True if what is known of the home is good for one day more."""
    known = state.learned
    return (
        known is not None
        and known.days >= SETTLED_AFTER_DAYS
        and (day + crc32(state.subject.encode())) % _SELDOM_DAYS > 0
    )


def _learned(
    rule: InactivityRule, state: InactivityState, ledger: bytes, firings: tuple[tuple[int, int], ...]
) -> Habits | None:
    start, end = bounds_s(rule.day)
    return habits.learn(
        ledger,
        state.places,
        dict(firings),
        {door: days for door, _, days in state.doors},
        false_alarm_days=rule.false_alarm_days,
        day_h=(start / HOUR_S, end / HOUR_S),
        day_limit_h=rule.day_s / HOUR_S,
    )


def _recorded(rule: InactivityRule, state: InactivityState, ended: Silence) -> tuple[bytes, tuple[str, ...]]:
    """The ledger with this silence, and the places with its place."""
    length_h = ended.length_s / HOUR_S
    if length_h > habits.LONGEST_H and not ended.left:
        return state.silences, state.places
    places = state.places
    if ended.place not in places and len(places) < 255:
        places = (*places, ended.place)
    index = places.index(ended.place) if ended.place in places else 255
    day, second = day_and_second(ended.began_at, rule.timezone)
    hour = second / HOUR_S
    return habits.append(state.silences, day=day, hour=hour, length_h=length_h, place=index, left=ended.left), places


def limit_s(rule: InactivityRule, state: InactivityState) -> float:
    """How long the silence that runs may last."""
    presence, known = state.presence, state.learned
    since = presence.silent_since
    second = day_and_second(since, rule.timezone)[1]
    by_day = all(within(at, rule.day, rule.timezone) for at in (since, since + rule.day_s))
    fixed_s = rule.left_s if presence.left else rule.day_s if by_day else rule.night_s
    if known is None:
        return fixed_s
    context = known.context(presence.place, left=presence.left)
    learned_s = known.limit_h[context][habits.slot_of(second / HOUR_S)] * HOUR_S
    low, high = (rule.shortest_left_s, rule.longest_left_s) if presence.left else (rule.shortest_s, rule.longest_s)
    learned_s = min(max(learned_s, low), high)
    if by_day and not presence.left and known.long_days <= max(1.0, known.days / rule.false_alarm_days):
        learned_s = min(learned_s, rule.day_s)  # in this home the fixed limit does no harm, and is never lost
    trust = min(max((known.days - habits.FEWEST_DAYS) / (TRUSTED_AFTER_DAYS - habits.FEWEST_DAYS), 0.0), 1.0)
    return learned_s if trust == 1.0 else max(learned_s, trust * learned_s + (1 - trust) * fixed_s)


def due(rule: InactivityRule, state: InactivityState) -> float | None:
    """When the silence that runs becomes an alarm; never before anything has moved, nor twice in one silence."""
    since = state.presence.silent_since
    if state.onset or not since:
        return None
    return since + limit_s(rule, state)


def expire(rule: InactivityRule, state: InactivityState, now: float) -> tuple[InactivityState, Findings]:
    """The silence has lasted for too long."""
    deadline = due(rule, state)
    if deadline is None or now < deadline:
        return state, NOTHING
    onset = state.presence.silent_since
    raised = msgspec.structs.replace(state, phase=RAISED, onset=onset)
    reason = "not_back" if state.presence.left else "unusually_quiet"
    return raised, found(rule, state, onset=onset, at=deadline, reason=reason, **_evidence(rule, state, deadline))


def _evidence(rule: InactivityRule, state: InactivityState, at: float) -> dict[str, Any]:
    """The figures behind a finding, and the same in words."""
    presence, known = state.presence, state.learned
    since = presence.silent_since
    hour = day_and_second(since, rule.timezone)[1] / HOUR_S
    usual_s: float | None = None
    if known is not None:
        usual_s = known.usual_h[known.context(presence.place, left=presence.left)][habits.slot_of(hour)] * HOUR_S
    resting = usual_s is not None and not presence.left and usual_s > explanations.ASLEEP_S
    days = known.days if known is not None else 0
    figures: dict[str, Any] = {
        "silent_since": since,
        "silent_s": round(at - since),
        "limit_s": round(limit_s(rule, state)),
        "usual_s": None if usual_s is None else round(usual_s),
        "place": presence.place,
        "presence": "left" if presence.left else "asleep" if resting else "home" if known is not None else "unknown",
        "days_learned": days,
        "stray_s": round(presence.last_at - since) if presence.last_at - since > TOGETHER_S else 0,
        "confidence": _confidence(rule, days),
    }
    figures["explanation"] = explanations.of_inactivity(figures, rule.timezone)
    return figures


def _confidence(rule: InactivityRule, days: int) -> str:
    """How far the rule can be trusted here: others who move, people or animals, hide a collapse."""
    if rule.pets or rule.residents > 1:
        return "low"
    return "high" if days >= TRUSTED_AFTER_DAYS else "medium"
