"""Rules at work on readings: which rules hear which device, for which subject, and what they remember.

The same object serves the replay of a file, a lane of ingest, and the engine: only who stores the states differs.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from alerting.rules import kinds
from alerting.rules.frame import NOTHING, Finding, Observation, Rule, Scope, State
from devices.model import DeviceKind


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A device as far as rules are concerned: whose it is. Ids are text, unique within their noun."""

    device: str
    kind: DeviceKind
    resident: str | None = None
    household: str | None = None


Key = tuple[str, str]
"""Rule and subject."""


class Watch:
    """A rule at work for one subject: what it remembers, and what else can be known before anybody speaks."""

    __slots__ = ("calm", "dated", "deadline", "due", "expire", "key", "learns", "minds", "rule", "state", "step")

    def __init__(self, rule: Rule, key: Key) -> None:
        self.key = key
        self.state: State = kinds.kind_of(rule).begin(rule, key[1])
        self.go_by(rule)

    def go_by(self, rule: Rule) -> None:
        """Go on by the rule as it is now. What one of another kind remembered is forgotten."""
        kind = kinds.kind_of(rule)
        waits = kinds.ever_due(rule)
        self.rule = rule
        if type(self.state) is not kinds.state_type(rule):
            self.state = kind.begin(rule, self.key[1])
        self.step = kind.step
        self.expire = kind.expire
        self.due = kind.due if waits else None
        self.deadline: float | None = None
        """Of the state :attr:`dated`: most readings change none, and a deadline may take some reckoning."""
        self.dated: State | None = None
        self.calm = kinds.never_due_in(rule)
        self.minds = None if waits else kinds.value_of(rule)
        """Takes the one quantity that the rule minds from a reading; None: it minds several, or time, too."""
        self.learns = kinds.learns(rule)


def subject_of(scope: Scope, member: Member) -> str | None:
    """The subject of a rule for this device: a rule about the resident is about the household where nobody is named,
    and a device that is bound to no home is heard by rules about devices only.
    """
    if scope is Scope.DEVICE:
        return f"device:{member.device}"
    if scope is Scope.RESIDENT and member.resident is not None:
        return f"resident:{member.resident}"
    return f"household:{member.household}" if member.household is not None else None


def hearing(rules: Iterable[Rule], member: Member) -> list[tuple[Rule, Key]]:
    """Which of ``rules`` hear the device, each with what it keeps its state for."""
    heard = []
    for rule in rules:
        subject = subject_of(rule.per, member)
        if not rule.enabled or not kinds.reads(rule) or subject is None:
            continue
        if not rule.devices or member.kind in rule.devices:
            heard.append((rule, (rule.name, subject)))
    return heard


class Panel:
    """Judges observations in the order in which they are given. ``watches`` is all that is remembered.

    ``changed`` is told of each watch whose phase, or what it has learned, a reading or the time has changed, with the
    state before.
    """

    def __init__(self, changed: Callable[[Watch, State], None] | None = None) -> None:
        self._changed = changed
        self.watches: dict[Key, Watch] = {}

    def listen(self, rules: Iterable[Rule], member: Member) -> tuple[Watch, ...]:
        """The watches of those of ``rules`` that hear the device; each of its subject's devices has the same ones."""
        return tuple(self.watch(rule, key) for rule, key in hearing(rules, member))

    def watch(self, rule: Rule, key: Key) -> Watch:
        """The watch of a rule over a subject, which goes by this rule from now on."""
        watch = self.watches.get(key)
        if watch is None:
            watch = self.watches[key] = Watch(rule, key)
        elif watch.rule is not rule:
            watch.go_by(rule)
        return watch

    def judge(self, heard: Iterable[Watch], seen: Observation) -> Sequence[Finding]:
        """What follows from one reading for the watches that have ``heard`` it: for each first the time that has
        passed, then the reading.
        """
        findings = NOTHING
        changed = self._changed
        at, reading = seen.at, seen.reading
        for one in heard:
            minds, due, step = one.minds, one.due, one.step
            if minds is not None and minds(reading) is None:
                continue
            rule, before = one.rule, one.state
            state = before
            if due is not None and state.phase != one.calm:
                if one.dated is not state:
                    one.dated, one.deadline = state, due(rule, state)
                deadline = one.deadline
                if deadline is not None and deadline <= at:
                    state, found = one.expire(rule, state, at)
                    findings += found
            state, found = step(rule, state, seen)
            if found:
                findings += found
            if state is not before:
                one.state = state
                if changed is not None and (one.learns or state.phase != before.phase):
                    changed(one, before)
        return findings

    def settle(self, now: float) -> list[Finding]:
        """What time alone finds until ``now``, over everything that is remembered; in order of its finding."""
        findings: list[Finding] = []
        for one in self.watches.values():
            one.state, found = one.expire(one.rule, one.state, now)
            findings += found
        return sorted(findings, key=lambda one: one.found_at)
