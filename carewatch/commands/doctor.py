"""`carewatch doctor`: what is wrong, and how to mend it."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from carewatch.commands.shared import settings_of, stdout
from carewatch.doctor.examine import examine
from carewatch.doctor.finding import Finding, Level, error
from carewatch.errors import SettingsFault

_STYLES: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Say what is wrong and how to mend it: settings, broker, database, clock, disk, processes, provider.

    Exits with 1 if anything must be mended.
    """
    try:
        found = asyncio.run(examine(settings_of(context)))
    except SettingsFault as fault:
        found = [error(f"setting {one.name}", one.value, one.allowed) for one in fault.faults]
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode([asdict(one) for one in found])))
    else:
        stdout.print(_table(found))
    if any(one.level is Level.ERROR for one in found):
        raise typer.Exit(1)


def _table(found: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "what", "seen, and how to mend it"):
        table.add_column(name)
    for one in found:
        said = f"{one.seen}\n→ {one.mend}" if one.mend else one.seen
        table.add_row(one.level.value, one.what, Text(said), style=_STYLES[one.level])
    return table
