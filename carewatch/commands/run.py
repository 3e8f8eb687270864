"""`carewatch run`: one process of CareWatch, in the foreground."""

import asyncio
from typing import Annotated

import typer
import uvloop

from api.serving import CannotListen
from carewatch.commands.shared import settings_of
from carewatch.errors import ProgramNotStarted
from carewatch.logging import configure_logging
from carewatch.processes import ProcessName, run_process


def run(
    context: typer.Context, process: Annotated[ProcessName, typer.Argument(help="Which one.", show_default=False)]
) -> None:
    """Run one process until SIGTERM or Ctrl-C; ``carewatch up`` runs them all."""
    settings = settings_of(context)
    configure_logging(settings.log, process=process.value)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(run_process(process, settings))
        except CannotListen as error:
            raise ProgramNotStarted(process.value, f"{error.strerror}; is it running already?") from error
