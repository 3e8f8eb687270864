"""What a responder's link shows, and to whom it belongs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from domain.consent import Recipient
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """The notification behind a link, its incident before acceptance, and what its receiver has said so far.

    ``residents`` are (code, surname, sex or ''); nobody where the matter concerns no home.
    """

    notification_id: int
    incident_id: int
    responder_id: int
    language: str
    responder: str
    responder_retired: bool
    number: int
    mode: str
    hazard: str
    severity: int
    state: str
    outcome: str | None
    opened_at: datetime
    last_alarm_at: datetime
    resolved_at: datetime | None
    alarms: int
    round_started_at: datetime | None
    reask_until: datetime | None
    organisation_id: int
    organisation: str
    timezone: str
    community: str | None
    accepted_at: datetime | None
    declined_at: datetime | None
    arrived_at: datetime | None
    residents: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where to go. ``names`` are (surname, given name)."""

    address: str
    access_notes: str
    phone: str | None
    lat: float | None
    lon: float | None
    names: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Where a resident was last, by what she wears."""

    surname: str
    lat: float
    lon: float
    accuracy_m: float | None
    at: datetime


async def find(connection: Connection, token: str) -> Linked | None:
    """What ``token`` leads to; None if it is nobody's, or the resident's own."""
    async with connection.cursor(row_factory=class_row(Linked)) as cursor:
        await cursor.execute(queries("links").find, {"token": token})
        return await cursor.fetchone()


async def home(connection: Connection, incident_id: int) -> Home | None:
    """Address and access notes of the incident's home; None if it concerns no home."""
    async with connection.cursor(row_factory=class_row(Home)) as cursor:
        await cursor.execute(queries("links").home, {"incident_id": incident_id})
        return await cursor.fetchone()


async def seen(connection: Connection, incident_id: int, recipient: Recipient, *, now: datetime) -> list[Seen]:
    """Where the residents of an incident were last: of those only who consent, at ``now``, that ``recipient`` knows."""
    async with connection.cursor(row_factory=class_row(Seen)) as cursor:
        await cursor.execute(
            queries("links").seen, {"incident_id": incident_id, "recipient": recipient.value, "now": now}
        )
        return await cursor.fetchall()


async def names(
    connection: Connection, *, responders: Collection[int], organisations: Collection[int]
) -> Mapping[tuple[str, int], str]:
    """The names of ``("responder", id)`` and ``("organisation", id)``; who is gone is left out."""
    cursor = await connection.execute(
        queries("links").called, {"responders": list(responders), "organisations": list(organisations)}
    )
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}
