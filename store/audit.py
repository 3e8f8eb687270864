"""The audit trail: who saw or changed what. Append-only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from domain.permissions import Actor
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody saw or did. ``noun_id`` is the code that the noun is known by."""

    id: int
    at: datetime
    actor: str
    action: str
    noun: str
    noun_id: str
    detail: Mapping[str, Any]


async def record(
    connection: Connection,
    actor: str,
    action: str,
    noun: str,
    ids: Collection[str],
    *,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry for each of ``ids``. ``actor`` is an :attr:`Actor.id`, or names a command of the platform.

    ``detail`` holds names of fields and figures, never personal text: the trail cannot be erased.
    """
    await connection.execute(
        queries("audit").record,
        {"at": now, "actor": actor, "action": action, "noun": noun, "ids": list(ids), "detail": Jsonb(detail or {})},
    )


async def read_trail(
    connection: Connection,
    actor: Actor,
    *,
    noun: str | None = None,
    noun_id: str | None = None,
    by: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[AuditEntry]:
    """The newest entries first, of those who belong to the subtree of ``actor``."""
    cursor = await connection.execute(
        queries("audit").read,
        {
            "within": actor.organisation_id,
            "noun": noun,
            "noun_id": noun_id,
            "actor": by,
            "before": before,
            "limit": limit,
        },
        prepare=False,  # planned for the filters that are given
    )
    return [AuditEntry(*row) for row in await cursor.fetchall()]
