"""How the platform is, and what it could not understand, within the subtree of who looks."""

from dataclasses import dataclass
from datetime import datetime

from domain.permissions import Actor
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message that could not be understood; ``times`` it came, byte for byte the same."""

    id: int
    reason: str
    topic: str
    device: str | None
    cell: str | None
    detail: str
    size_bytes: int
    first_at: datetime
    last_at: datetime
    times: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of ingest, by its canary: published to the broker, and committed by the lane."""

    lane: str
    published_at: datetime
    committed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """How a subtree is. ``overdue_since``: the oldest step of an incident that nobody has taken yet."""

    incidents: dict[str, int]
    overdue_since: datetime | None
    waiting_notifications: int
    devices: int
    silent_devices: int


async def quarantined(
    connection: Connection, actor: Actor, *, reason: str | None, before: int | None, limit: int
) -> list[Quarantined]:
    """What could not be understood, the newest first."""
    cursor = await connection.execute(
        queries("platform_views").quarantine,
        {"within": actor.organisation_id, "reason": reason, "before": before, "limit": limit},
        prepare=False,  # planned for the filters that are given
    )
    return [Quarantined(*row) for row in await cursor.fetchall()]


async def lanes(connection: Connection) -> list[Lane]:
    """The lanes of ingest."""
    return [Lane(*row) for row in await (await connection.execute(queries("platform_views").lanes)).fetchall()]


async def overview(connection: Connection, actor: Actor, *, now: datetime) -> Overview:
    """How the actor's subtree is."""
    cursor = await connection.execute(queries("platform_views").overview, {"within": actor.organisation_id, "now": now})
    row = await cursor.fetchone()
    assert row is not None
    return Overview(*row)
