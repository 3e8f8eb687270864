"""What lies where, for maps: boundaries, homes and incidents of a subtree. Degrees are WGS-84.

A home is a place without a name here; who lives there is looked up one by one, and that is a view of a person.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.permissions import Actor
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of the earth between two parallels and two meridians; none reaches across 180°."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """An organisation's boundary. ``depth``: how deep in the tree, 1 is the top."""

    name: str
    depth: int
    boundary: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How many homes there are around a point."""

    homes: int
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePoint:
    """Where one home is."""

    id: int
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeThere:
    """A home by name. ``residents``: (code, surname, sex or '')."""

    code: str
    community: str
    address: str
    organisation: str
    residents: Sequence[Sequence[str]]


async def extent(connection: Connection, actor: Actor) -> Box | None:
    """The box around everything that the actor's subtree has on a map; None if that is nothing."""
    row = await (await connection.execute(queries("places").extent, {"within": actor.organisation_id})).fetchone()
    if row is None or row[0] is None:
        return None
    return Box(south=row[0], west=row[1], north=row[2], east=row[3])


async def boundaries(connection: Connection, actor: Actor, view: Box, *, most: int) -> tuple[list[Bounded], int]:
    """The boundaries that touch ``view``, ``most`` at most, the largest organisations first; and how many there are."""
    cursor = await connection.execute(queries("places").boundaries, {**_seen(actor, view), "most": most})
    rows = await cursor.fetchall()
    found = [Bounded(name=row[0], depth=row[1], boundary=row[2]) for row in rows]
    return found, rows[0][3] if rows else 0


async def cells(connection: Connection, actor: Actor, view: Box, *, step_deg: float) -> list[Cell]:
    """All homes in ``view``, gathered in cells that are ``step_deg`` of longitude wide, and square on a map."""
    step_lat = step_deg * math.cos(math.radians((view.south + view.north) / 2))
    steps = {"step_lon": step_deg, "step_lat": step_lat}
    # Never prepared: a box of the whole county and one of a street want different plans.
    cursor = await connection.execute(queries("places").cells, {**_seen(actor, view), **steps}, prepare=False)
    return [Cell(homes=row[0], lat=row[1], lon=row[2]) for row in await cursor.fetchall()]


async def homes(connection: Connection, actor: Actor, view: Box, *, most: int) -> list[HomePoint]:
    """The homes in ``view``, ``most`` at most."""
    cursor = await connection.execute(queries("places").homes, {**_seen(actor, view), "most": most}, prepare=False)
    return [HomePoint(id=row[0], lat=row[1], lon=row[2]) for row in await cursor.fetchall()]


async def homes_nowhere(connection: Connection, actor: Actor) -> int:
    """How many homes do not say where they are."""
    row = await (
        await connection.execute(queries("places").homes_nowhere, {"within": actor.organisation_id})
    ).fetchone()
    assert row is not None
    return int(row[0])


async def home(connection: Connection, actor: Actor, household_id: int) -> HomeThere | None:
    """One home; None if there is none that the actor may see. Record it: it is a view of a person."""
    parameters = {"within": actor.organisation_id, "household_id": household_id}
    row = await (await connection.execute(queries("places").home, parameters)).fetchone()
    if row is None:
        return None
    return HomeThere(code=row[0], community=row[1], address=row[2], organisation=row[3], residents=row[4])


async def of_incidents(connection: Connection, actor: Actor) -> dict[int, tuple[float, float] | None]:
    """Where each unresolved incident is, as (lat, lon); None if nobody has said where that is."""
    cursor = await connection.execute(queries("places").of_incidents, {"within": actor.organisation_id})
    return {row[0]: None if row[1] is None else (row[1], row[2]) for row in await cursor.fetchall()}


def _seen(actor: Actor, view: Box) -> dict[str, Any]:
    return {
        "within": actor.organisation_id,
        "south": view.south,
        "west": view.west,
        "north": view.north,
        "east": view.east,
    }
