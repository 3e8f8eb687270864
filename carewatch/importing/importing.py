"""Records from files into the database: all or nothing, every fault at once, and what changes told beforehand."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

import psycopg
from pydantic import ValidationError

from carewatch.importing.faults import Fault, Place
from carewatch.importing.forms import FORMS, RETIRED, Misread, read_fields
from carewatch.importing.reading import Row, Table
from domain.people import OrganisationKind
from store import audit, enrolled
from store.enrolled import RETIRABLE, STRUCK_OFF, Stored
from store.errors import StoreError, mapping
from store.pool import Connection, Database
from store.references import Dangling, dangling
from store.registry import Noun, save

_BATCH: Final = 5000
_ACTOR: Final = "command:import"
_VALUE_ERROR: Final = "Value error, "
_ANCHORS: Final = {
    Noun.CONSENTS: ("resident",),
    Noun.CIRCLE_MEMBERS: ("household", "organisation"),
    Noun.SHIFTS: ("organisation",),
    Noun.ROSTER_OVERRIDES: ("organisation",),
}
"""By which fields the stored relations are found that a row may change."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What a row changes of its record: for each field the old value and the new one; none of it is new or gone."""

    noun: Noun
    place: Place
    key: Key
    fields: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Tally:
    """What becomes of the rows of one noun."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0


@dataclass(slots=True)
class Report:
    """What an import does, or would do; nothing at all if there are ``faults``."""

    tallies: dict[Noun, Tally] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A row that reads well: its record, what is stored of it, and whether it is to go."""

    place: Place
    key: Key
    record: dict[str, Any]
    stored: Stored | None
    before: dict[str, Any] | None
    retired: bool


@dataclass(frozen=True, slots=True)
class _Unread:
    """A row at fault: what it refers to is looked up all the same, so that all its faults are named at once."""

    place: Place
    record: dict[str, Any]
    fields: frozenset[str]


async def import_tables(
    database: Database,
    tables: Sequence[Table],
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[Noun, int], None] = lambda noun, rows: None,
) -> Report:
    """Create, change and retire what the tables say, in one transaction, which a fault or a dry run rolls back: a dry
    run does everything that an import does, and then forgets it.

    ``progress`` is told after each batch how many rows of a noun were read. Raises :class:`store.errors.StoreError`
    if the database itself fails.
    """
    report = Report()
    async with database.transaction() as connection, connection.transaction():
        run = _Import(connection, report, now)
        for noun in FORMS:
            await run.noun(noun, [table for table in tables if table.noun is noun], progress)
        await run.retire()
        if report.faults or dry_run:
            raise psycopg.Rollback
        for noun, tally in report.tallies.items():
            if tally.new or tally.changed or tally.retired:
                counts = {"new": tally.new, "changed": tally.changed, "retired": tally.retired}
                await audit.record(connection, _ACTOR, "import", noun.value, ["*"], now=now, detail=counts)
    return report


