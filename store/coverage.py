"""Coverage: what it is judged by, and the gaps that were found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from devices.model import Hazard
from domain.coverage import Backing, GapKind
from domain.people import ChannelName, Circle, Mode, OrganisationId, ResponderId
from domain.permissions import Actor, Scope
from domain.plan import Plan, read_plan
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class Served:
    """An organisation that has homes: its ancestors from the top down (itself last), and its plan, if it has one."""

    id: OrganisationId
    path: tuple[OrganisationId, ...]
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Reach:
    """A member of a circle (of an organisation, or None: of a home), and how she may be reached."""

    organisation_id: OrganisationId | None
    circle: Circle
    mode: Mode
    responder_id: ResponderId
    channels: frozenset[ChannelName]
    confirmed: frozenset[ChannelName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something missing: of an organisation, of one of its homes, or of a person; nouns by their codes."""

    id: int
    kind: GapKind
    organisation: str
    household: str | None
    responder: str | None
    since: datetime


async def organisations(
    connection: Connection, hazard: Hazard, *, organisation_id: OrganisationId | None = None
) -> list[Served]:
    """Organisations that have homes (or one of them), with the plan that rules ``hazard`` there."""
    parameters = {"hazard": hazard.value, "organisation_id": organisation_id}
    rows = await (await connection.execute(queries("coverage").organisations, parameters)).fetchall()
    return [
        Served(OrganisationId(row[0]), tuple(row[1]), read_plan(row[2]) if row[2] is not None else None) for row in rows
    ]


async def members(connection: Connection) -> list[Reach]:
    """The members of all circles of organisations."""
    rows = await (await connection.execute(queries("coverage").members)).fetchall()
    return [
        Reach(row[0], Circle(row[1]), Mode(row[2]), ResponderId(row[3]), _channels(row[4]), _channels(row[5]))
        for row in rows
    ]


async def home(
    connection: Connection, actor: Actor, household_id: int
) -> tuple[OrganisationId, Mode, list[Reach]] | None:
    """Whose a home is, its mode and the members of its own circles; None if ``actor`` may not see it."""
    actor.need(Scope.READ)
    parameters = {"household_id": household_id, "within": actor.organisation_id}
    rows = await (await connection.execute(queries("coverage").home, parameters)).fetchall()
    if not rows:
        return None
    mode = Mode(rows[0][1])
    return (
        OrganisationId(rows[0][0]),
        mode,
        [
            Reach(None, Circle(row[2]), mode, ResponderId(row[3]), _channels(row[4]), _channels(row[5]))
            for row in rows
            if row[3] is not None
        ],
    )


def _channels(names: list[str]) -> frozenset[ChannelName]:
    return frozenset(map(ChannelName, names))


async def write(
    connection: Connection, backings: Mapping[tuple[OrganisationId, Mode], Backing], *, now: datetime
) -> dict[GapKind, int]:
    """Judge every home, keep the gaps, and return how many there are of each kind."""
    rows = [
        {
            "organisation_id": organisation,
            "mode": mode.value,
            "helped": one.helped,
            "manned": one.manned,
            "confirmed": one.confirmed,
            "ways": sorted(one.ways),
        }
        for (organisation, mode), one in backings.items()
    ]
    cursor = await connection.execute(queries("coverage").write, {"backings": Jsonb(rows), "now": now})
    found = dict.fromkeys(GapKind, 0)
    found |= {GapKind(kind): count for kind, count in await cursor.fetchall()}
    return found


async def gaps(
    connection: Connection, actor: Actor, *, kind: GapKind | None = None, after: int = 0, limit: int = 100
) -> list[Gap]:
    """The gaps in the subtree of ``actor``, as of the last look (every ten minutes), behind the one ``after``."""
    actor.need(Scope.READ)
    parameters = {"within": actor.organisation_id, "kind": kind, "after": after, "limit": limit}
    rows = await (await connection.execute(queries("coverage").gaps, parameters)).fetchall()
    return [
        Gap(id=row[0], kind=GapKind(row[1]), organisation=row[2], household=row[3], responder=row[4], since=row[5])
        for row in rows
    ]


async def summary(connection: Connection, actor: Actor) -> dict[GapKind, int]:
    """How many gaps of each kind there are in the subtree of ``actor``."""
    actor.need(Scope.READ)
    cursor = await connection.execute(queries("coverage").summary, {"within": actor.organisation_id})
    return dict.fromkeys(GapKind, 0) | {GapKind(kind): count for kind, count in await cursor.fetchall()}
