"""Files as tables: CSV (a noun a file), XLSX (a noun a sheet), YAML (a noun a key). Every cell is read as text."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import openpyxl
import yaml
from openpyxl.utils.exceptions import InvalidFileException

from carewatch.importing.faults import Fault, Place
from carewatch.importing.forms import FORMS, columns, noun_named
from store.registry import Noun

SUFFIXES: Final = (".csv", ".xlsx", ".yaml", ".yml")
_ENCODINGS: Final = ("utf-8-sig", "gb18030")  # the second is what a Chinese Excel saves as CSV
_NULLS: Final = frozenset({"", "~", "null"})
_LONGEST_CELL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it was found: text, None for an empty cell; from YAML also lists and mappings."""

    place: Place
    cells: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Records of one noun. ``length`` is about how many; ``rows`` reads them, once."""

    noun: Noun
    length: int
    rows: Callable[[], Iterator[Row | Fault]]


def read_tables(paths: Sequence[Path]) -> tuple[list[Table], list[Fault]]:
    """The tables of all files in the order of nouns, and what is wrong with the files as such."""
    tables: list[Table] = []
    faults: list[Fault] = []
    readers = {".csv": _csv_tables, ".xlsx": _xlsx_tables, ".yaml": _yaml_tables, ".yml": _yaml_tables}
    for path in paths:
        reader = readers.get(path.suffix.lower())
        if reader is None:
            faults.append(Fault(Place(str(path), 1), "file", path.name, f"must end in {', '.join(SUFFIXES)}"))
            continue
        try:
            for found in reader(path):
                (tables if isinstance(found, Table) else faults).append(found)  # type: ignore[arg-type]  # told apart
        except (OSError, ValueError, KeyError, yaml.YAMLError, csv.Error) as error:
            faults.append(Fault(Place(str(path), _line_of(error)), "file", path.name, f"cannot be read: {error}"))
    order = list(FORMS)
    return sorted(tables, key=lambda table: order.index(table.noun)), faults


def _line_of(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return 1 if mark is None else int(mark.line) + 1


def _unknown_noun(place: Place, what: str, name: str) -> Fault:
    return Fault(place, what, name, f"must be named for one of {', '.join(FORMS)}")


def _csv_tables(path: Path) -> Iterator[Table | Fault]:
    noun = noun_named(path.stem)
    if noun is None:
        yield _unknown_noun(Place(str(path), 1), "file", path.stem)
        return
    content = path.read_bytes()
    encoding = _ENCODINGS[-1]
    for candidate in _ENCODINGS:
        with suppress(UnicodeDecodeError):
            content.decode(candidate)
            encoding = candidate
            break
    lines = content.count(b"\n")

    def rows() -> Iterator[Row | Fault]:
        csv.field_size_limit(_LONGEST_CELL)
        with path.open(encoding=encoding, newline="") as stream:
            reader = csv.reader(stream, strict=True)
            try:
                yield from _records(noun, ((Place(str(path), reader.line_num), cells) for cells in reader))
            except csv.Error as error:
                yield Fault(Place(str(path), reader.line_num), "row", "", f"must be CSV: {error}")

    yield Table(noun, lines, rows)


def _xlsx_tables(path: Path) -> Iterator[Table | Fault]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, SyntaxError, KeyError, TypeError) as error:
        raise ValueError(f"no workbook of Excel ({type(error).__name__}: {error})") from error
    for sheet in book.worksheets:
        place = Place(str(path), 1, sheet.title)
        noun = noun_named(sheet.title)
        if noun is not None:
            yield Table(noun, max((sheet.max_row or 1) - 1, 0), _sheet_rows(path, sheet, noun))
        elif any(cell is not None for row in sheet.iter_rows(max_row=1, values_only=True) for cell in row):
            yield _unknown_noun(place, "sheet", sheet.title)


def _sheet_rows(path: Path, sheet: Any, noun: Noun) -> Callable[[], Iterator[Row | Fault]]:
    def rows() -> Iterator[Row | Fault]:
        lines = (
            (Place(str(path), line, sheet.title), [_cell_text(value) for value in values])
            for line, values in enumerate(sheet.iter_rows(values_only=True), start=1)
        )
        yield from _records(noun, lines)

    return rows


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel knows no whole numbers
    if isinstance(value, datetime) and value.time() == time(0):
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _records(noun: Noun, lines: Iterator[tuple[Place, list[str]]]) -> Iterator[Row | Fault]:
    head = next(lines, None)
    if head is None:
        return
    place, names = head[0], [name.strip().lower() for name in head[1]]
    while names and not names[-1]:
        names.pop()
    allowed = columns(noun)
    wrong = [name for name in names if name not in allowed or names.count(name) > 1]
    if wrong:
        for name in dict.fromkeys(wrong):
            yield Fault(place, "column", name, f"must be one of {', '.join(allowed)}, each once")
        return
    for place, values in lines:
        cells = [value.strip() for value in values]
        if not any(cells):
            continue
        if any(cells[len(names) :]):
            yield Fault(place, "row", f"{len(cells)} cells", f"must have {len(names)} cells, as the first line has")
            continue
        cells += [""] * (len(names) - len(cells))
        yield Row(place, {name: cell or None for name, cell in zip(names, cells, strict=False)})


def _yaml_tables(path: Path) -> Iterator[Table | Fault]:
    with path.open("rb") as stream:
        events = _Events(path, yaml.parse(stream, Loader=_loader()))
        yield from events.tables()


def _loader() -> Any:
    return getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Events:
    """Records out of the events of a YAML file. Scalars stay text: YAML's own guesses make an octal of a code, a number
    of minutes of 20:00, and a number without its plus sign of a phone number.
    """

    def __init__(self, path: Path, events: Iterator[Any]) -> None:
        self._path = path
        self._events = events

    def tables(self) -> Iterator[Table | Fault]:
        """One table for each key at the top."""
        if not isinstance(self._next(yaml.StreamStartEvent, yaml.DocumentStartEvent), yaml.MappingStartEvent):
            yield Fault(Place(str(self._path), 1), "file", self._path.name, "must hold a mapping of nouns to lists")
            return
        while isinstance(key := next(self._events), yaml.ScalarEvent):
            place = self._place(key)
            rows = list(self._list())
            noun = noun_named(key.value)
            if noun is None:
                yield _unknown_noun(place, "key", key.value)
            else:
                yield Table(noun, len(rows), lambda noun=noun, rows=rows: _only_known(noun, rows))  # type: ignore[misc]

    def _place(self, event: Any) -> Place:
        return Place(str(self._path), event.start_mark.line + 1)

    def _next(self, *passed: type) -> Any:
        event = next(self._events)
        while isinstance(event, passed):
            event = next(self._events)
        return event

    def _list(self) -> Iterator[Row | Fault]:
        event = next(self._events)
        if not isinstance(event, yaml.SequenceStartEvent):
            value = self._value(event)
            if value is not None:
                yield Fault(
                    Place(str(self._path), event.start_mark.line + 1), "list", value, "must be a list of records"
                )
            return
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            place = self._place(event)
            value = self._value(event)
            yield Row(place, value) if isinstance(value, dict) else Fault(place, "record", value, "must be a mapping")

    def _value(self, event: Any) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return None if not event.style and event.value.lower() in _NULLS else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            values = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                values.append(self._value(event))
            return values
        if isinstance(event, yaml.MappingStartEvent):
            pairs = {}
            while not isinstance(event := next(self._events), yaml.MappingEndEvent):
                name = self._value(event)
                if not isinstance(name, str) or name in pairs:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {name!r} is no text, or is there twice", problem_mark=event.start_mark
                    )
                pairs[name] = self._value(next(self._events))
            return pairs
        raise yaml.MarkedYAMLError(problem="aliases (*name) are not read", problem_mark=event.start_mark)


def _only_known(noun: Noun, rows: Sequence[Row | Fault]) -> Iterator[Row | Fault]:
    allowed = frozenset(columns(noun))
    for row in rows:
        strangers = [] if isinstance(row, Fault) else [name for name in row.cells if name not in allowed]
        if isinstance(row, Row) and strangers:
            for name in strangers:
                yield Fault(row.place, "field", name, f"must be one of {', '.join(columns(noun))}")
        else:
            yield row
