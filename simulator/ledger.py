"""The reckoning: what was caused against what the platform made of it.

Pure. Moments are epoch seconds of care time. Every expectation gets one verdict, every incident one explanation, and
every alarm that the broker took from a device is looked for among the alarms of the incidents.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from devices.model import Hazard, SignalState
from devices.native import Stage
from simulator.causes.truth import WAITED_FOR, Cause, Expectation
from simulator.fleet.deeds import Alarms
from simulator.fleet.witness import Journey
from simulator.platform import SeenNotification, WholeIncident
from simulator.reconciliation import (
    Double,
    Listening,
    Phones,
    Untold,
    overlapping_calls,
    repeated_notifications,
    repeated_texts,
    unheard_texts,
    untold_devices,
)

_OWN: Final = {
    Hazard.UNCLEAR: "something came that could not be understood",
    Hazard.NOBODY_REACHED: "a round of calls reached nobody",
    Hazard.PLATFORM: "the platform told of a trouble of its own",
}
"""What the platform raises about itself, or about what it could not understand: told apart from false alarms."""
_TECHNICAL: Final = frozenset({Hazard.DEVICE_OFFLINE, Hazard.LOW_BATTERY, Hazard.AREA_OUTAGE})


class Verdict(StrEnum):
    """What became of an expectation."""

    DETECTED = "detected"
    LATE = "late"
    MISSED = "missed"
    PENDING = "pending"
    """The run ended before it was due."""
    NOT_JUDGED = "not_judged"
    """Nobody could have told it from an ordinary day."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation with its verdict. Latencies are seconds of care time from when it could first be known."""

    cause: str
    kind: str
    hazard: Hazard
    home: str | None
    known_at: float
    due_at: float
    verdict: Verdict
    why: str = ""
    """Of a verdict that is not ``detected``."""
    incident: int | None = None
    opened_s: float | None = None
    contacted_s: float | None = None
    accepted_s: float | None = None


