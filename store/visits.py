"""The call-and-visit list of an area incident. Each function is a part of the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.rows import dict_row

from domain.area import HomeState
from domain.people import HouseholdId, Mode, OrganisationId
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhabitant:
    """Somebody who lives in a home of the list."""

    code: str
    surname: str
    given_name: str
    born_on: date | None
    categories: Sequence[str]
    state: str
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home that an area incident concerns. ``by`` and ``at``: who said last how it stands; ``back``: so many of its
    ``devices`` that fell silent are heard again.
    """

    id: int
    code: str
    community: str
    address: str
    access_notes: str
    phone: str | None
    state: HomeState
    by: str | None
    at: datetime | None
    devices: int
    back: int
    residents: Sequence[Inhabitant]


@dataclass(frozen=True, slots=True)
class Concerned:
    """A home of the list, as a mark meets it."""

    household_id: HouseholdId
    organisation_id: OrganisationId
    mode: Mode
    state: HomeState


async def homes(connection: Connection, incident_id: int, *, most: int) -> list[Home]:
    """Up to ``most`` homes of the list, in an order that marks do not change. Seeing them is a view of persons."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries("visits").homes, {"incident_id": incident_id, "most": most})
        return [
            Home(
                **row | {"state": HomeState(row["state"]), "residents": [_inhabitant(one) for one in row["residents"]]}
            )
            for row in await cursor.fetchall()
        ]


def _inhabitant(written: Mapping[str, Any]) -> Inhabitant:
    born_on = written["born_on"]
    return Inhabitant(**{**written, "born_on": date.fromisoformat(born_on) if born_on is not None else None})


async def standing(connection: Connection, incident_id: int) -> dict[HomeState, int]:
    """How many homes the incident concerns, by what is known of them; empty for one that concerns none."""
    cursor = await connection.execute(queries("visits").standing, {"incident_id": incident_id})
    return {HomeState(row[0]): row[1] for row in await cursor.fetchall()}


async def concerned(connection: Connection, incident_id: int, household: str) -> Concerned | None:
    """The home of this code; None if the incident does not concern it."""
    parameters = {"incident_id": incident_id, "household": household}
    row = await (await connection.execute(queries("visits").concerned, parameters)).fetchone()
    if row is None:
        return None
    return Concerned(HouseholdId(row[0]), OrganisationId(row[1]), Mode(row[2]), HomeState(row[3]))


async def mark(
    connection: Connection, incident_id: int, household_id: HouseholdId, state: HomeState, *, by: str, now: datetime
) -> None:
    """Write what is known of a home."""
    parameters = {
        "incident_id": incident_id,
        "household_id": household_id,
        "state": state.value,
        "by": by,
        "now": now,
    }
    await connection.execute(queries("visits").mark, parameters)
