"""Incidents as the engine sees them: what is due, everything a decision needs, and the writing of it."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from devices.model import Hazard
from domain.case import Ask, Contact, Decision, NewAsk, Part, Person, Standing
from domain.incident import SEVERITY, IncidentId, IncidentState, SubjectKind
from domain.notification import AnswerKind, Failure, NotificationState, Purpose
from domain.people import ChannelName, Circle, ContactId, Language, Mode, OrganisationId, ResponderId
from domain.plan import Plan, read_plan
from store.pool import Connection
from store.queries import queries
from store.timeline import NewEntry, append_many


@dataclass(frozen=True, slots=True, kw_only=True)
class DueIncident:
    """An incident that the engine has locked: its identity, and where it stands."""

    id: IncidentId
    mode: Mode
    hazard: Hazard
    organisation_id: OrganisationId
    household_id: int | None
    resident_id: int | None
    plan_id: int | None
    area_id: int | None
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A member of a circle. ``depth`` 0 is the home itself or the organisation that handles the incident."""

    circle: Circle
    depth: int
    organisation_id: OrganisationId | None
    person: Person


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What else decides about an incident.

    ``asks`` are the notifications of the running round; ``parts`` is what people have said; ``candidates`` are the
    members of every circle that may be asked, nearest and first-ranked first; ``accepted`` those who have, and have not
    withdrawn; the ``resident`` is asked whether she is well.
    """

    plan_id: int | None
    plan: Plan | None
    parent_id: OrganisationId | None
    hazards_of_home: tuple[Hazard, ...]
    held: bool
    asks: list[Ask] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    accepted: list[Person] = field(default_factory=list)
    resident: Person | None = None


async def lock_due(connection: Connection, *, now: datetime, limit: int) -> list[DueIncident]:
    """Lock and return up to ``limit`` incidents whose next step is due; others' locks are skipped."""
    cursor = await connection.execute(queries("incidents").due, {"now": now, "limit": limit})
    return [_due(row) for row in await cursor.fetchall()]


def _due(row: Sequence[Any]) -> DueIncident:
    identity, standing = row[:8], row[8:]
    return DueIncident(
        id=IncidentId(identity[0]),
        mode=Mode(identity[1]),
        hazard=Hazard(identity[2]),
        organisation_id=OrganisationId(identity[3]),
        household_id=identity[4],
        resident_id=identity[5],
        plan_id=identity[6],
        area_id=identity[7],
        standing=Standing(
            state=IncidentState(standing[0]),
            severity=standing[1],
            level_id=OrganisationId(standing[2]),
            round=standing[3],
            round_started_at=standing[4],
            step=standing[5],
            step_started_at=standing[6],
            acknowledged_at=standing[7],
            on_scene_at=standing[8],
            reminded_at=standing[9],
            taken_until=standing[10],
            reasserted_at=standing[11],
            reask_until=standing[12],
            next_step_at=standing[13],
            hurried_at=standing[14],
        ),
    )


async def next_due(connection: Connection) -> datetime | None:
    """When the next step of any unresolved incident is due."""
    row = await (await connection.execute(queries("incidents").next_due)).fetchone()
    return row[0] if row is not None else None


async def surroundings(connection: Connection, ids: Sequence[int]) -> dict[int, Surroundings]:
    """What else decides about incidents, by their ids. In a pipeline all of it is asked for at once."""
    ask_for = queries("incidents")
    statements = (
        ask_for.surroundings, ask_for.asks, ask_for.parts, ask_for.people, ask_for.participants, ask_for.residents,
    )  # fmt: skip
    sent = [await connection.execute(one, {"ids": list(ids)}) for one in statements]
    around, asks, parts, people, participants, residents = [await one.fetchall() for one in sent]
    found = {row[0]: _surroundings(row) for row in around}
    for row in asks:
        found[row[0]].asks.append(_ask(row))
    for row in parts:
        part = Part(responder_id=row[1], accepted_at=row[2], declined_at=row[3], arrived_at=row[4])
        found[row[0]].parts.append(part)
    for row in people:
        person = _person(*row[4:])
        found[row[0]].candidates.append(
            Candidate(circle=Circle(row[1]), depth=row[2], organisation_id=row[3], person=person)
        )
    for row in participants:
        found[row[0]].accepted.append(_person(*row[1:]))
    for row in residents:
        numbers = [(None, ChannelName.VOICE, number) for number in dict.fromkeys(row[2])]
        found[row[0]].resident = Person(responder_id=None, language=Language(row[1]), contacts=_contacts(numbers))
    return found


