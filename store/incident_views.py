"""Incidents as people and programs look at them, within the subtree of who looks.

No actor is for the platform's own commands, which serve whoever owns the machine: they see everything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.permissions import Actor
from store.pool import Connection
from store.queries import queries

_LITERAL: Final = str.maketrans({sign: f"\\{sign}" for sign in "%_\\"})


@dataclass(frozen=True, slots=True)
class IncidentView:
    """One incident; people, homes, organisations and devices by their codes."""

    id: int
    number: int
    mode: str
    hazard: str
    severity: int
    state: str
    subject_kind: str
    organisation: str
    level: str
    household: str | None
    community: str | None
    resident: str | None
    device: str | None
    opened_at: datetime
    acknowledged_at: datetime | None
    on_scene_at: datetime | None
    resolved_at: datetime | None
    outcome: str | None
    resolved_by: str | None
    round: int
    step: int
    alarms: int
    last_alarm_at: datetime
    taken_by: str | None
    taken_until: datetime | None
    next_step_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotificationView:
    """One attempt to reach one person; to which number is not said."""

    id: int
    responder: str | None
    channel: str
    purpose: str
    circle: str
    round: int
    step: int
    state: str
    failure: str | None
    answer: str | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParticipationView:
    """What one person has said about an incident."""

    responder: str
    name: str
    accepted_at: datetime | None
    declined_at: datetime | None
    arrived_at: datetime | None
    by: str
    via: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note; ``body`` is None once it has been erased."""

    id: int
    at: datetime
    author: str
    body: str | None


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One alarm of an incident; ``at`` is by the device's clock."""

    id: int
    source: str
    hazard: str
    state: str
    at: datetime | None
    received_at: datetime
    repeats: int
    faults: list[str]


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a timeline with what the incident is now. ``visible``: it lies within the subtree."""

    id: int
    visible: bool
    incident_id: int
    number: int
    hazard: str
    severity: int
    state: str
    mode: str
    organisation: str
    at: datetime
    kind: str
    reason: str
    actor: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFilter:
    """Which incidents are asked for; None asks for all. ``severity``: so grave or graver. ``number``: the short one.
    ``about``: part of a name, code or address of the resident or the home; ``responder``: part of the name or code of
    somebody who was asked or said something.
    """

    states: Sequence[str] | None = None
    hazards: Sequence[str] | None = None
    severity: int | None = None
    mode: str | None = None
    household: str | None = None
    organisation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    number: int | None = None
    about: str | None = None
    responder: str | None = None


async def list_incidents(
    connection: Connection,
    actor: Actor | None,
    wanted: IncidentFilter,
    *,
    number: int | None = None,
    before: int | None = None,
    limit: int = 1,
) -> list[IncidentView]:
    """The incidents of the actor's subtree, the newest first; or only the one of row ``number``."""
    cursor = await connection.execute(
        queries("incident_views").list,
        {
            "within": None if actor is None else actor.organisation_id,
            "id": number,
            "before": before,
            "limit": limit,
            "states": wanted.states,
            "hazards": wanted.hazards,
            "severity": wanted.severity,
            "mode": wanted.mode,
            "household": wanted.household,
            "organisation": wanted.organisation,
            "since": wanted.since,
            "until": wanted.until,
            "outcome": wanted.outcome,
            "number": wanted.number,
            "about": _containing(wanted.about),
            "responder": _containing(wanted.responder),
        },
        prepare=False,  # planned for the filters that are given
    )
    return [IncidentView(*row) for row in await cursor.fetchall()]


def _containing(text: str | None) -> str | None:
    """The pattern of what holds ``text``; its own signs of a pattern are letters like others."""
    return None if text is None else f"%{text.translate(_LITERAL)}%"


async def one_incident(connection: Connection, actor: Actor | None, number: int) -> IncidentView | None:
    """The incident of this row; None if there is none that the actor may see."""
    found = await list_incidents(connection, actor, IncidentFilter(), number=number)
    return found[0] if found else None


async def notifications(connection: Connection, incident: IncidentView) -> list[NotificationView]:
    """Whom an incident was told to, in order."""
    cursor = await connection.execute(queries("incident_views").notifications, {"id": incident.id})
    return [NotificationView(*row) for row in await cursor.fetchall()]


async def participations(connection: Connection, incident: IncidentView) -> list[ParticipationView]:
    """Who goes, does not go, or is there."""
    cursor = await connection.execute(queries("incident_views").participations, {"id": incident.id})
    return [ParticipationView(*row) for row in await cursor.fetchall()]


async def responders(connection: Connection, incident: IncidentView) -> dict[int, str]:
    """The names of those who were asked, or said something, by row id."""
    cursor = await connection.execute(queries("incident_views").responders, {"id": incident.id})
    return dict(await cursor.fetchall())


async def notes(connection: Connection, incident: IncidentView) -> list[NoteView]:
    """What people wrote about an incident."""
    cursor = await connection.execute(queries("incident_views").notes, {"id": incident.id})
    return [NoteView(*row) for row in await cursor.fetchall()]


async def alarms(connection: Connection, incident: IncidentView) -> list[AlarmView]:
    """The alarms that belong to an incident."""
    cursor = await connection.execute(queries("incident_views").alarms, {"id": incident.id})
    return [AlarmView(*row) for row in await cursor.fetchall()]


async def newest_event(connection: Connection) -> int:
    """The highest number that the timeline has given out."""
    row = await (await connection.execute(queries("incident_views").newest_event)).fetchone()
    assert row is not None
    return int(row[0])


async def events(
    connection: Connection, actor: Actor, *, after: int, missing: Collection[int] = (), limit: int
) -> list[Event]:
    """Entries of all timelines with a number above ``after`` or among ``missing``, in the order of numbers."""
    cursor = await connection.execute(
        queries("incident_views").events,
        {"within": actor.organisation_id, "after": after, "missing": list(missing), "limit": limit},
    )
    return [Event(*row) for row in await cursor.fetchall()]
