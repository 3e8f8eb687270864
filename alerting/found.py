"""From a finding of a rule to the alarm that it raises: whom it concerns, and what the timeline says of it."""

import zlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

from alerting.rules.frame import Finding
from devices.model import DeviceKind
from domain.incident import SubjectKind, subject_of
from domain.people import Mode
from store.alarms import Alarm
from store.rule_states import NewFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """Whose matter a subject's findings are. ``device_key`` and ``kind`` are of the device that spoke, if one did."""

    mode: Mode
    organisation_id: int
    household_id: int | None
    resident_id: int | None
    device_key: int | None = None
    kind: DeviceKind | None = None


def recorded(finding: Finding, concerned: Concerned, *, trial: bool, now: datetime) -> NewFinding:
    """The finding with its alarm, as it is stored. On trial there is none."""
    return NewFinding(
        rule=finding.rule,
        subject=finding.subject,
        onset=finding.onset,
        state=finding.state.value,
        hazard=finding.hazard.value,
        found_at=finding.found_at,
        reason=finding.reason,
        evidence=finding.evidence,
        alarm=None if trial else _alarm(finding, concerned, now),
    )


def _alarm(finding: Finding, concerned: Concerned, now: datetime) -> Alarm:
    kind, subject_id = _subject(finding, concerned)
    payload = msgspec.json.encode(finding.evidence)
    digest = zlib.crc32(payload)
    return Alarm(
        source=f"rule:{finding.rule}",
        identity=f"{finding.subject}|{finding.onset!r}|{finding.state}",
        hazard=finding.hazard,
        state=finding.state,
        mode=concerned.mode,
        received_at=now,
        digest=digest - (1 << 32) if digest >= 1 << 31 else digest,
        payload=payload,
        subject_kind=kind,
        subject_id=subject_id,
        organisation_id=concerned.organisation_id,
        reason=finding.reason,
        device_key=concerned.device_key,
        at=finding.onset,
        household_id=concerned.household_id,
        resident_id=concerned.resident_id,
        detail={"rule": finding.rule, "onset": finding.onset, "found_at": finding.found_at, **finding.evidence},
    )


def _subject(finding: Finding, concerned: Concerned) -> tuple[SubjectKind, str]:
    """A rule about a home or a resident names its subject; one about a device concerns whom its alarm would."""
    noun, _, number = finding.subject.partition(":")
    if noun != SubjectKind.DEVICE:
        return SubjectKind(noun), number
    assert concerned.kind is not None
    kind = subject_of(finding.hazard, concerned.kind, has_resident=concerned.resident_id is not None)
    if kind is SubjectKind.RESIDENT:
        return kind, str(concerned.resident_id)
    if kind is SubjectKind.HOUSEHOLD and concerned.household_id is not None:
        return kind, str(concerned.household_id)
    return SubjectKind.DEVICE, number
