"""`carewatch import`: enrol from YAML, CSV and XLSX files, all or nothing."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from carewatch.commands.connecting import with_database
from carewatch.commands.shared import stderr, stdout
from carewatch.importing.faults import Fault
from carewatch.importing.importing import Change, Report, import_tables
from carewatch.importing.reading import Table, read_tables
from store.pool import Database
from store.registry import Noun

_MOST_CHANGES = 1000


def import_files(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="CSV, XLSX or YAML, named for what they hold.", exists=True)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Create and change organisations, homes, people, circles, rosters and devices from files.

    All or nothing: with any fault nothing is kept, and every fault is named. What is there already is changed; a column
    that a file does not have leaves things as they are. See docs/import.md.
    """
    tables, faults = read_tables(files)
    report = Report(faults=faults) if faults else _import(context, tables, dry_run)
    if report.faults:
        show_faults(report.faults)
        raise typer.Exit(1)
    if dry_run:
        _show_changes(report.changes)
    for noun, tally in report.tallies.items():
        stdout.print(
            f"{noun.value}: {tally.new} new, {tally.changed} changed, {tally.unchanged} unchanged,"
            f" {tally.retired} retired"
        )
    if dry_run:
        stdout.print("nothing was kept: this was a dry run")


def show_faults(faults: Sequence[Fault]) -> None:
    """Every fault on a line of its own, and how many there are."""
    for fault in faults:
        stderr.print(str(fault), markup=False, soft_wrap=True)
    stderr.print(f"{len(faults)} fault{'' if len(faults) == 1 else 's'}; nothing was kept", style="red")


def _import(context: typer.Context, tables: Sequence[Table], dry_run: bool) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr) as bar:
        tasks: dict[Noun, Any] = {}
        for table in tables:
            if table.noun not in tasks:
                length = sum(other.length for other in tables if other.noun is table.noun)
                tasks[table.noun] = bar.add_task(table.noun.value.replace("_", " "), total=length)

        async def work(database: Database, now: datetime) -> Report:
            return await import_tables(
                database,
                tables,
                now=now,
                dry_run=dry_run,
                progress=lambda noun, rows: bar.advance(tasks[noun], rows),
            )

        return with_database(context, "import", work)


def _show_changes(changes: Sequence[Change]) -> None:
    for change in changes[:_MOST_CHANGES]:
        key = "/".join(str(part) for part in change.key if part is not None)
        stdout.print(f"{change.noun.value} {key}  ({change.place})", markup=False, soft_wrap=True)
        for name, (old, new) in change.fields.items():
            stdout.print(f"  {name}: {old!r} → {new!r}", markup=False, soft_wrap=True)
    if len(changes) > _MOST_CHANGES:
        stdout.print(f"… and {len(changes) - _MOST_CHANGES} more records that change")