class _Import:
    def __init__(self, connection: Connection, report: Report, now: datetime) -> None:
        self._connection = connection
        self._report = report
        self._now = now
        self._bad: dict[Noun, set[str]] = {noun: set() for noun in FORMS}
        self._going: dict[Noun, list[tuple[Place, str]]] = {}

    async def noun(self, noun: Noun, tables: Sequence[Table], progress: Callable[[Noun, int], None]) -> None:
        """Import all tables of one noun."""
        seen: dict[Key, Place] = {}
        for batch in _batches(noun, (row for table in tables for row in table.rows())):
            rows = [row for row in batch if isinstance(row, Row)]
            self._report.faults += [fault for fault in batch if isinstance(fault, Fault)]
            judged, unread = await self._judge(noun, rows)
            judged = [one for one in judged if self._first(one, seen)]
            await self._save(noun, await self._without_dangling(noun, judged, unread))
            progress(noun, len(batch))

    async def retire(self) -> None:
        """Retire what rows say is to go: what others live on goes last."""
        for noun in reversed(list(FORMS)):
            for place, code in self._going.get(noun, []):
                try:
                    await enrolled.retire(self._connection, noun, [code], now=self._now)
                except StoreError as error:
                    self._fault(place, RETIRED, "true", str(error))

    def _fault(self, place: Place, name: str, value: Any, allowed: str) -> None:
        self._report.faults.append(Fault(place, name, value, allowed))

    async def _judge(self, noun: Noun, rows: Sequence[Row]) -> tuple[list[_Judged], list[_Unread]]:
        """Read rows as forms, laid over what is stored: a column that a file lacks leaves things as they are."""
        form = FORMS[noun]
        read: list[tuple[Row, dict[str, Any], bool]] = []
        for row in rows:
            try:
                read.append((row, *read_fields(noun, row.cells)))
            except Misread as error:
                self._fault(row.place, error.field, error.value, error.allowed)
                self._remember_bad(noun, row.cells)
        stored = await self._stored(noun, [given for _, given, _ in read])
        judged: list[_Judged] = []
        unread: list[_Unread] = []
        for row, given, retired in read:
            # A relation's key may be written in several ways (8:00, 08:00:00), so that it is laid over afterwards.
            coded = None if noun in _ANCHORS else stored.get((given.get(form.key[0]),))
            merged = {**(coded[1] if coded else {}), **given}
            try:
                record = form.model_validate({k: v for k, v in merged.items() if v is not None}).record()
            except ValidationError as error:
                self._remember_bad(noun, row.cells)
                faults = [_explained(form.__name__, one) for one in error.errors(include_url=False)]
                for fault in faults:
                    self._fault(row.place, *fault)
                text = {name: merged.get(name) for name in form.model_fields}
                record = {name: value if isinstance(value, str) else None for name, value in text.items()}
                unread.append(_Unread(row.place, record, frozenset(fault[0] for fault in faults)))
                continue
            key = tuple(record[name] for name in form.key)
            known, before = stored.get(key, (None, None))
            if before is not None:
                record = {name: record[name] if name in given else before[name] for name in record}
            judged.append(_Judged(row.place, key, record, known, before, retired))
        return judged, unread

    async def _stored(self, noun: Noun, given: Sequence[dict[str, Any]]) -> dict[Key, tuple[Stored, dict[str, Any]]]:
        form = FORMS[noun]
        anchors = {one.get(name) for one in given for name in _ANCHORS.get(noun, form.key)} - {None}
        found = await enrolled.read(self._connection, noun, within=None, codes=sorted(map(str, anchors)), retired=None)
        normal = ((one, form.model_validate(one.written).record()) for one in found)
        return {tuple(record[name] for name in form.key): (one, record) for one, record in normal}

    def _remember_bad(self, noun: Noun, cells: dict[str, Any]) -> None:
        """What refers to a record at fault is not a fault of its own."""
        self._bad[noun].add(str(cells.get(FORMS[noun].key[0])))
        if cells.get("cell"):
            self._bad[noun].add(f"cell {cells['cell']}")

    def _first(self, one: _Judged, seen: dict[Key, Place]) -> bool:
        before = seen.setdefault(one.key, one.place)
        if before is not one.place:
            shown = "/".join(str(part) for part in one.key if part is not None)
            self._fault(one.place, "key", shown, f"must be there once; it is at {before}, too")
        return before is one.place

    async def _without_dangling(
        self, noun: Noun, judged: Sequence[_Judged], unread: Sequence[_Unread]
    ) -> list[_Judged]:
        staying = [one for one in judged if not one.retired]
        rows: list[_Judged | _Unread] = [*staying, *unread]
        found = await dangling(
            self._connection,
            noun,
            [one.record for one in rows],
            FORMS[noun].references,
            within=None,
            before=[one.before if isinstance(one, _Judged) else None for one in rows],
        )
        for one in found:
            row = rows[one.index]
            self._remember_bad(noun, row.record)
            if not self._excused(noun, one) and (isinstance(row, _Judged) or one.field not in row.fields):
                self._fault(row.place, one.field, one.value, f"must be {one.allowed}")
        broken = {one.index for one in found}
        return [one for one in judged if one.retired] + [
            one for index, one in enumerate(staying) if index not in broken
        ]

    def _excused(self, noun: Noun, one: Dangling) -> bool:
        """It refers to a record that was refused itself."""
        if one.field == "cell":
            return f"cell {one.value}" in self._bad[Noun.ORGANISATIONS]
        named = FORMS[noun].references.get(one.field)
        return named is not None and one.value in self._bad[Noun(named)]

    async def _save(self, noun: Noun, judged: Sequence[_Judged]) -> None:
        tally = self._report.tallies.setdefault(noun, Tally())
        writing: list[_Judged] = []
        for one in judged:
            in_use = one.stored is not None and one.stored.retired_at is None
            if one.retired:
                tally.retired += in_use
                tally.unchanged += not in_use
                await self._let_go(noun, one)
            elif one.stored is None:
                tally.new += 1
                writing.append(one)
            elif one.before == one.record and in_use:
                tally.unchanged += 1
            else:
                tally.changed += 1
                writing.append(one)
                self._report.changes.append(_change(noun, one))
        await self._write(noun, writing)

    async def _let_go(self, noun: Noun, one: _Judged) -> None:
        if noun in RETIRABLE and one.stored is not None:
            self._going.setdefault(noun, []).append((one.place, one.stored.code))
        elif noun in STRUCK_OFF and one.stored is not None:
            await enrolled.strike_off(self._connection, noun, [one.stored], now=self._now)
        elif noun not in RETIRABLE | STRUCK_OFF:
            self._fault(one.place, RETIRED, "true", f"{noun.value} are never retired")

    async def _write(self, noun: Noun, writing: Sequence[_Judged]) -> None:
        """Save a batch; if the schema refuses it, one by one, to name the rows that it refuses."""
        try:
            with mapping():
                async with self._connection.transaction():
                    await save(self._connection, noun, [one.record for one in writing], now=self._now)
        except StoreError as error:
            if error.retryable:
                raise
            if len(writing) == 1:
                shown = "/".join(str(part) for part in writing[0].key if part is not None)
                self._remember_bad(noun, writing[0].record)
                self._fault(writing[0].place, "record", shown, " ".join(str(error).split()))
                return
            half = len(writing) // 2
            await self._write(noun, writing[:half])
            await self._write(noun, writing[half:])


