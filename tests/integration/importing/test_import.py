"""Enrolment by file: all or nothing, every fault named, what changes told beforehand, out and in again."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fixtures.town import NOON, build_town

from carewatch.importing.exporting import Format, export_to
from carewatch.importing.importing import Report, Tally, import_tables
from carewatch.importing.reading import read_tables
from store import enrolled
from store.pool import Database
from store.registry import Noun

FILES = {
    "organisations.csv": "code,kind,name,parent,cell\nheping,community,和平村,qinghe,\nqinghe,town,清河镇,,qinghe\n",
    "households.csv": "code,organisation,community,address,lat,lon\nh-1,heping,和平村,三组1号,36.1,114.2\n",
    "residents.csv": "code,household,surname,categories\nr-1,h-1,张,living_alone；disabled\n",
    "responders.csv": "code,organisation,name,phone,phone_2\nd-1,heping,张丽,+8613900000001,\n",
    "circles.csv": "household,circle,responder,relation\nh-1,children,d-1,daughter\n",
    "shifts.csv": "organisation,circle,responder,weekday,starts,ends\nqinghe,duty_desk,d-1,0,8:00,20:00\n",
    "device-models.csv": "model,kind,protocol,silent_after_s\nbutton-x,call_button,native,90000\n",
    "devices.csv": "device_id,cell,model,household,resident\nb-1,qinghe,button-x,h-1,r-1\n",
}


def _written(folder: Path, files: dict[str, str]) -> list[Path]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def _import(database: Database, paths: list[Path], *, dry_run: bool = False) -> Report:
    tables, faults = read_tables(paths)
    assert not faults
    return await import_tables(database, tables, now=NOON, dry_run=dry_run)


async def _all(database: Database) -> dict[Noun, list[dict[str, Any]]]:
    async with database.transaction() as connection:
        return {
            noun: [one.written for one in await enrolled.read(connection, noun, within=None)]
            for noun in enrolled.FILTERS
        }


async def test_a_town_comes_from_a_folder_of_csv_files(database: Database, tmp_path: Path) -> None:
    """Files in any order; children before their parents; phone columns become contacts."""
    report = await _import(database, _written(tmp_path, dict(reversed(FILES.items()))))
    assert report.faults == []
    assert {noun: tally.new for noun, tally in report.tallies.items() if tally.new} == {
        Noun.ORGANISATIONS: 2,
        Noun.HOUSEHOLDS: 1,
        Noun.RESIDENTS: 1,
        Noun.RESPONDERS: 1,
        Noun.CIRCLE_MEMBERS: 1,
        Noun.SHIFTS: 1,
        Noun.DEVICE_MODELS: 1,
        Noun.DEVICES: 1,
    }
    stored = await _all(database)
    assert stored[Noun.RESIDENTS][0]["categories"] == ["living_alone", "disabled"]
    assert [(one["channel"], one["address"]) for one in stored[Noun.RESPONDERS][0]["contacts"]] == [
        ("voice", "+8613900000001"),
        ("sms", "+8613900000001"),
    ]
    assert stored[Noun.SHIFTS][0]["starts"] == "08:00:00"
    assert stored[Noun.DEVICES][0]["resident"] == "r-1"


async def test_the_same_files_again_change_nothing(database: Database, tmp_path: Path) -> None:
    """Not even a version."""
    paths = _written(tmp_path, FILES)
    await _import(database, paths)
    async with database.transaction() as connection:
        before = await enrolled.read(connection, Noun.HOUSEHOLDS, within=None)
    report = await _import(database, paths)
    assert {(tally.new, tally.changed, tally.unchanged > 0) for tally in report.tallies.values()} == {(0, 0, True)}
    async with database.transaction() as connection:
        assert await enrolled.read(connection, Noun.HOUSEHOLDS, within=None) == before


async def test_a_column_that_is_not_there_leaves_things_as_they_are(database: Database, tmp_path: Path) -> None:
    """An empty cell clears, a missing column keeps; a dry run says so and keeps nothing."""
    await _import(database, _written(tmp_path, FILES))
    (tmp_path / "households.csv").write_text("code,address,lat,lon\nh-1,四组2号,,\n", encoding="utf-8")
    dry = await _import(database, [tmp_path / "households.csv"], dry_run=True)
    assert dry.tallies[Noun.HOUSEHOLDS] == Tally(changed=1)
    assert dry.changes[0].fields == {"address": ("三组1号", "四组2号"), "lat": (36.1, None), "lon": (114.2, None)}
    assert (await _all(database))[Noun.HOUSEHOLDS][0]["address"] == "三组1号"
    await _import(database, [tmp_path / "households.csv"])
    home = (await _all(database))[Noun.HOUSEHOLDS][0]
    assert (home["address"], home["community"], home["lat"]) == ("四组2号", "和平村", None)


async def test_every_fault_is_named_at_once_and_nothing_is_kept(database: Database, tmp_path: Path) -> None:
    """File, line, field, value, what is allowed; what only refers to a faulty record is not blamed, too."""
    files = FILES | {
        "households.csv": "code,organisation,community,address,lat,lon\n"
        "h-1,heping,和平村,三组1号,91,114.2\n"
        "h-2,nowhere,和平村,三组2号,,\n"
        "h-3,heping,,三组3号,,\n"
        "h-4,heping,和平村,三组4号,,\n"
        "h-4,heping,和平村,三组4号,,\n"
        "h-5,heping,和平村,三组5号,36,\n",
        "responders.csv": "code,organisation,name,phone\nd-1,heping,张丽,110\n",
        "devices.csv": "device_id,cell,model,household\nb-1,qinghe,button-x,h-1\nb-2,baisha,button-y,h-4\nb-3,qinghe,"
        "button-x,h-99\n",
    }
    report = await _import(database, _written(tmp_path, files))
    assert [(Path(one.place.file).name, one.place.line, one.field, one.value) for one in report.faults] == [
        ("households.csv", 2, "lat", "91"),
        ("households.csv", 4, "community", ""),
        ("households.csv", 7, "Household", ""),
        ("households.csv", 6, "key", "h-4"),
        ("households.csv", 3, "organisation", "nowhere"),
        ("responders.csv", 2, "phone", "110"),
        ("devices.csv", 3, "model", "button-y"),
        ("devices.csv", 4, "household", "h-99"),
        ("devices.csv", 3, "cell", "baisha"),
    ]
    assert "less than or equal to 90" in str(report.faults[0])
    assert "households.csv:5, too" in report.faults[3].allowed
    assert not any((await _all(database)).values())


async def test_what_the_schema_refuses_is_traced_to_its_row(database: Database, tmp_path: Path) -> None:
    """Two towns cannot have one cell; the good rows beside it are not blamed."""
    path = tmp_path / "organisations.csv"
    path.write_text("code,kind,name,cell\na,town,A,a\nb,town,B,same\nc,town,C,c\nd,town,D,same\n", encoding="utf-8")
    report = await _import(database, [path])
    assert [(one.place.line, one.field, one.value) for one in report.faults] == [(5, "record", "d")]
    assert "organisations_cell_key" in report.faults[0].allowed


async def test_rows_can_retire_and_strike_off(database: Database, tmp_path: Path) -> None:
    """What others live on goes last, whatever the order; a circle member is struck off."""
    await _import(database, _written(tmp_path, FILES))
    going = {
        "households.csv": "code,retired\nh-1,yes\n",
        "residents.csv": "code,retired\nr-1,true\n",
        "devices.csv": "device_id,retired\nb-1,是\n",
        "circles.csv": "household,circle,responder,retired\nh-1,children,d-1,1\n",
    }
    report = await _import(database, _written(tmp_path, going))
    assert report.faults == []
    stored = await _all(database)
    for noun in (Noun.HOUSEHOLDS, Noun.RESIDENTS, Noun.DEVICES, Noun.CIRCLE_MEMBERS):
        assert stored[noun] == []
        assert report.tallies[noun].retired == 1
    alone = await _import(database, _written(tmp_path, {"organisations.csv": "code,retired\nheping,true\n"}))
    assert "responder d-1" in alone.faults[0].allowed


async def test_a_new_number_takes_the_place_of_the_old_one(database: Database, tmp_path: Path) -> None:
    """The old one is called no more."""
    await _import(database, _written(tmp_path, FILES))
    await _import(database, _written(tmp_path, {"responders.csv": "code,phone\nd-1,+8613900000009\n"}))
    contacts = (await _all(database))[Noun.RESPONDERS][0]["contacts"]
    assert {one["address"] for one in contacts} == {"+8613900000009"}


YAML = """\
organisations:
  - {code: qinghe, kind: town, name: 清河镇, cell: qinghe}
