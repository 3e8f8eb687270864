"""How long it takes to enrol a city: 100,000 homes from CSV files, the same again, and out again.

    python -P -m benchmarks.import_homes [HOMES]

Each home has one resident, two responders of its own in its circle, and three devices. Issue 5 asks for two minutes.
"""

import asyncio
import csv
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from carewatch.embedded.postgres import PostgresServer
from carewatch.importing.exporting import Format, export_to
from carewatch.importing.importing import import_tables
from carewatch.importing.reading import read_tables
from store.migrate import migrate
from store.pool import DatabaseClock, open_database

_HOMES_A_GRID = 300
_GRIDS_A_TOWN = 40
_MODELS = {"button": "call_button", "smoke": "smoke_alarm", "motion": "infrared_sensor"}


def _table(folder: Path, noun: str, names: str, rows: Iterable[Iterable[Any]]) -> int:
    with (folder / f"{noun}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(names.split())
        count = 0
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _organisations(homes: int) -> Iterator[list[str]]:
    yield ["city", "city", "The City", "", ""]
    grids = -(-homes // _HOMES_A_GRID)
    for town in range(-(-grids // _GRIDS_A_TOWN)):
        yield [f"town-{town}", "town", f"Town {town}", "city", f"cell-{town}"]
    for grid in range(grids):
        yield [f"grid-{grid}", "grid", f"Grid {grid}", f"town-{grid // _GRIDS_A_TOWN}", ""]


def _grid(home: int) -> str:
    return f"grid-{home // _HOMES_A_GRID}"


def _cell(home: int) -> str:
    return f"cell-{home // _HOMES_A_GRID // _GRIDS_A_TOWN}"


def write_city(folder: Path, homes: int) -> int:
    """Write the files of a city and return how many records they hold."""
    numbers = range(homes)
    sides = ("a", "b")
    return sum(
        [
            _table(folder, "organisations", "code kind name parent cell", _organisations(homes)),
            _table(
                folder,
                "households",
                "code organisation community address lat lon",
                (
                    [f"h-{n}", f"grid-{n // _HOMES_A_GRID}", "和平村", f"三组{n}号", 36 + n * 1e-6, 114.2]
                    for n in numbers
                ),
            ),
            _table(
                folder,
                "residents",
                "code household surname given_name born_on categories",
                ([f"r-{n}", f"h-{n}", "张", "秀兰", "1942-05-01", "living_alone"] for n in numbers),
            ),
            _table(
                folder,
                "responders",
                "code organisation name phone",
                (
                    [f"p-{n}-{side}", _grid(n), "张丽", f"+86139{2 * n + (side == 'b'):08d}"]
                    for n in numbers
                    for side in sides
                ),
            ),
            _table(
                folder,
                "circles",
                "household circle responder rank relation",
                ([f"h-{n}", "children", f"p-{n}-{side}", 0, "daughter"] for n in numbers for side in sides),
            ),
            _table(
                folder,
                "device-models",
                "model kind protocol silent_after_s",
                ([name, kind, "native", 90000] for name, kind in _MODELS.items()),
            ),
            _table(
                folder,
                "devices",
                "device_id cell model household resident",
                ([f"{name}-{n}", _cell(n), name, f"h-{n}", f"r-{n}"] for n in numbers for name in _MODELS),
            ),
        ]
    )


async def measure(homes: int) -> None:
    """Enrol ``homes`` homes, and print what each step took."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        records = write_city(files, homes)
        print(f"{homes} homes, {records} records", flush=True)
        async with PostgresServer(Path(folder) / "database") as server:
            await asyncio.to_thread(migrate, server.dsn)
            async with open_database(server.dsn, "benchmark", size=2) as database:
                now = await DatabaseClock(database).refresh()
                for name in ("import", "the same again"):
                    begun_s, own_s = time.perf_counter(), time.process_time()
                    tables, faults = read_tables(sorted(files.iterdir()))
                    report = await import_tables(database, tables, now=now)
                    took_s = time.perf_counter() - begun_s
                    assert not faults
                    assert not report.faults, report.faults[:3]
                    own_s = time.process_time() - own_s
                    print(
                        f"{name}: {took_s:.1f} s, {own_s:.1f} s of it ours; {records / took_s:.0f} records/s",
                        flush=True,
                    )
                    for noun, tally in report.tallies.items():
                        print(f"  {noun.value}: {tally.new} new, {tally.unchanged} unchanged", flush=True)
                out = Path(folder) / "out"
                out.mkdir()
                begun_s = time.perf_counter()
                await export_to(database, out, Format.CSV)
                print(f"export to CSV: {time.perf_counter() - begun_s:.1f} s", flush=True)


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