class Unexplained(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that nothing explains (``false``), or that the platform raised about itself (``own``)."""

    incident: int
    hazard: str
    home: str | None
    device: str | None
    opened_at: float
    reason: str


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that the broker acknowledged to the device, and that belongs to no incident."""

    device: str
    event: str
    planned: float
    acknowledged: float


class Reckoning(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of one run."""

    findings: list[Finding]
    false: list[Unexplained]
    own: list[Unexplained]
    lost: list[Loss]
    doubled: list[Double]
    untold: list[Untold]

    def count(self, verdict: Verdict) -> int:
        """How many expectations got ``verdict``."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def by_hazard(self) -> dict[Hazard, Counter[Verdict]]:
        """Verdicts by hazard."""
        found: dict[Hazard, Counter[Verdict]] = {}
        for finding in self.findings:
            found.setdefault(finding.hazard, Counter())[finding.verdict] += 1
        return found

    @property
    def holds(self) -> bool:
        """Whether nothing was missed, lost or doubled."""
        return not (self.count(Verdict.MISSED) or self.lost or self.doubled)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What there is after a run."""

    causes: Sequence[Cause]
    incidents: Sequence[WholeIncident]
    journeys: Mapping[str, Journey]
    clocks_off_s: Mapping[str, float]
    """By device, how far its clock was ahead: alarms carry its time."""
    flapping: Mapping[str, Sequence[tuple[float, float]]]
    """By device, when scenario or chaos broke its connection: (from, until)."""
    phones: Phones = Phones()
    listening: Listening = Listening()
    ended_at: float
    slack_s: float
    """How far apart the same moment may be in two clocks: more when accelerated."""
    heard_s: float = 0.0
    """Care time that goes by until the platform knows that a silence was one: its canaries live in machine time."""


def reckon(evidence: Evidence) -> Reckoning:
    """Hold the platform to account."""
    explained: set[int] = set()
    findings = [
        _judge(evidence, cause, expectation, explained)
        for cause in evidence.causes
        for expectation in cause.expectations
    ]
    unexplained = [
        (incident, reason)
        for incident in evidence.incidents
        if incident.id not in explained and (reason := _excuse(evidence, incident)) is not None
    ]
    return Reckoning(
        findings=findings,
        false=[_unexplained(one, reason) for one, reason in unexplained if Hazard(one.hazard) not in _OWN],
        own=[_unexplained(one, reason) for one, reason in unexplained if Hazard(one.hazard) in _OWN],
        lost=list(_losses(evidence)),
        doubled=[
            *_twins(evidence.incidents),
            *_repeated(evidence),
            *repeated_notifications(evidence.incidents),
            *repeated_texts(evidence.incidents, evidence.phones),
            *overlapping_calls(evidence.phones),
        ],
        untold=[*_untold(evidence, findings), *unheard_texts(evidence.incidents, evidence.phones)],
    )


def _untold(evidence: Evidence, findings: Sequence[Finding]) -> Iterator[Untold]:
    """Devices whose residents should have heard that somebody is called, or comes."""
    expectations = [(cause, expected) for cause in evidence.causes for expected in cause.expectations]
    for (cause, expected), finding in zip(expectations, findings, strict=True):
        reached = {Stage.NOTIFIED: finding.contacted_s, Stage.ACCEPTED: finding.accepted_s}
        moments = {stage: None if after_s is None else finding.known_at + after_s for stage, after_s in reached.items()}
        yield from untold_devices(
            cause, expected.events, moments, evidence.journeys, evidence.listening, evidence.ended_at
        )


def _judge(evidence: Evidence, cause: Cause, expected: Expectation, explained: set[int]) -> Finding:
    known_at = cause.at + expected.after_s
    due_at = known_at + expected.within_s
    theirs = [one for one in evidence.incidents if _answers(one, cause, expected, evidence.slack_s)]
    explained.update(one.id for one in theirs)
    first = min(theirs, key=lambda one: (one.opened_at, one.id), default=None)
    contacted = None if first is None else contacted_at(first)
    verdict, why = _verdict(evidence, cause, expected, due_at, first, contacted)
    return Finding(
        cause=cause.id,
        kind=cause.kind,
        hazard=expected.hazard,
        home=expected.home,
        known_at=known_at,
        due_at=due_at,
        verdict=verdict,
        why=why,
        incident=None if first is None else first.id,
        opened_s=None if first is None else round(first.opened_at.timestamp() - known_at, 3),
        contacted_s=None if contacted is None else round(contacted - known_at, 3),
        accepted_s=_accepted_s(first, known_at),
    )


def _verdict(
    evidence: Evidence,
    cause: Cause,
    expected: Expectation,
    due_at: float,
    first: WholeIncident | None,
    contacted: float | None,
) -> tuple[Verdict, str]:
    if expected.unjudged:
        return Verdict.NOT_JUDGED, expected.unjudged if first is None else "found all the same"
    if contacted is not None:
        heard_s = evidence.heard_s if expected.hazard in WAITED_FOR else 0.0
        if contacted <= due_at + evidence.slack_s + heard_s:
            return Verdict.DETECTED, ""
        return Verdict.LATE, f"somebody was contacted {contacted - due_at:.0f} s after the deadline"
    if evidence.ended_at < due_at:
        return Verdict.PENDING, "the run ended before the deadline"
    if first is not None:
        return Verdict.MISSED, f"incident {first.id} was opened, and nobody was contacted"
    return Verdict.MISSED, _why_none(evidence, expected)


def _why_none(evidence: Evidence, expected: Expectation) -> str:
    told = [evidence.journeys[event] for event in expected.events if event in evidence.journeys]
    if not expected.events:
        return "no incident was opened"
    if not told:
        return "no incident was opened; the device never came to send the alarm"
    if all(journey.acknowledged is None for journey in told):
        return "no incident was opened; the broker never acknowledged the alarm"
    return "no incident was opened, although the broker had acknowledged the alarm"


def _answers(incident: WholeIncident, cause: Cause, expected: Expectation, slack_s: float) -> bool:
    """Whether an incident is the one that is expected: a home has one emergency in a run."""
    if incident.hazard != expected.hazard or incident.opened_at.timestamp() < cause.at - slack_s:
        return False
    if expected.hazard is Hazard.DEVICE_OFFLINE:
        return f"device:{incident.device}" == expected.subject
    return expected.home is None or incident.household == expected.home


def contacted_at(incident: WholeIncident) -> float | None:
    """When somebody was first rung, written to, or, in technical matters, told at the console."""
    told = [_told_at(one, incident) for one in incident.notifications]
    return min((moment.timestamp() for moment in told if moment is not None), default=None)


def _told_at(notification: SeenNotification, incident: WholeIncident) -> datetime | None:
    if notification.channel == "console" and Hazard(incident.hazard) not in _TECHNICAL:
        return None
    return notification.sent_at or notification.delivered_at


def _accepted_s(incident: WholeIncident | None, known_at: float) -> float | None:
    if incident is None or incident.acknowledged_at is None:
        return None
    return round(incident.acknowledged_at.timestamp() - known_at, 3)


def _excuse(evidence: Evidence, incident: WholeIncident) -> str | None:
    """Why an incident that answers no expectation is not explained; None if something explains it."""
    opened = incident.opened_at.timestamp()
    for cause in evidence.causes:
        for one in cause.tolerances:
            begins, ends = cause.at + one.after_s - evidence.slack_s, cause.at + one.until_s + evidence.slack_s
            if incident.hazard == one.hazard and one.home in (None, incident.household) and begins <= opened <= ends:
                return None
    if incident.hazard == Hazard.DEVICE_OFFLINE and incident.device is not None:
        gaps = evidence.flapping.get(incident.device, ())
        if any(begins - evidence.slack_s <= opened <= ends + evidence.slack_s for begins, ends in gaps):
            return None
        return "the device was there all the time"
    return _OWN.get(Hazard(incident.hazard), "nothing of the kind was caused there")


def _unexplained(incident: WholeIncident, reason: str) -> Unexplained:
    return Unexplained(
        incident=incident.id,
        hazard=incident.hazard,
        home=incident.household,
        device=incident.device,
        opened_at=incident.opened_at.timestamp(),
        reason=reason,
    )


def _losses(evidence: Evidence) -> Iterator[Loss]:
    """Alarms with a PUBACK that are in no incident."""
    kept = {said for incident in evidence.incidents for said in _said(incident)}
    for stated, deed in _raised(evidence):
        journey = evidence.journeys.get(f"{deed.device}/{deed.event}")
        if journey is not None and journey.acknowledged is not None and stated not in kept:
            yield Loss(device=deed.device, event=deed.event, planned=journey.planned, acknowledged=journey.acknowledged)


def _repeated(evidence: Evidence) -> Iterator[Double]:
    """One event of a device that became two alarms."""
    times = Counter(said for incident in evidence.incidents for said in _said(incident))
    where = {said: incident.id for incident in evidence.incidents for said in _said(incident)}
    for stated, deed in _raised(evidence):
        if times[stated] > 1:
            yield Double(what=f"alarm {deed.event} of {deed.device}, {times[stated]} times", incident=where[stated])


_Said = tuple[str, str, float]
"""Device, hazard and the time that it stated: what an alarm can be known by from outside."""


def _said(incident: WholeIncident) -> Iterator[_Said]:
    for alarm in incident.alarm_list:
        if alarm.at is not None and alarm.state == SignalState.RAISED:
            yield alarm.source, alarm.hazard, round(alarm.at.timestamp(), 3)


def _raised(evidence: Evidence) -> Iterator[tuple[_Said, Alarms]]:
    """What devices asserted under a name of its own, as the platform must know it."""
    for cause in evidence.causes:
        for deed in cause.deeds:
            if isinstance(deed, Alarms) and deed.event and deed.state is SignalState.RAISED:
                at = round(deed.at + evidence.clocks_off_s.get(deed.device, 0.0), 3)
                yield (deed.device, deed.hazard.value, at), deed


def _twins(incidents: Sequence[WholeIncident]) -> Iterator[Double]:
    """Two incidents of one thing that were unresolved at once."""
    by_subject: dict[tuple[str | None, ...], list[WholeIncident]] = {}
    for incident in sorted(incidents, key=lambda one: (one.opened_at, one.id)):
        subject = {
            "resident": incident.resident,
            "household": incident.household,
            "device": incident.device,
            "organisation": incident.organisation,
        }.get(incident.subject_kind, str(incident.id))
        by_subject.setdefault((incident.subject_kind, subject, incident.hazard), []).append(incident)
    for same in by_subject.values():
        for one, following in pairwise(same):
            if one.resolved_at is None or one.resolved_at > following.opened_at:
                yield Double(what=f"incident {one.id} was still unresolved", incident=following.id)
