"""Whether records about to be saved name others that exist, are in use, and may be seen by whoever saves them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.people import OrganisationId, OrganisationKind
from store.enrolled import unseen
from store.pool import Connection
from store.queries import queries
from store.registry import Noun

_LEVELS: Final = tuple(OrganisationKind)


@dataclass(frozen=True, slots=True)
class Dangling:
    """The record at ``index`` holds in ``field`` the ``value`` that leads nowhere; ``allowed`` says what would lead."""

    index: int
    field: str
    value: str
    allowed: str


async def dangling(
    connection: Connection,
    noun: Noun,
    records: Sequence[Mapping[str, Any]],
    references: Mapping[str, str],
    *,
    within: OrganisationId | None,
    before: Sequence[Mapping[str, Any] | None],
) -> list[Dangling]:
    """What leads nowhere in ``records`` (forms of :mod:`domain.written`), in the order of fields.

    ``before`` holds each record as it stands now, or None for a new one: what is unchanged is not asked for again, so
    that a town may be renamed by an actor who does not see its county.
    """
    found: list[Dangling] = []
    for field, named in references.items():
        values = _new_values(field, records, before)
        absent = await unseen(connection, Noun(named), set(values.values()), within=within)
        allowed = f"the code of one of the {named.replace('_', ' ')} in use here"
        found += [Dangling(index, field, value, allowed) for index, value in values.items() if value in absent]
    if noun is Noun.ORGANISATIONS:
        found += await _below_their_parents(connection, records, before)
        found += _roots(records, before, within)
    if noun is Noun.DEVICES:
        found += await _in_known_cells(connection, records, before, within)
        found += await _at_home(connection, records)
    return found


def _new_values(
    field: str, records: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any] | None]
) -> dict[int, str]:
    return {
        index: record[field]
        for index, (record, old) in enumerate(zip(records, before, strict=True))
        if record.get(field) is not None and (old is None or old[field] != record[field])
    }


async def _below_their_parents(
    connection: Connection, records: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any] | None]
) -> list[Dangling]:
    parents = _new_values("parent", records, before)
    cursor = await connection.execute(queries("enrolled").kinds, {"codes": list(set(parents.values()))})
    kinds = dict(await cursor.fetchall()) | {record["code"]: record["kind"] for record in records}
    return [
        Dangling(index, "parent", parent, f"an organisation of a higher level than {records[index]['kind']}")
        for index, parent in parents.items()
        if {kinds.get(parent), records[index]["kind"]} <= set(_LEVELS)
        and _LEVELS.index(kinds[parent]) >= _LEVELS.index(records[index]["kind"])
    ]


def _roots(
    records: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any] | None],
    within: OrganisationId | None,
) -> list[Dangling]:
    if within is None:
        return []
    return [
        Dangling(index, "parent", "", "the code of one of the organisations in use here")
        for index, (record, old) in enumerate(zip(records, before, strict=True))
        if record["parent"] is None and (old is None or old["parent"] is not None)
    ]


async def _in_known_cells(
    connection: Connection,
    records: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any] | None],
    within: OrganisationId | None,
) -> list[Dangling]:
    cells = _new_values("cell", records, before)
    cursor = await connection.execute(queries("enrolled").cells, {"cells": list(set(cells.values())), "within": within})
    known = {row[0] for row in await cursor.fetchall()}
    allowed = "the cell of an organisation in use here"
    return [Dangling(index, "cell", cell, allowed) for index, cell in cells.items() if cell not in known]


async def _at_home(connection: Connection, records: Sequence[Mapping[str, Any]]) -> list[Dangling]:
    residents = {index: record["resident"] for index, record in enumerate(records) if record["resident"] is not None}
    cursor = await connection.execute(queries("enrolled").homes_of_residents, {"codes": list(set(residents.values()))})
    homes: dict[str, str] = dict(await cursor.fetchall())
    return [
        Dangling(index, "resident", resident, f"a resident of {records[index]['household']}")
        for index, resident in residents.items()
        if resident in homes and homes[resident] != records[index]["household"]
    ]