def _batches(noun: Noun, rows: Iterable[Row | Fault]) -> Iterator[list[Row | Fault]]:
    """Rows in batches; organisations level by level, because a parent must be there before its child."""
    if noun is not Noun.ORGANISATIONS:
        iterator = iter(rows)
        while batch := list(islice(iterator, _BATCH)):
            yield batch
        return
    levels: dict[Any, list[Row | Fault]] = {kind.value: [] for kind in OrganisationKind}
    for row in rows:
        levels.setdefault(row.cells.get("kind") if isinstance(row, Row) else None, []).append(row)
    yield from (batch for batch in levels.values() if batch)


def _change(noun: Noun, one: _Judged) -> Change:
    assert one.before is not None
    fields = {name: (one.before[name], value) for name, value in one.record.items() if one.before[name] != value}
    if one.stored is not None and one.stored.retired_at is not None:
        fields[RETIRED] = (one.stored.retired_at.isoformat(), None)
    return Change(noun, one.place, one.key, fields)


def _explained(form: str, error: Any) -> tuple[str, Any, str]:
    """Field, value and what is allowed, out of one error of pydantic's."""
    where = ".".join(str(part) for part in error["loc"]) or form
    missing = error["type"] == "missing"
    message = error["msg"].removeprefix(_VALUE_ERROR).replace("Input should be", "must be")
    return where, "" if missing or not error["loc"] else error["input"], "is needed" if missing else message
