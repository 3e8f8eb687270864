"""Instructions that organisations have written for their operators: every version kept, with who wrote it and when."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenInstruction:
    """One version. Without texts it says that the organisation has gone back to what it inherits."""

    hazard: str
    organisation: str
    organisation_name: str
    version: int
    zh: str | None
    en: str | None
    changed_at: datetime
    changed_by: str


async def in_force(connection: Connection, organisation_id: int) -> list[WrittenInstruction]:
    """For each hazard the newest words of the nearest organisation, itself or above, that has words of its own."""
    async with connection.cursor(row_factory=class_row(WrittenInstruction)) as cursor:
        await cursor.execute(queries("instructions").in_force, {"organisation_id": organisation_id})
        return await cursor.fetchall()


async def for_incident(connection: Connection, incident_id: int) -> WrittenInstruction | None:
    """The written words that count for an incident; None if nobody has written any."""
    async with connection.cursor(row_factory=class_row(WrittenInstruction)) as cursor:
        await cursor.execute(queries("instructions").for_incident, {"incident_id": incident_id})
        return await cursor.fetchone()


async def versions(connection: Connection, organisation_id: int) -> list[WrittenInstruction]:
    """Everything that an organisation itself has written, for all hazards, the newest first."""
    async with connection.cursor(row_factory=class_row(WrittenInstruction)) as cursor:
        await cursor.execute(queries("instructions").versions, {"organisation_id": organisation_id})
        return await cursor.fetchall()


async def write(
    connection: Connection,
    organisation_id: int,
    hazard: str,
    texts: tuple[str, str] | None,
    *,
    by: str,
    now: datetime,
) -> int:
    """Store a new version, Chinese and English, and return its number; None goes back to what is inherited."""
    zh, en = texts or (None, None)
    cursor = await connection.execute(
        queries("instructions").write,
        {"organisation_id": organisation_id, "hazard": hazard, "zh": zh, "en": en, "by": by, "now": now},
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
