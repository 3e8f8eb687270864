"""A private stack for a simulation: care time of its own, a key, and a hand that kills and stops its processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from alerting.deployment import Deployment
from carewatch.admission import found
from carewatch.private import PrivateInstallation, running
from carewatch.processes import care_clock
from carewatch.supervise import Supervisor
from domain.health import Health
from simulator.enrolment import county
from simulator.fleet.broker import Broker
from simulator.simulation import Target
from store.pool import Database, DatabaseClock, care_now, open_database, set_care_clock

_LEAD: Final = timedelta(seconds=10)
"""Care time is so far before the beginning of the scenario while the village is being enrolled …"""
_SETTLING_SPEED: Final = 0.01
"""… and creeps: a quarter of an hour is enough for the largest village, and no clock has to jump afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A private stack that runs."""

    target: Target
    clock: DatabaseClock
    supervisor: Supervisor
    database: Database

    async def begin(self, speed: float) -> None:
        """From now on care time runs at ``speed``, without a jump."""
        now = await self.clock.refresh()
        async with self.database.transaction() as connection:
            await set_care_clock(connection, moment=now, speed=speed)
        await self.clock.refresh()

    def processes(self) -> list[str]:
        """The names of everything that can be killed; not the phone network, which is no part of the platform."""
        return [status.name for status in self.supervisor.statuses() if status.name != "phone"]

    async def harm(self, process: str, for_s: float) -> None:
        """Kill ``process`` with SIGKILL (0 s), or stop it for some seconds of machine time and let it go on."""
        pid = next((one.pid for one in self.supervisor.statuses() if one.name == process), None)
        if pid is None:
            return  # it is down already
        with suppress(ProcessLookupError):
            if for_s == 0:
                os.kill(pid, signal.SIGKILL)
                return
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(for_s)
            finally:
                os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def simulated_stack(
    folder: Path, begins: float | None, *, step: Callable[[str], None] = lambda name: None
) -> AsyncIterator[Stack]:
    """A private stack in ``folder`` while entered. Care time creeps towards ``begins`` (epoch seconds) until told to
    begin; None leaves it real.
    """
    installation = PrivateInstallation(folder, Deployment.SIMULATION)
    dsn = installation.settings.database_dsn
    key = ""

    async def prepare() -> None:
        nonlocal key
        async with open_database(dsn, "carewatch simulate", size=1) as database, database.transaction() as connection:
            if begins is not None:
                moment = datetime.fromtimestamp(begins, UTC) - _LEAD
                await set_care_clock(connection, moment=moment, speed=_SETTLING_SPEED)
            moment = await care_now(connection)
            key = await found(connection, county(), name="simulate", now=moment)

    async with (
        running(installation, step=step, prepare=prepare) as supervisor,
        open_database(dsn, "carewatch simulate", size=1) as database,
        care_clock(dsn, "simulate", Health()) as care,
    ):
        await care.known.wait()
        yield Stack(
            target=Target(
                api_url=installation.settings.public_url,
                key=key,
                broker=Broker.at(installation.settings.broker),
                phone_url=installation.phone_url,
            ),
            clock=care.clock,
            supervisor=supervisor,
            database=database,
        )
