"""What ends an incident by itself: several at once, in the caller's transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from devices.model import Hazard
from domain.incident import IncidentId, IncidentState
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class Met:
    """A locked incident."""

    id: IncidentId
    state: IncidentState
    severity: int
    hazard: Hazard


async def lock(connection: Connection, incidents: Collection[int]) -> list[Met]:
    """Lock these incidents for the rest of the transaction."""
    rows = await (await connection.execute(queries("recovery").lock, {"ids": list(incidents)})).fetchall()
    return [Met(IncidentId(row[0]), IncidentState(row[1]), row[2], Hazard(row[3])) for row in rows]


async def resolve(connection: Connection, incidents: Collection[int], *, now: datetime) -> dict[int, int]:
    """End these incidents as ``recovered``; returns how many messages of each were taken back."""
    parameters = {"ids": list(incidents), "now": now}
    cancelled: dict[int, int] = dict.fromkeys(incidents, 0)
    for row in await (await connection.execute(queries("recovery").cancel, parameters)).fetchall():
        cancelled[row[0]] += 1
    await connection.execute(queries("recovery").resolve, parameters)
    await connection.execute(queries("recovery").promise_receipts, parameters)
    return cancelled


async def cancel(connection: Connection, incidents: Collection[int]) -> None:
    """Take back what has not gone out yet about these incidents."""
    await connection.execute(queries("recovery").cancel, {"ids": list(incidents)})
