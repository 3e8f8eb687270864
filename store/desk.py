"""What the duty desk looks at all the time: the queue, and how the platform keeps up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg.rows import class_row

from domain.permissions import Actor
from store.pool import Connection
from store.queries import queries

MOST_ROWS: Final = 5000
"""Unresolved incidents beyond this many, the mildest and youngest, are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An unresolved incident on the desk. ``path``: its organisation and all above it. ``residents``: (code, surname,
    sex or ''). ``reaching``: (name or '' for the resident, channel, state, state of the call or ''). ``going``: (name,
    whether there).
    """

    id: int
    number: int
    mode: str
    hazard: str
    severity: int
    state: str
    opened_at: datetime
    last_alarm_at: datetime
    alarms: int
    on_scene_at: datetime | None
    reminded_at: datetime | None
    round: int
    taken_by: str | None
    taken_until: datetime | None
    reask_until: datetime | None
    next_step_at: datetime
    organisation_id: int
    path: Sequence[int]
    organisation: str
    timezone: str
    level: str
    community: str | None
    held: bool
    residents: Sequence[Sequence[str]]
    reaching: Sequence[Sequence[str]]
    going: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """How engine and sender keep up: since when the oldest due step and the oldest due message wait; when a provider
    last took something, and whether it refuses what it is asked since.
    """

    engine_since: datetime | None
    waiting: int
    sender_since: datetime | None
    taken_at: datetime | None = None
    refused: bool = False


async def queue(connection: Connection) -> dict[int, str]:
    """Everything unresolved, everywhere, gravest and oldest first, each with a mark that is another one after anything
    was changed about it or written on its timeline.
    """
    cursor = await connection.execute(queries("desk").queue, {"most": MOST_ROWS})
    return dict(await cursor.fetchall())


async def waiting(connection: Connection, ids: Collection[int]) -> list[Waiting]:
    """Those of ``ids`` that are unresolved, in no order. Show nobody what lies outside his subtree."""
    async with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(queries("desk").waiting, {"ids": list(ids)})
        return await cursor.fetchall()


async def changed(connection: Connection) -> tuple[int | None, int]:
    """A mark that is another one after anything was written on any timeline."""
    row = await (await connection.execute(queries("desk").changed)).fetchone()
    assert row is not None
    return row[0], row[1]


async def platform(connection: Connection, *, now: datetime) -> Platform:
    """How engine and sender keep up."""
    async with connection.cursor(row_factory=class_row(Platform)) as cursor:
        await cursor.execute(queries("desk").platform, {"now": now})
        found = await cursor.fetchone()
    assert found is not None
    return found


async def lanes(connection: Connection) -> Mapping[str, datetime | None]:
    """When each lane last committed its canary."""
    cursor = await connection.execute(queries("desk").lanes)
    return {row[0]: row[1] for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who may be named as the one who goes. ``relation``: in the resident's words, or empty."""

    circle: str
    responder_id: int
    name: str
    relation: str
    organisation: str
    phone: str | None


async def within(connection: Connection, incident_id: int, actor: Actor) -> bool:
    """True if the incident lies in the subtree of ``actor``."""
    parameters = {"incident_id": incident_id, "within": actor.organisation_id}
    row = await (await connection.execute(queries("desk").within, parameters)).fetchone()
    return row is not None and bool(row[0])


async def circle(connection: Connection, incident_id: int) -> list[Member]:
    """Whom an operator may name for an incident, nearest first. Somebody in two circles comes twice."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(queries("desk").circle, {"incident_id": incident_id})
        return await cursor.fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A resident whom an incident is about."""

    code: str
    surname: str
    given_name: str
    sex: str | None
    born_on: date | None
    categories: Sequence[str]
    state: str
    state_until: datetime | None
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to reach somebody. ``name`` is empty for the resident; ``call``: how its live call stands."""

    name: str
    circle: str
    channel: str
    purpose: str
    round: int
    state: str
    failure: str | None
    answer: str | None
    call: str
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose an incident is, who handles it, and which device spoke first."""

    organisation: str
    level: str
    timezone: str
    device_id: str | None
    device_kind: str | None
    room: str | None


async def residents(connection: Connection, incident_id: int) -> list[Person]:
    """Whom an incident is about. Seeing them is a view of a person: record it."""
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(queries("desk").residents, {"incident_id": incident_id})
        return await cursor.fetchall()


async def attempts(connection: Connection, incident_id: int, *, most: int) -> list[Attempt]:
    """The newest attempts to reach somebody, newest first."""
    async with connection.cursor(row_factory=class_row(Attempt)) as cursor:
        await cursor.execute(queries("desk").attempts, {"incident_id": incident_id, "most": most})
        return await cursor.fetchall()


async def place(connection: Connection, incident_id: int) -> Place:
    """Whose an incident is. There must be one of this id."""
    async with connection.cursor(row_factory=class_row(Place)) as cursor:
        await cursor.execute(queries("desk").place, {"incident_id": incident_id})
        found = await cursor.fetchone()
    assert found is not None
    return found


async def organisations(connection: Connection, actor: Actor) -> list[tuple[str, str, int]]:
    """The organisations of the actor's subtree, each below its parent: (code, name, levels below the actor's own)."""
    cursor = await connection.execute(queries("desk").organisations, {"within": actor.organisation_id})
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]
