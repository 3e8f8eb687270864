"""Who has which incident open at a console, over all console processes. In the caller's transaction; machine time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """A page with an incident, and the account before it."""

    page: UUID
    incident_id: int
    name: str


async def keep(connection: Connection, pages: Collection[OpenIncident], *, lasts_s: float) -> None:
    """Say that ``pages`` are open; it counts for ``lasts_s`` seconds."""
    parameters = {
        "pages": [one.page for one in pages],
        "incidents": [one.incident_id for one in pages],
        "names": [one.name for one in pages],
        "lasts_s": lasts_s,
    }
    await connection.execute(queries("presence").keep, parameters)


async def close(connection: Connection, pages: Collection[UUID]) -> None:
    """Say that ``pages`` are open no more."""
    await connection.execute(queries("presence").close, {"pages": list(pages)})


async def open_now(connection: Connection, *, lasts_s: float) -> Mapping[int, tuple[str, ...]]:
    """The accounts that have each incident open, by name."""
    cursor = await connection.execute(queries("presence").open, {"lasts_s": lasts_s})
    found: dict[int, tuple[str, ...]] = {}
    for incident, name in await cursor.fetchall():
        found[incident] = (*found.get(incident, ()), name)
    return found
