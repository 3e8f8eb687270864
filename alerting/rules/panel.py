"""Rules at work on readings: which rules hear which device, for which subject, and what they remember.

The same object serves the replay of a file, a lane of ingest, and the engine: only who stores the states differs.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from alerting.rules.frame import Finding, Observation, Rule, Scope, State
from alerting.rules.kinds import NEVER_DUE, kind_of, reads
from devices.model import DeviceKind


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A device as far as rules are concerned: whose it is. Ids are text, unique within their noun."""

    device: str
    kind: DeviceKind
    resident: str | None = None
    household: str | None = None


Key = tuple[str, str]
"""Rule and subject."""
Memory = dict[Key, State]
Hearing = tuple[Rule, Key, Any, Any, Any, Any]


def subject_of(scope: Scope, member: Member) -> str | None:
    """The subject of a rule for this device: a rule about the resident is about the household where nobody is named,
    and a device that is bound to no home is heard by rules about devices only.
    """
    if scope is Scope.DEVICE:
        return f"device:{member.device}"
    if scope is Scope.RESIDENT and member.resident is not None:
        return f"resident:{member.resident}"
    return f"household:{member.household}" if member.household is not None else None


def hearing(rules: Iterable[Rule], member: Member) -> tuple[Hearing, ...]:
    """Which of ``rules`` hear the device, each with its subject."""
    heard = []
    for rule in rules:
        subject = subject_of(rule.per, member)
        if not rule.enabled or not reads(rule) or subject is None or (rule.devices and member.kind not in rule.devices):
            continue
        kind = kind_of(rule)
        due = None if type(rule) in NEVER_DUE else kind.due
        heard.append((rule, (rule.name, subject), kind.begin, kind.step, kind.expire, due))
    return tuple(heard)


class Panel:
    """Judges observations in the order in which they are given. ``memory`` may be read, and copied: states are frozen.

    ``changed`` is told of each state that a reading or the time has changed, with the one before (None: the first)
    and the one that it is now.
    """

    def __init__(
        self,
        rules_for: Callable[[str], tuple[Hearing, ...]],
        changed: Callable[[Key, Rule, State | None, State], None] | None,
    ) -> None:
        self._rules_for = rules_for
        self._changed = changed
        self.memory: Memory = {}

    def judge(self, seen: Observation) -> list[Finding]:
        """What follows from one reading: for each rule first the time that has passed, then the reading."""
        findings: list[Finding] = []
        memory, changed = self.memory, self._changed
        at = seen.at
        for rule, key, begin, step, expire, due in self._rules_for(seen.source):
            before = memory.get(key)
            state = begin(rule, key[1]) if before is None else before
            if due is not None:
                deadline = due(rule, state)
                if deadline is not None and deadline <= at:
                    state, found = expire(rule, state, at)
                    findings += found
            state, found = step(rule, state, seen)
            if found:
                findings += found
            if state is not before:
                memory[key] = state
                if changed is not None:
                    changed(key, rule, before, state)
        return findings


def settle(memory: Memory, rules: Iterable[Rule], now: float) -> list[Finding]:
    """What time alone finds until ``now``, over everything that is remembered; in order of its finding."""
    by_name: Final = {rule.name: rule for rule in rules}
    findings: list[Finding] = []
    for key, state in list(memory.items()):
        rule = by_name[key[0]]
        kind = kind_of(rule)
        memory[key], found = kind.expire(rule, state, now)
        findings += found
    return sorted(findings, key=lambda one: one.found_at)
