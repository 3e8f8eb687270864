"""Files are read as tables, and what cannot be read is named."""

from pathlib import Path

import openpyxl
import pytest

from carewatch.importing.faults import Fault
from carewatch.importing.forms import Misread, noun_named, read_fields
from carewatch.importing.reading import Row, read_tables
from store.registry import Noun


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("households", Noun.HOUSEHOLDS),
        ("Households-2026", Noun.HOUSEHOLDS),
        ("device models", Noun.DEVICE_MODELS),
        ("devices_heping", Noun.DEVICES),
        ("circles", Noun.CIRCLE_MEMBERS),
        ("roster-overrides", Noun.ROSTER_OVERRIDES),
        ("householdsx", None),
        ("notes", None),
    ],
)
def test_files_are_known_by_their_names(name: str, noun: Noun | None) -> None:
    """The noun, and perhaps something behind it."""
    assert noun_named(name) is noun


def _read(path: Path) -> tuple[list[Row], list[Fault]]:
    tables, faults = read_tables([path])
    found = [row for table in tables for row in table.rows()]
    return [one for one in found if isinstance(one, Row)], faults + [one for one in found if isinstance(one, Fault)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_of_every_chinese_excel_is_read(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with or without a mark, and what Excel saves as CSV in China."""
    path = tmp_path / "residents.csv"
    path.write_text("code,surname\nr-1,张\n", encoding=encoding)
    rows, faults = _read(path)
    assert (faults, rows[0].cells) == ([], {"code": "r-1", "surname": "张"})


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    """Empty lines count, and are passed over; a cell may hold several lines."""
    path = tmp_path / "households.csv"
    path.write_text('code,access_notes\nh-1,"one\ntwo"\n\nh-2,\n', encoding="utf-8")
    rows, _ = _read(path)
    assert [(row.place.line, row.cells["code"]) for row in rows] == [(3, "h-1"), (5, "h-2")]
    assert rows[1].cells["access_notes"] is None


@pytest.mark.parametrize(
    ("name", "text", "field", "line"),
    [
        ("notes.csv", "code\n", "file", 1),
        ("households.txt", "", "file", 1),
        ("households.csv", "code,adress\n", "column", 1),
        ("households.csv", "code,code\n", "column", 1),
        ("households.csv", "code\nh-1,x\n", "row", 2),
        ("households.csv", 'code\n"h-1\n', "row", 2),
        ("households.xlsx", "no workbook", "file", 1),
        ("all.yaml", "- code: x\n", "file", 1),
        ("all.yaml", "homes:\n  - code: x\n", "key", 1),
        ("all.yaml", "households:\n  code: x\n", "list", 2),
        ("all.yaml", "households:\n  - x\n", "record", 2),
        ("all.yaml", "households:\n  - code: x\n    adress: y\n", "field", 2),
        ("all.yaml", "households:\n  - code: x\n    code: y\n", "file", 3),
        ("all.yaml", "households:\n  - &a {code: x}\n  - *a\n", "file", 3),
        ("all.yaml", "households: [\n", "file", 2),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    tmp_path: Path, name: str, text: str, field: str, line: int
) -> None:
    """File and line, what stands there, and what may stand there."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    _, faults = _read(path)
    assert [(one.field, one.place.line) for one in faults] == [(field, line)]
    assert faults[0].allowed


def test_cells_of_excel_become_text(tmp_path: Path) -> None:
    """Whole numbers lose their .0, dates and times are written as everywhere else; other sheets must be empty."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "devices"
    sheet.append(["device_id", "cell"])
    sheet.append([12.0, "qinghe"])
    book.create_sheet("Sheet2")
    book.create_sheet("remarks").append(["x"])
    book.save(tmp_path / "all.xlsx")
    rows, faults = _read(tmp_path / "all.xlsx")
    assert [row.cells for row in rows] == [{"device_id": "12", "cell": "qinghe"}]
    assert [(one.field, one.value) for one in faults] == [("sheet", "remarks")]
    assert str(rows[0].place).endswith("all.xlsx[devices]:2")


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"retired": "perhaps"}, "retired"),
        ({"contacts": "+8613900000001"}, "contacts"),
        ({"contacts": "voice +8613900000001", "phone": "+8613900000002"}, "contacts"),
        ({"phone_2": "119"}, "phone_2"),
    ],
)
def test_cells_that_cannot_be_meant_are_refused(cells: dict[str, str], field: str) -> None:
    """By the column in which they stand."""
    with pytest.raises(Misread) as refused:
        read_fields(Noun.RESPONDERS, cells)
    assert refused.value.field == field
