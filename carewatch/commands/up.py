"""`carewatch up`: the whole system on this machine, until it is told to stop."""

import asyncio

import structlog
import typer

from carewatch.commands.shared import settings_of, stdout, words_of
from carewatch.logging import configure_logging
from carewatch.settings import Settings
from carewatch.supervise import Supervisor, stop_on_signals
from carewatch.system import addresses, not_serving, start_processes, start_servers

log = structlog.get_logger(__name__)


def up(context: typer.Context) -> None:
    """Run everything on this machine: what dies is started again, SIGTERM or Ctrl-C ends it in good order.

    Brings its own database and broker unless ``dsn`` and ``broker_url`` are set.
    """
    settings = settings_of(context)
    configure_logging(settings.log, process="up")
    asyncio.run(_up(settings, words_of(context)))


async def _up(settings: Settings, words: list[str]) -> None:
    async with stop_on_signals() as stop, Supervisor() as supervisor:
        stopped = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(_start(settings, supervisor, words))
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopped
        finally:
            for task in (starting, stopped):
                task.cancel()
            await asyncio.gather(starting, stopped, return_exceptions=True)


async def _start(settings: Settings, supervisor: Supervisor, words: list[str]) -> None:
    users = await start_servers(settings, supervisor)
    await start_processes(supervisor, words)
    for name, reason in (await not_serving(settings)).items():
        log.warning("not serving yet; it goes on trying", name=name.value, reason=reason)
    stdout.print("CareWatch is up. Ctrl-C ends it.")
    for what, where in addresses(settings):
        stdout.print(f"  {what:16}{where}", soft_wrap=True, markup=False)
    if users is not None:
        await users.keep()
