"""Rules over a recorded history, with a clock that is only as far as the history is.

Replaying is living through it once more: the same panel judges the same observations in the order of their times.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerting.rules.frame import Finding, Observation, Rule, State
from alerting.rules.kinds import reads
from alerting.rules.panel import Key, Member, Panel, Watch
from devices.model import DeviceKind, Reading, SignalState

HORIZON_S = 7 * 86400.0
"""A collapse that is not found within a week is not found."""
SAME_S = 1800.0
"""Findings of two versions whose onsets lie closer than this are about the same thing."""
_DAY_S = 86400.0

Owner = Callable[[Observation], Member]


def one_home(seen: Observation) -> Member:
    """Everything in a file is of one home, with one resident."""
    return Member(device=seen.source, kind=seen.kind, resident="1", household="1")


class Replay:
    """Judges a history step by step; it can be stopped at any moment, and gone on with in several ways."""

    def __init__(self, rules: Sequence[Rule], owner: Owner = one_home) -> None:
        self.rules = tuple(rule for rule in rules if rule.enabled and reads(rule))
        self._owner = owner
        self._heard: dict[str, tuple[Watch, ...]] = {}
        self._panel = Panel()
        self.findings: list[Finding] = []

    def judge(self, observations: Iterable[Observation]) -> None:
        """Judge more of the history, in order of time."""
        heard, panel, findings = self._heard, self._panel, self.findings
        for seen in observations:
            those = heard.get(seen.source)
            if those is None:
                those = heard[seen.source] = panel.listen(self.rules, self._owner(seen))
            found = panel.judge(those, seen)
            if found:
                findings += found

    def until(self, now: float) -> None:
        """Let time pass without readings."""
        self.findings += self._panel.settle(now)

    def fork(self) -> "Replay":
        """What would have happened instead: a replay that goes on from here by itself."""
        other = Replay(self.rules, self._owner)
        for key, one in self._panel.watches.items():
            other._panel.watch(one.rule, key).state = one.state
        return other

    @property
    def memory(self) -> Mapping[Key, State]:
        """What the rules remember now."""
        return {key: one.state for key, one in self._panel.watches.items()}


def replay(rules: Sequence[Rule], history: Sequence[Observation], owner: Owner = one_home) -> list[Finding]:
    """All findings of a history that ends with its last reading, in the order in which they were found."""
    run = Replay(rules, owner)
    run.judge(history)
    if history:
        run.until(history[-1].at)
    return sorted(run.findings, key=lambda one: one.found_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """What each rule would have made of a collapse: when it alarmed, None if never.

    ``running`` names the rules whose alarm was raised already when it happened, and not yet over.
    """

    at: float
    alarms: Mapping[str, Finding | None]
    running: Mapping[str, Finding]


def collapses(
    rules: Sequence[Rule],
    history: Sequence[Observation],
    moments: Iterable[float],
    *,
    stray_per_day: float,
    seed: int,
) -> list[Collapse]:
    """For each moment: nothing moves any more but stray firings of the home's motion sensors, at random."""
    run = Replay(rules)
    draw = random.Random(seed)
    sensors = sorted({seen.source for seen in history if seen.reading.motion is not None})
    found: list[Collapse] = []
    place = 0
    for moment in sorted(moments):
        upto = place
        while upto < len(history) and history[upto].at <= moment:
            upto += 1
        run.judge(history[place:upto])
        run.until(moment)
        place = upto
        after = run.fork()
        after.judge(_strays(sensors, moment, stray_per_day, draw))
        after.until(moment + HORIZON_S)
        alarms: dict[str, Finding | None] = {rule.name: None for rule in run.rules}
        for one in sorted(after.findings, key=lambda one: one.found_at):
            if one.state is SignalState.RAISED and alarms[one.rule] is None:
                alarms[one.rule] = one
        found.append(Collapse(at=moment, alarms=alarms, running=_running(run.findings)))
    return found


def _running(findings: Iterable[Finding]) -> dict[str, Finding]:
    """The last finding of each rule, if it has not cleared."""
    last = {one.rule: one for one in findings}
    return {name: one for name, one in last.items() if one.state is SignalState.RAISED}


def _strays(sensors: Sequence[str], start: float, per_day: float, draw: random.Random) -> list[Observation]:
    """Firings of an empty room: each of one sensor, switched off again after a few seconds."""
    if per_day <= 0 or not sensors:
        return []
    strays: list[Observation] = []
    at = start
    while (at := at + draw.expovariate(per_day / _DAY_S)) < start + HORIZON_S:
        sensor = draw.choice(sensors)
        for after_s, says in ((0.0, True), (draw.uniform(2, 20), False)):
            strays.append(Observation(at + after_s, sensor, DeviceKind.INFRARED_SENSOR, Reading(motion=says)))
    return sorted(strays, key=lambda one: one.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two versions of the rules make of one history, alarm by alarm."""

    both: list[tuple[Finding, Finding]]
    only_first: list[Finding]
    only_second: list[Finding]


def compare(first: Sequence[Finding], second: Sequence[Finding]) -> Comparison:
    """Match the alarms of two versions: same hazard and subject, and onsets or findings close to each other."""
    left = [one for one in second if one.state is SignalState.RAISED]
    both: list[tuple[Finding, Finding]] = []
    alone: list[Finding] = []
    for one in (one for one in first if one.state is SignalState.RAISED):
        match = next((other for other in left if _same(one, other)), None)
        if match is None:
            alone.append(one)
        else:
            left.remove(match)
            both.append((one, match))
    return Comparison(both=both, only_first=alone, only_second=left)


def _same(one: Finding, other: Finding) -> bool:
    if (one.hazard, one.subject) != (other.hazard, other.subject):
        return False
    overlap = one.onset <= other.found_at and other.onset <= one.found_at
    return overlap or abs(one.onset - other.onset) <= SAME_S
