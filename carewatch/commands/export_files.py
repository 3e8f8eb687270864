"""`carewatch export`: what is enrolled, as files that can be imported again."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from carewatch.commands.connecting import with_database
from carewatch.commands.shared import stderr, stdout
from carewatch.importing.exporting import Format, export_to
from store import audit
from store.pool import Database
from store.registry import Noun


def export_files(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to; made if it is not there.", file_okay=False)],
    form: Annotated[Format, typer.Option("--format", help="How.")] = Format.CSV,
) -> None:
    """Write everything in use to files, as of one moment. They hold names, addresses and numbers: keep them safe."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr) as bar:
        task = bar.add_task("exporting")

        async def work(database: Database, now: datetime) -> dict[Noun, int]:
            async with database.transaction() as connection:
                await audit.record(connection, "command:export", "export", "*", ["*"], now=now)
            return await export_to(database, folder, form, progress=lambda noun, rows: bar.advance(task, rows))

        counts = with_database(context, "export", work)
    for noun, count in counts.items():
        stdout.print(f"{noun.value}: {count}")
