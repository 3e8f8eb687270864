"""From a signal to the alarm that is stored: whom it concerns, and what makes it the same event when it comes again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from devices.model import Hazard, Signal, SignalState
from domain.incident import SubjectKind, subject_of
from domain.people import Mode
from ingest.packing import digest_of
from store.alarms import Alarm
from store.devices import Device

REPEAT_WITHIN: Final = timedelta(seconds=60)
"""Without an event id, a message marked as a repeat is one if the same words came this lately. Source: DESIGN 6."""
_EVER: Final = timedelta(days=36_500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A message as far as its alarms are concerned."""

    name: str
    device: Device | None
    now: datetime
    mark: str
    """Different for every message: the identity of events that have none of their own."""
    payload: bytes
    dup: bool
    retained: bool
    faults: tuple[str, ...]


def alarm_of(spoken: Spoken, signal: Signal, place: int) -> Alarm:
    """The alarm that ``signal``, the ``place``-th of its message, is. Its device is bound, or the hazard technical."""
    device = spoken.device
    assert device is not None
    kind = subject_of(signal.hazard, device.kind, has_resident=device.resident_id is not None)
    subject = {SubjectKind.RESIDENT: device.resident_id, SubjectKind.HOUSEHOLD: device.household_id}.get(kind)
    return _alarm(
        spoken,
        signal,
        identity=_identity(spoken, signal, place),
        hazard=signal.hazard,
        state=signal.state,
        mode=device.mode,
        subject_kind=kind,
        subject_id=str(device.key if kind is SubjectKind.DEVICE else subject),
        organisation_id=device.organisation_id,
        household_id=device.household_id,
        resident_id=device.resident_id,
        republished=signal.republished,
        reason=signal.hazard.value,
    )


def unclear_alarm(spoken: Spoken, signal: Signal | None, reason: str, organisation_id: int) -> Alarm:
    """The alarm for the duty desk that ``organisation_id`` has: somebody may be calling, and we cannot tell who.

    ``signal`` is what was understood all the same, if anything; ``reason`` says why it is unclear.
    """
    return _alarm(
        spoken,
        signal,
        identity=_identity(spoken, signal, 0) if signal is not None else f"~{spoken.mark}",
        hazard=Hazard.UNCLEAR,
        state=SignalState.RAISED,
        mode=spoken.device.mode if spoken.device is not None else Mode.LIVE,
        subject_kind=SubjectKind.SOURCE,
        subject_id=spoken.name,
        organisation_id=organisation_id,
        household_id=spoken.device.household_id if spoken.device is not None else None,
        resident_id=spoken.device.resident_id if spoken.device is not None else None,
        reason=reason,
    )


def _identity(spoken: Spoken, signal: Signal, place: int) -> str:
    """Device, id, state and time make an event. Without an id every message is one. Source: DESIGN section 6."""
    if signal.id is None:
        return f"~{spoken.mark}-{place}"
    return f"{signal.id}|{signal.state}|{'-' if signal.at is None else repr(signal.at)}"


def _same_since(spoken: Spoken, signal: Signal | None) -> datetime | None:
    """Since when the same words are the same event, where nothing better tells.

    A retained message comes again with every new subscription, however old it is. Repeated *state* is judged by its
    changes alone: the second of two equal alarms may be the one that comes again.
    """
    if signal is not None and (signal.id is not None or signal.republished):
        return None
    if spoken.retained:
        return spoken.now - _EVER
    return spoken.now - REPEAT_WITHIN if spoken.dup else None


def _alarm(spoken: Spoken, signal: Signal | None, **fields: Any) -> Alarm:
    stated = {} if signal is None else {"hazard": signal.hazard.value, "state": signal.state.value}
    at = signal.at if signal is not None else None
    detail = {"device_id": spoken.name, **stated, "at": at, "faults": list(spoken.faults)}
    return Alarm(
        source=spoken.name,
        device_key=spoken.device.key if spoken.device is not None else None,
        event_id=signal.id if signal is not None else None,
        at=at,
        received_at=spoken.now,
        digest=digest_of(spoken.payload),
        payload=spoken.payload,
        faults=[fault.replace("\0", " ") for fault in spoken.faults],
        same_since=_same_since(spoken, signal),
        detail=detail,
        **fields,
    )
