"""The timeline of an incident: append-only, each entry with its reason. Personal text does not belong here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. ``detail`` holds ids and figures only."""

    id: int
    at: datetime
    kind: str
    reason: str
    actor: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry about to be written."""

    incident_id: int
    kind: str
    reason: str
    actor: str = "system"
    detail: Mapping[str, Any]


async def append(
    connection: Connection,
    incident_id: int,
    at: datetime,
    kind: str,
    reason: str,
    *,
    actor: str = "system",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry in the caller's transaction."""
    await connection.execute(
        queries("timeline").append,
        {
            "incident_id": incident_id,
            "at": at,
            "kind": kind,
            "reason": reason,
            "actor": actor,
            "detail": Jsonb(dict(detail or {})),
        },
    )


async def append_many(connection: Connection, at: datetime, entries: Sequence[NewEntry]) -> None:
    """Write several entries, in their order, with one statement."""
    if not entries:
        return
    rows = [
        {
            "incident_id": entry.incident_id,
            "kind": entry.kind,
            "reason": entry.reason,
            "actor": entry.actor,
            "detail": dict(entry.detail),
        }
        for entry in entries
    ]
    await connection.execute(queries("timeline").append_many, {"at": at, "rows": Jsonb(rows)})


async def entries(connection: Connection, incident_id: int) -> list[Entry]:
    """The whole timeline of an incident, oldest first."""
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(queries("timeline").entries, {"incident_id": incident_id})
        return await cursor.fetchall()


async def newest(connection: Connection, incident_id: int) -> int | None:
    """The number of the newest entry on an incident's timeline: another one after each entry."""
    row = await (await connection.execute(queries("timeline").newest, {"incident_id": incident_id})).fetchone()
    assert row is not None
    return None if row[0] is None else int(row[0])
