"""Response plans: every version is kept, because incidents point to the one they run by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from domain.plan import Plan, write_plan
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class PlanInForce:
    """The plan by which incidents of one hazard run. ``organisation``: whose it is; None: everyone's."""

    hazard: str
    organisation: str | None
    version: int
    created_at: datetime
    plan: dict[str, Any]


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


async def plans_in_force(connection: Connection, organisation_id: int) -> list[PlanInForce]:
    """The plans by which an organisation's incidents run, one for each hazard that has any."""
    cursor = await connection.execute(queries("plans").in_force, {"organisation_id": organisation_id})
    return [PlanInForce(*row) for row in await cursor.fetchall()]
