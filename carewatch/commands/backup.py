"""`carewatch backup` and `carewatch restore`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from carewatch import backup as backups
from carewatch.commands.shared import settings_of, stderr, stdout
from carewatch.settings import Settings


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The archive to write; it must not be there yet.", show_default=False)],
) -> None:
    """Write the whole database, as of one moment, into an archive, while everything goes on running."""
    columns = (SpinnerColumn(), TextColumn("backing up"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr) as progress:
        task = progress.add_task("", total=None)
        size = backups.back_up(
            settings_of(context).database_dsn, file, progress=lambda done: progress.update(task, completed=done)
        )
    stdout.print(
        f"{file} holds the whole database ({size / 1e6:.1f} MB); keep it where this machine's end is not its own"
    )


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An archive of `carewatch backup`.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Throw away what the database holds now.")] = False,
) -> None:
    """Fill an empty database from an archive and bring it up to date. Nothing else of CareWatch may be running."""
    settings = settings_of(context)
    with _running_database(settings) as dsn:
        ran = backups.restore(dsn, file, replace=replace)
    stdout.print(f"restored from {file}" + "".join(f"\nran {name}" for name in ran))


@contextmanager
def _running_database(settings: Settings) -> Iterator[str]:
    """The stated database, or the embedded one, which is started for this: so nothing else can be using it."""
    if settings.dsn is not None:
        yield settings.database_dsn
        return
    server = settings.embedded_database()
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            yield server.dsn
        finally:
            runner.run(server.stop())
