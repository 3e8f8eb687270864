"""What an incident is, how grave it is, and how it may move."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, NewType

from devices.model import DeviceKind, Hazard

IncidentId = NewType("IncidentId", int)


class IncidentState(StrEnum):
    """Never "active": open until someone accepts, acknowledged until she is there, then on scene, then resolved."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ON_SCENE = "on_scene"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """How it ended."""

    EMERGENCY = "emergency"
    ASSISTANCE = "assistance"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    TECHNICAL = "technical"
    CANNOT_CONFIRM = "cannot_confirm"
    RECOVERED = "recovered"  # by the system, with evidence, and only for severity 5


class SubjectKind(StrEnum):
    """Whom or what an incident is about: one unresolved incident per (mode, subject, hazard)."""

    RESIDENT = "resident"
    HOUSEHOLD = "household"
    DEVICE = "device"
    ORGANISATION = "organisation"
    SOURCE = "source"  # a topic whose device nobody knows, or a part of the platform


SEVERITY: Final[dict[Hazard, int]] = {
    Hazard.SMOKE: 1,
    Hazard.HEAT: 1,
    Hazard.GAS: 1,
    Hazard.CO: 1,
    Hazard.NOBODY_REACHED: 1,
    Hazard.SOS: 2,
    Hazard.FALL: 2,
    Hazard.UNCLEAR: 2,
    Hazard.INACTIVITY: 3,
    Hazard.WANDER: 3,
    Hazard.VITALS: 3,
    Hazard.WATER: 4,
    Hazard.TAMPER: 4,
    Hazard.INTRUSION: 4,
    Hazard.PLATFORM: 4,
    Hazard.DEVICE_OFFLINE: 5,
    Hazard.LOW_BATTERY: 5,
    Hazard.AREA_OUTAGE: 5,
}
"""1 is gravest. Source: DESIGN section 7."""

LOW_SEVERITY: Final = 4  # from here on nobody is in danger: rounds back off, nothing is raised by meeting others

TECHNICAL_HAZARDS: Final = frozenset({Hazard.DEVICE_OFFLINE, Hazard.LOW_BATTERY})


def subject_of(hazard: Hazard, kind: DeviceKind, *, has_resident: bool) -> SubjectKind:
    """Whom a device's alarm concerns: the resident for worn devices, the household for fixed ones, the device itself
    for technical matters. A worn device that is bound to a home but to nobody in it concerns the household.
    """
    if hazard in TECHNICAL_HAZARDS:
        return SubjectKind.DEVICE
    if kind.worn and has_resident:
        return SubjectKind.RESIDENT
    return SubjectKind.HOUSEHOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an incident may stay in a state before the engine acts again. Source: DESIGN section 7."""

    arrive_within: timedelta = timedelta(minutes=30)  # acknowledged, nobody on scene: open again
    remind_on_scene_after: timedelta = timedelta(hours=2)
    reopen_after_reminder: timedelta = timedelta(minutes=30)
    reask_for: timedelta = timedelta(seconds=60)  # a new event: those who accepted are asked first, then everyone
    taken_for: timedelta = timedelta(minutes=3)  # an operator's "taken" pauses the calls no longer than this
    shortest_round: timedelta = timedelta(seconds=60)
    longest_back_off: timedelta = timedelta(days=1)  # between rounds of severities 4 and 5


PATIENCE: Final = Patience()


class Refused(StrEnum):
    """Why an answer did not move an incident; each is told to the person who gave it."""

    ALREADY_RESOLVED = "already_resolved"
    ALREADY_GIVEN = "already_given"
    NOT_ACCEPTED = "not_accepted"
    OUTCOME_NEEDED = "outcome_needed"
    ONLY_THE_SYSTEM = "only_the_system"


_AFTER_ACCEPTANCE: Final = {
    IncidentState.OPEN: IncidentState.ACKNOWLEDGED,
    IncidentState.ACKNOWLEDGED: IncidentState.ACKNOWLEDGED,
    IncidentState.ON_SCENE: IncidentState.ON_SCENE,
}


def after_acceptance(state: IncidentState, *, accepted: int, needed: int) -> IncidentState | Refused:
    """The state once ``accepted`` people (this one among them) of ``needed`` have accepted."""
    if state is IncidentState.RESOLVED:
        return Refused.ALREADY_RESOLVED
    if state is IncidentState.OPEN and accepted < needed:
        return IncidentState.OPEN
    return _AFTER_ACCEPTANCE[state]


def after_arrival(state: IncidentState) -> IncidentState | Refused:
    """The state once somebody says that they are there; arriving is also accepting."""
    return Refused.ALREADY_RESOLVED if state is IncidentState.RESOLVED else IncidentState.ON_SCENE


def after_closing(state: IncidentState, *, outcome: Outcome, severity: int, by_person: bool) -> IncidentState | Refused:
    """The state once somebody says how it ended. No silent end: the system itself may close severity 5 only, and only
    as ``recovered``; a person never closes as ``recovered``.
    """
    if state is IncidentState.RESOLVED:
        return Refused.ALREADY_RESOLVED
    recovered = outcome is Outcome.RECOVERED
    if by_person == recovered or (not by_person and severity != max(SEVERITY.values())):
        return Refused.ONLY_THE_SYSTEM if by_person else Refused.OUTCOME_NEEDED
    return IncidentState.RESOLVED


def severity_together(own: Hazard, others: Iterable[Hazard]) -> int:
    """The severity of an incident while ``others`` of the same home are unresolved: two hazards to people at once raise
    it by one, and it is judged no less grave than the gravest beside it. Matters of severity 4 and 5 raise nothing.
    """
    grave = [SEVERITY[other] for other in others if SEVERITY[other] < LOW_SEVERITY]
    severity = SEVERITY[own]
    if severity >= LOW_SEVERITY or not grave:
        return severity
    return min(max(severity - 1, 1), *grave)