def _surroundings(row: Sequence[Any]) -> Surroundings:
    return Surroundings(
        plan_id=row[1],
        plan=read_plan(row[2]) if row[2] is not None else None,
        parent_id=row[3],
        hazards_of_home=tuple(Hazard(hazard) for hazard in row[4]),
        held=row[5],
    )


def _ask(row: Sequence[Any]) -> Ask:
    return Ask(
        responder_id=row[1],
        purpose=Purpose(row[2]),
        step=row[3],
        sequence=row[4],
        channel=ChannelName(row[5]),
        state=NotificationState(row[6]),
        failure=Failure(row[7]) if row[7] else None,
        answer=AnswerKind(row[8]) if row[8] else None,
        created_at=row[9],
        busy_with_us=row[10],
    )


def _person(responder_id: int, language: str, contacts: Sequence[Sequence[Any]]) -> Person:
    written = [(ContactId(id_), channel, address) for id_, channel, address in contacts if id_]
    return Person(responder_id=ResponderId(responder_id), language=Language(language), contacts=_contacts(written))


def _contacts(written: Sequence[tuple[ContactId | None, str, str]]) -> tuple[Contact, ...]:
    return tuple(Contact(id=id_, channel=ChannelName(channel), address=address) for id_, channel, address in written)


async def write(
    connection: Connection, decided: Sequence[tuple[DueIncident, int | None, Decision]], *, now: datetime
) -> int:
    """Write decisions (with the plan each ran by), their notifications and timeline. Returns how many were asked."""
    moves = [
        {"id": incident.id, "plan_id": plan_id, **_written(decision.standing)}
        for incident, plan_id, decision in decided
    ]
    await connection.execute(queries("incidents").move, {"rows": Jsonb(moves)})
    asked = [
        (incident.id, decision.standing.severity, one) for incident, _, decision in decided for one in decision.asks
    ]
    await ask(connection, asked, now=now)
    await append_many(
        connection,
        now,
        [
            NewEntry(incident_id=incident.id, kind=entry.kind, reason=entry.reason.value, detail=entry.detail)
            for incident, _, decision in decided
            for entry in decision.entries
        ],
    )
    return len(asked)


async def ask(connection: Connection, asked: Sequence[tuple[IncidentId, int, NewAsk]], *, now: datetime) -> None:
    """Create notifications (incident, severity, what is asked), due at once. Nothing else creates any."""
    rows = [
        {
            "incident_id": incident_id,
            "responder_id": one.person.responder_id,
            "contact_id": one.contact.id,
            "channel": one.contact.channel.value,
            "address": one.contact.address,
            "language": one.person.language.value,
            "purpose": one.purpose.value,
            "circle": one.circle,
            "round": one.round,
            "step": one.step,
            "severity": severity,
            "sequence": one.sequence,
            "token": secrets.token_urlsafe(16),
            "operator": one.bridge.operator if one.bridge else None,
            "connect_to": one.bridge.number if one.bridge else None,
            "connect_with": one.bridge.responder_id if one.bridge else None,
        }
        for incident_id, severity, one in asked
    ]
    if rows:
        await connection.execute(queries("incidents").ask, {"rows": Jsonb(rows), "now": now})


def _written(standing: Standing) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(standing).items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAlarm:
    """Something the platform itself finds wrong. ``identity`` makes finding it twice harmless."""

    source: str
    identity: str
    hazard: Hazard
    subject_kind: SubjectKind
    subject_id: str
    organisation_id: int
    reason: str
    mode: Mode = Mode.LIVE
    household_id: int | None = None
    resident_id: int | None = None
    device_key: int | None = None
    evidence: Mapping[str, Any]
    first_step_at: datetime | None = None
    """When the engine first looks at an incident that this opens; None: at once."""


async def raise_own(connection: Connection, alarm: OwnAlarm, *, now: datetime) -> tuple[IncidentId, bool] | None:
    """Raise an incident on the platform's own account: its id, and whether it was opened now. None for a repeat."""
    evidence = dict(alarm.evidence)
    cursor = await connection.execute(
        queries("incidents").raise_own,
        {
            "source": alarm.source,
            "identity": alarm.identity,
            "device_key": alarm.device_key,
            "hazard": alarm.hazard.value,
            "mode": alarm.mode.value,
            "payload": json.dumps(evidence).encode(),
            "subject_kind": alarm.subject_kind.value,
            "subject_id": alarm.subject_id,
            "severity": SEVERITY[alarm.hazard],
            "organisation_id": alarm.organisation_id,
            "household_id": alarm.household_id,
            "resident_id": alarm.resident_id,
            "reason": alarm.reason,
            "detail": Jsonb(evidence),
            "first_step_at": alarm.first_step_at or now,
            "now": now,
        },
    )
    row = await cursor.fetchone()
    return (IncidentId(row[0]), bool(row[1])) if row is not None else None
