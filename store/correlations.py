"""What incidents of one home mean together, and what their devices keep saying."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from devices.model import Hazard, SignalState
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeIncident:
    """An unresolved incident of a home; ``opened_at`` in epoch seconds."""

    household_id: int
    organisation_id: int
    id: int
    hazard: Hazard
    severity: int
    opened_at: float


async def candidates(connection: Connection, hazards: Collection[Hazard]) -> list[HomeIncident]:
    """All unresolved incidents of homes in which one of ``hazards`` might become graver."""
    cursor = await connection.execute(queries("correlations").candidates, {"hazards": [one.value for one in hazards]})
    return [
        HomeIncident(
            household_id=row[0],
            organisation_id=row[1],
            id=row[2],
            hazard=Hazard(row[3]),
            severity=row[4],
            opened_at=row[5],
        )
        for row in await cursor.fetchall()
    ]


async def last_signs(connection: Connection, households: Collection[int], *, now: datetime) -> dict[int, float]:
    """When somebody last moved, by household (epoch seconds; 0: not in the last day); none where no sensor can tell."""
    parameters = {"households": list(households), "now": now}
    cursor = await connection.execute(queries("correlations").last_signs, parameters)
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def make_graver(connection: Connection, incident: int, severity: int) -> bool:
    """Raise an incident's severity; False if it is that grave already, or over."""
    parameters = {"id": incident, "severity": severity}
    return await (await connection.execute(queries("correlations").make_graver, parameters)).fetchone() is not None


async def signals(
    connection: Connection, incidents: Collection[int], *, since: datetime
) -> dict[int, list[tuple[SignalState, float]]]:
    """What the devices of incidents have said of their hazard since then, oldest first: state and time, by incident."""
    cursor = await connection.execute(queries("correlations").signals, {"ids": list(incidents), "since": since})
    found: dict[int, list[tuple[SignalState, float]]] = {}
    for row in await cursor.fetchall():
        found.setdefault(row[0], []).append((SignalState(row[1]), row[2]))
    return found


async def told(connection: Connection, incident: int, reason: str, *, since: datetime) -> bool:
    """True if the timeline has said since then that the incident is held for this reason."""
    parameters = {"id": incident, "reason": reason, "since": since}
    row = await (await connection.execute(queries("correlations").told, parameters)).fetchone()
    return row is not None and bool(row[0])
