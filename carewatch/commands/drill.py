"""`carewatch drill`: prove the whole chain, from a press to the receipt that help is coming."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from alerting.deployment import Deployment
from carewatch.commands.shared import settings_of, stdout
from carewatch.drilling import Drilled, Stage
from carewatch.drilling import drill as hold
from carewatch.logging import LogConfig, configure_logging
from carewatch.private import PrivateInstallation, running
from carewatch.settings import Settings
from store.pool import open_database


def drill(
    context: typer.Context,
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="On a private installation that is thrown away, instead of the running one."),
    ] = False,
    number: Annotated[
        str | None, typer.Option(help="A phone that takes part in drills; not needed with the stand-in.")
    ] = None,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for somebody to accept.")] = 120.0,
    password: Annotated[
        str | None, typer.Option(help="Of the device `drill-button` at the broker.", envvar="DEVICE_PASSWORD")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Let a made-up resident press her button, and follow it through broker, database and phone to the acceptance.

    Exits with 1 if any stage is missing, and names it. Nobody real is called but --number.
    """

    async def prove() -> Drilled:
        if not embedded:
            return await _on(settings_of(context), number, password, wait)
        async with _thrown_away() as settings:
            return await _on(settings, None, None, wait)

    drilled = asyncio.run(prove())
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(_plain(drilled))))
    else:
        _show(drilled)
    if drilled.missing:
        raise typer.Exit(1)


async def _on(settings: Settings, number: str | None, password: str | None, wait_s: float) -> Drilled:
    async with open_database(settings.database_dsn, "carewatch drill", size=2) as database:
        return await hold(settings, database, number=number, password=password, wait_s=wait_s)


@asynccontextmanager
async def _thrown_away() -> AsyncIterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="carewatch-drill-") as folder:
        installation = PrivateInstallation(Path(folder), Deployment.DRILL)
        with (installation.logs / "drill.log").open("w", encoding="utf-8") as log:
            configure_logging(LogConfig(), to=log, process="drill")
            async with running(installation):
                yield installation.settings


def _plain(drilled: Drilled) -> dict[str, object]:
    return {
        "ok": not drilled.missing,
        "missing": [stage.value for stage in drilled.missing],
        "incident": drilled.incident,
        "after_s": {stage.value: round(after_s, 3) for stage, after_s in drilled.after_s.items()},
    }


def _show(drilled: Drilled) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    table.add_column("after", justify="right")
    for stage in Stage:
        after_s = drilled.after_s.get(stage)
        seen = f"{after_s:.3f} s" if after_s is not None else "missing"
        table.add_row(stage.value.replace("_", " "), seen, style=None if after_s is not None else "bold red")
    stdout.print(table)
    whole = f"the chain holds (incident {drilled.incident})"
    broken = f"missing: {', '.join(stage.value.replace('_', ' ') for stage in drilled.missing)}"
    stdout.print(broken if drilled.missing else whole, style="bold red" if drilled.missing else "bold green")
