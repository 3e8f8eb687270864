"""docs/import.md tells the truth: its files are imported, its faults are those that are found."""

import re
from pathlib import Path

from fixtures.town import NOON

from carewatch.importing.forms import FORMS, PHONES, columns
from carewatch.importing.importing import Report, import_tables
from carewatch.importing.reading import read_tables
from store.pool import Database

PAGE = (Path(__file__).parents[3] / "docs" / "import.md").read_text("utf-8")


def _files(folder: Path) -> dict[str, Path]:
    """The files of the page, written down."""
    found = {}
    for name, text in re.findall(r"^```(?:csv|yaml) (\S+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        found[name] = path
    return found


async def _import(database: Database, paths: list[Path]) -> Report:
    tables, faults = read_tables(paths)
    assert faults == []
    return await import_tables(database, tables, now=NOON)


async def test_the_files_of_the_page_are_imported_as_printed(database: Database, tmp_path: Path) -> None:
    """Every noun is there, and the faulty file is refused in the words of the page."""
    files = _files(tmp_path)
    wrong = files.pop("wrong/households.csv")
    report = await _import(database, list(files.values()))
    assert report.faults == []
    assert {noun for noun, tally in report.tallies.items() if tally.new} == set(FORMS)
    refused = await _import(database, [wrong])
    printed = re.search(r"^```text\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert printed is not None
    assert sorted(str(fault).replace(f"{tmp_path}/", "") for fault in refused.faults) == sorted(
        printed[1].strip().splitlines()
    )


def test_every_column_is_on_the_page() -> None:
    """Whoever fills in a sheet finds all of them."""
    words = set(re.findall(r"[a-z_0-9]+", PAGE))
    assert {name for noun in FORMS for name in (*columns(noun), *PHONES)} - words == set()
