"""`carewatch demo`: a town on a private installation, told as a story."""

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from alerting.deployment import Deployment
from carewatch.commands.shared import Stated, stdout
from carewatch.demo.play import Demo
from carewatch.logging import LogConfig, configure_logging
from carewatch.settings import load

UNATTENDED_MINUTES: Final = 2.0


def demo(
    context: typer.Context,
    console_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the console; by default any free one.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.05, help="How long the town lives; by default until Ctrl-C, unattended for two minutes."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another town, other people.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where it keeps everything; delete it to begin anew.")] = Path(
        ".carewatch/demo"
    ),
) -> None:
    """Show it all: a fictional town with its own database, broker and phone network, one line for each thing that
    happens.

    Its homes are made up, and it reaches no real phone: with a real provider in the settings it refuses to start.
    Unattended (no terminal, or CI=true) it plays for two minutes, and exits with 1 if nobody was helped.
    """
    stated: Stated = context.obj
    load(stated.config, deployment=Deployment.DEMO)  # refuses a real provider, and says why
    unattended = not stdout.is_terminal or os.environ.get("CI", "").lower() == "true"
    limit = UNATTENDED_MINUTES if minutes is None and unattended else minutes
    with ExitStack() as stack:
        play = Demo(stdout, folder, seed=seed, console_port=console_port)
        log = stack.enter_context((folder / "log" / "demo.log").open("a", encoding="utf-8"))
        configure_logging(LogConfig(), to=log, process="demo")
        helped = asyncio.run(play.play(limit))
    if limit is not None and not helped:
        raise typer.Exit(1)
