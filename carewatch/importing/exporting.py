"""What is enrolled, out into files that can be imported again: the inverse of an import."""

import csv
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final, Protocol

import yaml
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from carewatch.importing.forms import FORMS, write_cells
from carewatch.importing.private_files import private
from store import enrolled
from store.pool import Connection, Database
from store.registry import Noun

_PAGE: Final = 2000
_ANCHORS: Final = {
    Noun.CONSENTS: (Noun.RESIDENTS,),
    Noun.CIRCLE_MEMBERS: (Noun.ORGANISATIONS, Noun.HOUSEHOLDS),
    Noun.SHIFTS: (Noun.ORGANISATIONS,),
    Noun.ROSTER_OVERRIDES: (Noun.ORGANISATIONS,),
}
"""On which nouns relations hang: they are read page by page of those."""


class Format(StrEnum):
    """How files are written."""

    YAML = "yaml"
    CSV = "csv"
    XLSX = "xlsx"


class _Writer(Protocol):
    def begin(self, noun: Noun) -> None: ...

    def write(self, record: dict[str, Any]) -> None: ...

    def end(self) -> None: ...


async def export_to(
    database: Database,
    folder: Path,
    form: Format,
    *,
    progress: Callable[[Noun, int], None] = lambda noun, rows: None,
) -> dict[Noun, int]:
    """Write everything in use to ``folder``, which is there, and return how many records of each noun.

    The files can be read by their owner only: they hold names, addresses and phone numbers. They show one moment.
    """
    counts: dict[Noun, int] = {}
    async with database.transaction() as connection:
        await enrolled.hold_still(connection)
        with _WRITERS[form](folder) as writer:
            for noun in FORMS:
                writer.begin(noun)
                counts[noun] = 0
                async for records in _records(connection, noun):
                    for record in records:
                        writer.write(record)
                    counts[noun] += len(records)
                    progress(noun, len(records))
                writer.end()
    return counts


async def _records(connection: Connection, noun: Noun) -> AsyncIterator[list[dict[str, Any]]]:
    form = FORMS[noun]
    if noun not in _ANCHORS:
        async for page in _pages(connection, noun):
            yield [form.model_validate(one.written).record() for one in page]
        return
    for anchor in _ANCHORS[noun]:
        async for page in _pages(connection, anchor):
            codes = [one.code for one in page]
            found = await enrolled.read(connection, noun, within=None, codes=codes)
            records = [form.model_validate(one.written).record() for one in found]
            # A home and an organisation may bear the same code: take each relation from its own side.
            if noun is Noun.CIRCLE_MEMBERS:
                side = "organisation" if anchor is Noun.ORGANISATIONS else "household"
                records = [one for one in records if one[side] is not None]
            yield records


async def _pages(connection: Connection, noun: Noun) -> AsyncIterator[list[enrolled.Stored]]:
    after: str | None = None
    while page := await enrolled.read(connection, noun, within=None, after=after, limit=_PAGE):
        yield page
        after = page[-1].code


class _Csv:
    def __init__(self, folder: Path, files: ExitStack) -> None:
        self._folder = folder
        self._files = files
        self._writer: Any = None
        self._noun = Noun.ORGANISATIONS

    def begin(self, noun: Noun) -> None:
        self._noun = noun
        stream = self._files.enter_context(private(self._folder / f"{noun.value}.csv"))
        self._writer = csv.DictWriter(stream, list(FORMS[noun].model_fields), lineterminator="\n")
        self._writer.writeheader()

    def write(self, record: dict[str, Any]) -> None:
        self._writer.writerow(write_cells(self._noun, record))

    def end(self) -> None:
        return


class _Yaml:
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        self._empty = True

    def begin(self, noun: Noun) -> None:
        self._stream.write(f"{noun.value}:")
        self._empty = True

    def write(self, record: dict[str, Any]) -> None:
        if self._empty:
            self._stream.write("\n")
        self._empty = False
        yaml.dump([record], self._stream, Dumper=self._dumper, allow_unicode=True, sort_keys=False, width=1000)

    def end(self) -> None:
        if self._empty:
            self._stream.write(" []\n")


class _Xlsx:
    def __init__(self, book: Any) -> None:
        self._book = book
        self._sheet: Any = None
        self._noun = Noun.ORGANISATIONS

    def begin(self, noun: Noun) -> None:
        self._noun = noun
        self._sheet = self._book.create_sheet(noun.value)
        self._sheet.append(list(FORMS[noun].model_fields))

    def write(self, record: dict[str, Any]) -> None:
        self._sheet.append([self._cell(value) for value in write_cells(self._noun, record).values()])

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        cell = WriteOnlyCell(self._sheet, value)
        cell.data_type = "s"  # never a formula, whatever a name begins with
        return cell

    def end(self) -> None:
        return


@contextmanager
def _csv_writer(folder: Path) -> Iterator[_Writer]:
    with ExitStack() as files:
        yield _Csv(folder, files)


@contextmanager
def _yaml_writer(folder: Path) -> Iterator[_Writer]:
    with private(folder / "carewatch.yaml") as stream:
        yield _Yaml(stream)


@contextmanager
def _xlsx_writer(folder: Path) -> Iterator[_Writer]:
    book = Workbook(write_only=True)
    yield _Xlsx(book)
    path = folder / "carewatch.xlsx"
    private(path).close()
    book.save(path)


_WRITERS: Final = {Format.CSV: _csv_writer, Format.YAML: _yaml_writer, Format.XLSX: _xlsx_writer}
