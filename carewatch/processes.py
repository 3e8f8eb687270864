"""The processes of CareWatch: each is a coroutine ``run(config, clock, stop, health)`` in an OS process of its own."""

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import structlog

from carewatch.observe import observed
from carewatch.settings import Settings
from carewatch.supervise import stop_on_signals
from domain.clock import Clock
from domain.health import Health
from ingest.config import LaneName
from store.errors import StoreError
from store.pool import DatabaseClock, as_told, open_database

log = structlog.get_logger(__name__)

_READ_EVERY_S: Final = 1.0


class ProcessName(StrEnum):
    """What can be run."""

    INGEST_ALARM = "ingest-alarm"
    INGEST_TELEMETRY = "ingest-telemetry"
    ENGINE = "engine"
    SENDER = "sender"
    WEB = "web"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """How one process is started. ``module`` is imported by that process alone: an engine carries no web pages."""

    module: str
    config: Callable[[Settings], Any]
    ready: tuple[str, ...]
    """The components of its health that must be well before it counts as serving."""
    niceness: int = 0
    """On a machine that is too busy alarms come first, and telemetry and pages wait. Source: nice(1)."""

    def prioritise(self) -> None:
        """Give the calling process the priority of this one, as far as its user may."""
        give_niceness(os.getpid(), self.niceness)


def give_niceness(pid: int, niceness: int) -> None:
    """Set the niceness of a process, as far as our user may.

    Linux may share out the processors among sessions first: then niceness counts within a session only, and that of a
    session is told to ``autogroup``. The session of others, a terminal's, say, is left alone. Source: sched(7).
    """
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    if niceness and os.getsid(pid) == pid:
        with contextlib.suppress(OSError):  # not every kernel has it
            _share(pid, niceness)


def _share(session: int, niceness: int) -> None:
    """Set the niceness of a session; the kernel takes one such wish in a tenth of a second from ordinary users."""
    for _ in range(_WISHES):
        try:
            Path(f"/proc/{session}/autogroup").write_text(str(niceness))
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return


_WISHES: Final = 5
_LANE_READY: Final = ("database", "broker", "lease")

PROCESSES: Final[dict[ProcessName, Process]] = {
    ProcessName.INGEST_ALARM: Process(
        module="ingest.lane",
        config=lambda settings: settings.lane(LaneName.ALARM),
        ready=_LANE_READY,
        niceness=-5,
    ),
    ProcessName.INGEST_TELEMETRY: Process(
        module="ingest.lane",
        config=lambda settings: settings.lane(LaneName.TELEMETRY),
        ready=_LANE_READY,
        niceness=5,
    ),
    ProcessName.ENGINE: Process(
        module="alerting.engine", config=lambda settings: settings.engine, ready=("loop:escalation",), niceness=-5
    ),
    ProcessName.SENDER: Process(
        module="alerting.sender", config=lambda settings: settings.sender, ready=("loop:sender",), niceness=-5
    ),
    ProcessName.WEB: Process(module="api.app", config=lambda settings: settings.web, ready=("database",)),
    ProcessName.CONSOLE: Process(
        module="api.console.process", config=lambda settings: settings.console, ready=("database",), niceness=5
    ),
}


async def run_process(name: ProcessName, settings: Settings) -> None:
    """Run one process until a signal asks it to stop."""
    process = PROCESSES[name]
    process.prioritise()
    run: Callable[[Any, Clock, asyncio.Event, Health], Awaitable[None]] = import_module(process.module).run
    gc.freeze()  # what has been imported stays: to look through it for garbage would stop us for 70 ms each time
    health = Health()
    for component in ("clock", *process.ready):
        health.unwell(component, "starting", datetime.now(UTC))
    where = settings.observe
    async with (
        stop_on_signals() as stop,
        care_clock(settings.database_dsn, name, health) as clock,
        observed(where.host, where.port(name), name, health, clock.moment) as url,
    ):
        log.info("serving health and metrics", url=url)
        if await _first_of(clock.known.wait(), stop.wait()):
            await run(process.config(settings), clock.clock, stop, health)


@dataclass(frozen=True, slots=True)
class CareClock:
    """The database's clock, and whether it has been read yet."""

    clock: DatabaseClock
    known: asyncio.Event

    def moment(self) -> datetime:
        """Care time; the machine's as long as the database has not told it."""
        return as_told(self.clock)


@contextlib.asynccontextmanager
async def care_clock(dsn: str, name: str, health: Health) -> AsyncIterator[CareClock]:
    """The database's clock, read again every second of machine time while entered."""
    async with open_database(dsn, f"carewatch {name} clock", size=1) as database:
        care = CareClock(DatabaseClock(database), asyncio.Event())
        reading = asyncio.create_task(_keep_reading(care, health))
        try:
            yield care
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _keep_reading(care: CareClock, health: Health) -> None:
    while True:
        try:
            health.well("clock", await care.clock.refresh())
            care.known.set()
        except StoreError as error:
            reason = f"care time cannot be read: {error}; is PostgreSQL running, and is the DSN right?"
            health.unwell("clock", reason, care.moment())
        await asyncio.sleep(_READ_EVERY_S)


async def _first_of(wanted: Awaitable[Any], otherwise: Awaitable[Any]) -> bool:
    """Wait for either; True if it was ``wanted``."""
    tasks = [asyncio.ensure_future(wanted), asyncio.ensure_future(otherwise)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].done()
    finally:
        for task in tasks:
            task.cancel()
