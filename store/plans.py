"""Response plans: every version is kept, because incidents point to the one they run by."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from domain.plan import Plan, write_plan
from store.pool import Connection
from store.queries import queries


async def add_defaults(connection: Connection, plans: Sequence[Plan], *, now: datetime) -> None:
    """Store the plans everyone starts with; those that are there stay as they are."""
    await connection.execute(
        queries("plans").add_defaults, {"plans": Jsonb([write_plan(plan) for plan in plans]), "now": now}
    )


async def add_plan(
    connection: Connection, organisation_id: int | None, plan: Plan, *, now: datetime
) -> tuple[int, int]:
    """Store a new version of an organisation's plan (None: of everyone's) and return its row id and version.

    Incidents whose round is running keep the version they began with; the next round runs by this one.
    """
    cursor = await connection.execute(
        queries("plans").add,
        {"organisation_id": organisation_id, "hazard": plan.hazard.value, "plan": Jsonb(write_plan(plan)), "now": now},
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
