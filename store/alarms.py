"""Alarms: from what a device asserted to an incident somebody must answer, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from devices.model import Hazard, SignalState
from domain.incident import SEVERITY, IncidentId, SubjectKind
from domain.people import Mode
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One signal as it is to be stored, and whom it concerns."""

    source: str
    """The device id; the topic, where nobody knows the device."""
    identity: str
    """With the source: the same event, however often it comes."""
    hazard: Hazard
    state: SignalState
    mode: Mode
    received_at: datetime
    digest: int
    payload: bytes
    subject_kind: SubjectKind
    subject_id: str
    organisation_id: int
    reason: str
    """Short word for the timeline."""
    device_key: int | None = None
    event_id: str | None = None
    at: float | None = None  # epoch seconds, by the device's clock
    faults: Sequence[str] = ()
    household_id: int | None = None
    resident_id: int | None = None
    same_since: datetime | None = None
    """Without an event id, where a repeat is likely: the same payload stored since then is this very event."""
    republished: bool = False
    """Only a change against the committed state of the device's hazard is an event."""
    detail: Mapping[str, Any]
    """Ids and figures for the timeline."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What a transaction with several alarms sorts them by, so that two of them never wait for one another."""
        return (self.mode, self.subject_kind, self.subject_id, self.hazard, self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What became of an alarm. ``alarm_id`` is None where a republished state had not changed."""

    alarm_id: int | None
    fresh: bool
    incident_id: IncidentId | None
    opened: bool


def send(connection: psycopg.Connection[TupleRow], alarm: Alarm) -> psycopg.Cursor[TupleRow]:
    """Store ``alarm`` in the running transaction; :func:`outcome` reads from the cursor what became of it.

    Several go in one pipeline, in the order of :attr:`Alarm.key`. PostgreSQL's errors come as they are; after one the
    transaction is void.
    """
    return connection.execute(queries("alarms").commit, parameters(alarm), prepare=True)


def outcome(cursor: psycopg.Cursor[TupleRow]) -> Committed:
    """What became of the alarm that was sent through ``cursor``."""
    row = cursor.fetchone()
    assert row is not None, "the statement returns one row, always"
    return Committed(alarm_id=row[0], fresh=row[1], incident_id=row[2], opened=row[3])


def parameters(alarm: Alarm) -> dict[str, Any]:
    """The parameters of the statement ``alarms.commit``."""
    return {
        "source": alarm.source,
        "identity": alarm.identity,
        "device_key": alarm.device_key,
        "event_id": alarm.event_id,
        "hazard": alarm.hazard.value,
        "state": alarm.state.value,
        "mode": alarm.mode.value,
        "at": alarm.at,
        "now": alarm.received_at,
        "digest": alarm.digest,
        "payload": alarm.payload,
        "faults": list(alarm.faults),
        "subject_kind": alarm.subject_kind.value,
        "subject_id": alarm.subject_id,
        "severity": SEVERITY[alarm.hazard],
        "organisation_id": alarm.organisation_id,
        "household_id": alarm.household_id,
        "resident_id": alarm.resident_id,
        "same_since": alarm.same_since,
        "republished": alarm.republished,
        "reason": alarm.reason,
        "detail": Jsonb(dict(alarm.detail)),
    }