responders:
  - code: "0012"
    organisation: qinghe
    name: 王强
    contacts:
      - {channel: voice, address: +8613900000001}
shifts:
  - {organisation: qinghe, circle: duty_desk, responder: 0012, weekday: 1, starts: 20:00, ends: 08:00}
"""


async def test_a_boundary_drawn_on_a_shifted_map_is_kept_in_wgs84(database: Database, tmp_path: Path) -> None:
    """Once converted it is the same at the next import; what is no boundary is named with its row."""
    drawn = '{""type"": ""Polygon"", ""datum"": ""gcj02"", ""coordinates"": [[[114, 36], [114.1, 36], [114.1, 36.1],'
    row = f'heping,community,和平村,"{drawn} [114, 36]]]}}"'
    files = {"organisations.csv": f"code,kind,name,boundary\n{row}\n"}
    for changed in (1, 0):
        report = await _import(database, _written(tmp_path, files))
        assert report.faults == []
        assert report.tallies[Noun.ORGANISATIONS].new == changed
    boundary = (await _all(database))[Noun.ORGANISATIONS][0]["boundary"]
    assert boundary["type"] == "Polygon"
    assert boundary["coordinates"][0][0] == pytest.approx([113.994, 36.0], abs=1e-3)
    assert boundary["coordinates"][0][0] != [114, 36]
    wrong = {"organisations.csv": "code,kind,name,boundary\nheping,community,和平村,{}\n"}
    fault = (await _import(database, _written(tmp_path, wrong))).faults[0]
    assert (fault.place.line, fault.field) == (2, "boundary")
    assert "Polygon" in fault.allowed


async def test_yaml_is_read_as_text(database: Database, tmp_path: Path) -> None:
    """20:00 is a time, +86… keeps its plus sign, 0012 its zeros."""
    report = await _import(database, _written(tmp_path, {"all.yaml": YAML}))
    assert report.faults == []
    stored = await _all(database)
    assert stored[Noun.RESPONDERS][0]["contacts"][0]["address"] == "+8613900000001"
    assert (stored[Noun.SHIFTS][0]["responder"], stored[Noun.SHIFTS][0]["starts"]) == ("0012", "20:00:00")


@pytest.mark.parametrize("form", list(Format))
async def test_what_is_exported_can_be_imported_again(database: Database, tmp_path: Path, form: Format) -> None:
    """Into the same database it changes nothing; the files are for their owner alone."""
    async with database.transaction() as connection:
        await build_town(connection, homes=3)
    counts = await export_to(database, tmp_path, form)
    assert counts[Noun.DEVICES] == 12
    paths = _files(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    report = await _import(database, paths)
    assert report.faults == []
    assert {(tally.new, tally.changed) for tally in report.tallies.values()} == {(0, 0)}
    assert {noun: tally.unchanged for noun, tally in report.tallies.items() if tally.unchanged} == {
        noun: count for noun, count in counts.items() if count
    }


async def test_an_exported_town_lives_on_in_an_empty_database(
    database: Database, tmp_path: Path, empty_database: Database
) -> None:
    """Everything that was written down comes back."""
    async with database.transaction() as connection:
        await build_town(connection, homes=2)
    await export_to(database, tmp_path, Format.XLSX)
    report = await _import(empty_database, [tmp_path / "carewatch.xlsx"])
    assert report.faults == []
    assert await _all(empty_database) == await _all(database)


async def test_a_name_is_never_a_formula(database: Database, tmp_path: Path) -> None:
    """Whatever a name begins with, a spreadsheet shows it and computes nothing."""
    await _import(database, _written(tmp_path, {"organisations.csv": "code,kind,name\nx,town,=1+1\n"}))
    await export_to(database, tmp_path, Format.XLSX)
    sheet = openpyxl.load_workbook(tmp_path / "carewatch.xlsx")["organisations"]
    assert (sheet["C2"].value, sheet["C2"].data_type) == ("=1+1", "s")
