"""Areas: which devices fell silent together, and which incident speaks for them. In the caller's transaction."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.area import Silent
from domain.incident import IncidentId
from domain.people import DeviceKey, Mode, OrganisationId
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class OpenArea:
    """An unresolved area incident and the organisation it speaks for."""

    incident_id: IncidentId
    mode: Mode
    organisation_id: OrganisationId


async def silent_lately(connection: Connection, *, since: datetime) -> list[Silent]:
    """Devices judged silent since then, for which no incident has ever spoken in this silence."""
    rows = await (await connection.execute(queries("areas").silent_lately, {"since": since})).fetchall()
    return [
        Silent(
            device_key=DeviceKey(row[0]),
            incident_id=IncidentId(row[1]),
            mode=Mode(row[2]),
            household_id=row[3],
            path=tuple(row[4]),
        )
        for row in rows
    ]


async def behind_gateways(connection: Connection, device_keys: Collection[int]) -> dict[DeviceKey, IncidentId]:
    """For each of these devices whose gateway is silent, the gateway's open incident."""
    parameters = {"device_keys": list(device_keys)}
    rows = await (await connection.execute(queries("areas").behind_gateways, parameters)).fetchall()
    return {DeviceKey(row[0]): IncidentId(row[1]) for row in rows}


async def open_areas(connection: Connection) -> list[OpenArea]:
    """The area incidents that are not over."""
    rows = await (await connection.execute(queries("areas").open)).fetchall()
    return [OpenArea(IncidentId(row[0]), Mode(row[1]), OrganisationId(row[2])) for row in rows]


async def watched(connection: Connection) -> Counter[tuple[Mode, OrganisationId]]:
    """How many devices are watched in each organisation and all below it, by mode."""
    below: Counter[tuple[Mode, OrganisationId]] = Counter()
    for mode, path, count in await (await connection.execute(queries("areas").watched)).fetchall():
        for organisation in path:
            below[Mode(mode), organisation] += count
    return below


async def hold(connection: Connection, area: IncidentId, device_keys: Collection[int]) -> list[IncidentId]:
    """Let ``area`` speak for these devices, as far as they are still silent; returns their incidents."""
    parameters = {"area_id": area, "device_keys": sorted(device_keys)}
    rows = await (await connection.execute(queries("areas").hold_watches, parameters)).fetchall()
    parameters["device_keys"] = [row[0] for row in rows]
    rows = await (await connection.execute(queries("areas").hold_incidents, parameters)).fetchall()
    return [IncidentId(row[0]) for row in rows]


async def standing(connection: Connection) -> list[tuple[IncidentId, int, int]]:
    """Of each area incident that is not over: for how many devices it has spoken, and how many are silent no more."""
    rows = await (await connection.execute(queries("areas").standing)).fetchall()
    return [(IncidentId(row[0]), row[1], row[2]) for row in rows]


async def release(connection: Connection, *, now: datetime, limit: int) -> list[tuple[IncidentId, IncidentId]]:
    """Give back their voice to up to ``limit`` silent devices whose area is resolved: their own plans start now.
    Returns each incident with the one that spoke for it.
    """
    rows = await (await connection.execute(queries("areas").release_watches, {"limit": limit})).fetchall()
    parameters: dict[str, Sequence[int] | datetime] = {
        "device_keys": [row[0] for row in rows],
        "area_ids": [row[1] for row in rows],
        "now": now,
    }
    rows = await (await connection.execute(queries("areas").release_incidents, parameters)).fetchall()
    return [(IncidentId(row[0]), IncidentId(row[1])) for row in rows]
