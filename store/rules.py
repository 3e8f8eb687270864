"""Rules as the database holds them: every version kept, each overridable in narrower scopes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.types.json import Jsonb

from store.pool import Connection
from store.queries import queries


class RuleScope(StrEnum):
    """For whom a version counts; each is narrower than the one before."""

    EVERYONE = "everyone"
    ORGANISATION = "organisation"
    HOUSEHOLD = "household"
    RESIDENT = "resident"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """The version of a rule that counts in one scope: for everyone whole, below it what differs."""

    name: str
    scope: RuleScope
    scope_id: int
    version: int
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOrganisation:
    """Where an organisation stands: all above it from the top, itself last; and its local time."""

    path: tuple[int, ...]
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHome:
    """What rules may need to know of a home."""

    lat: float | None
    lon: float | None
    residents: int


async def add_defaults(connection: Connection, rules: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Store the rules everyone starts with; those that are there stay as they are."""
    await connection.execute(queries("rules").add_defaults, {"rules": Jsonb(list(rules)), "now": now})


async def add_rule(
    connection: Connection,
    name: str,
    rule: Mapping[str, Any],
    *,
    scope: RuleScope = RuleScope.EVERYONE,
    scope_id: int = 0,
    by: str,
    now: datetime,
) -> int:
    """Store a new version and return its number. Use :func:`alerting.rulebook.amend`, which reads it first."""
    parameters = {"name": name, "scope": scope.value, "scope_id": scope_id, "rule": Jsonb(dict(rule)), "by": by}
    row = await (await connection.execute(queries("rules").add, {**parameters, "now": now})).fetchone()
    assert row is not None
    return int(row[0])


async def current(connection: Connection) -> list[StoredRule]:
    """What counts now, in every scope."""
    cursor = await connection.execute(queries("rules").current)
    return [
        StoredRule(name=row[0], scope=RuleScope(row[1]), scope_id=row[2], version=row[3], rule=row[4])
        for row in await cursor.fetchall()
    ]


async def mark(connection: Connection) -> int:
    """A number that rises with every new version."""
    row = await (await connection.execute(queries("rules").mark)).fetchone()
    assert row is not None
    return int(row[0])


async def organisations(connection: Connection) -> dict[int, RuleOrganisation]:
    """Every organisation, by id."""
    cursor = await connection.execute(queries("rules").organisations)
    return {row[0]: RuleOrganisation(path=tuple(row[1]), timezone=row[2]) for row in await cursor.fetchall()}


async def homes(connection: Connection, households: Collection[int] | None = None) -> dict[int, RuleHome]:
    """Homes by household: those named, or all."""
    named = None if households is None else list(households)
    cursor = await connection.execute(queries("rules").places, {"households": named})
    return {row[0]: RuleHome(lat=row[1], lon=row[2], residents=row[3]) for row in await cursor.fetchall()}
