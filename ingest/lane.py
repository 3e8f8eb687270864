"""A lane: one process that holds a partition's lease and session, and carries its messages into the database.

A life of the lane begins with the lease, and ends when broker, database or lease are lost. What was not committed
was not acknowledged either, so the broker brings it again in the next life.
"""

import asyncio
import gc
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date
from pathlib import Path
from typing import Any, Final

import structlog

from alerting.rulebook import add_default_rules
from domain.clock import Clock
from domain.health import Health
from ingest import canary, metrics, ruling
from ingest.config import IngestConfig
from ingest.errors import BrokerUnavailable, NotOurs
from ingest.pipeline import Pipeline
from ingest.registry import Registry
from ingest.ruling import Ruling
from ingest.session import BrokerSession, connect
from ingest.topics import sessions
from store import devices, leases, partitions, rules
from store.errors import Displaced, StoreError
from store.leases import Lease
from store.pool import Database, as_told, open_database, read

log = structlog.get_logger(__name__)

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0
STANDBY_S: Final = 0.5
"""How often a lane that stands by looks whether the lease has become free."""
_GOOD_LIFE_S: Final = 30.0
_SWITCH_S: Final = 0.001
"""How long a thread with an alarm may have to wait for the interpreter; Python's default is 5 ms."""
_GARBAGE: Final = (50_000, 20, 50)
"""When to look for circles of dead objects. Messages that wait for their commit are many, live long and never make any:
Python's default looks through them again and again, for a tenth of a lane's processor time.
"""


async def run(config: IngestConfig, clock: Clock, stop: asyncio.Event, health: Health) -> None:
    """Serve one lane of one partition until ``stop``; whatever fails meanwhile shows in ``health`` and is tried again.

    ``health`` has the components ``database``, ``broker``, ``lease``, ``canary``; and, once it has happened, ``desk``
    (an alarm for which no organisation answers) and ``program`` (a message that broke us).
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_GARBAGE)
    async with open_database(config.dsn, f"carewatch {config.client_id}", wait_s=5.0) as database:
        await Lane(config, clock, stop, health, database).live()


class Lane:
    """See :func:`run`."""

    def __init__(
        self, config: IngestConfig, clock: Clock, stop: asyncio.Event, health: Health, database: Database
    ) -> None:
        self._config = config
        self._clock = clock
        self._stop = stop
        self._health = health
        self._database = database
        self._registry = Registry(database)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._partitions_on: date | None = None
        self._canary_s = time.monotonic()

    async def live(self) -> None:
        """One life after the other, with growing pauses while they are short."""
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            born_s = time.monotonic()
            try:
                await self._life()
            except NotOurs as error:
                self._health.unwell("lease", f"standing by: {error}", as_told(self._clock))
                pause_s = STANDBY_S
            except Displaced as error:
                self._health.unwell("lease", str(error), as_told(self._clock))
            except StoreError as error:
                self._health.unwell("database", str(error), as_told(self._clock))
                log.warning("the database is lost", lane=self._config.client_id, error=str(error))
            except BrokerUnavailable as error:
                self._health.unwell("broker", error.reason, as_told(self._clock))
                log.warning("the broker is lost", lane=self._config.client_id, error=str(error))
            if time.monotonic() - born_s > _GOOD_LIFE_S:
                pause_s = FIRST_PAUSE_S
            await _wait(self._stop, pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _life(self) -> None:
        """From the lease to the loss of anything, or until ``stop``. Raises what has ended it."""
        await self._look_after_time()
        await self._registry.refresh()
        metrics.DEVICES.labels(self._config.lane).set(len(self._registry))
        async with AsyncExitStack() as stack:
            lease = await stack.enter_async_context(self._leased())
            async with self._database.transaction() as connection:
                hazards = await devices.hazards(connection)
            self._health.well("database", as_told(self._clock))
            serving = []
            at_work = []
            for client_id, listening in sessions(self._config).items():
                at_work.append(await self._recalled())
                pipeline = Pipeline(
                    client_id,
                    self._config,
                    self._clock,
                    self._registry,
                    hazards,
                    lease,
                    at_work[-1],
                    unwell=self._unwell,
                    canary=self._heard_canary,
                )
                stack.push_async_callback(pipeline.close)  # in case that there will be no session
                session = await stack.enter_async_context(self._connected(client_id, pipeline))
                await session.subscribe(listening)
                serving.append((session, pipeline))
            await self._serve(serving, lease, at_work)

    @asynccontextmanager
    async def _leased(self) -> AsyncIterator[Lease]:
        async with self._database.transaction() as connection:
            name = self._config.client_id
            before = await leases.holder_of(connection, name)
            dead = before if before is not None and _is_dead(before) else None
            lease = await leases.take(connection, name, self._holder, for_s=self._config.lease_s, dead=dead)
        if lease is None:
            raise NotOurs(self._config.client_id)
        self._health.well("lease", as_told(self._clock))
        reachable = True
        try:
            yield lease
        except StoreError:
            reachable = False  # the lease runs out by itself
            raise
        finally:
            if reachable:
                await self._give_back(lease)

    async def _give_back(self, lease: Lease) -> None:
        try:
            async with self._database.transaction() as connection:
                await leases.give_back(connection, lease)
        except StoreError as error:
            log.info("the lease runs out by itself", lane=self._config.client_id, error=str(error))

    @asynccontextmanager
    async def _connected(self, client_id: str, pipeline: Pipeline) -> AsyncIterator[BrokerSession]:
        session = await connect(
            self._config.broker,
            client_id,
            pipeline.receive,
            clean=False,
            keep_alive_s=self._config.keep_alive_s,
        )
        metrics.SESSIONS.labels(self._config.lane).inc()
        try:
            yield session
        finally:
            session.pause(True)
            await pipeline.close()
            await session.leave()

    async def _serve(
        self, serving: Sequence[tuple[BrokerSession, Pipeline]], lease: Lease, at_work: Sequence[Ruling]
    ) -> None:
        """Serve until something is lost or ``stop``. Raises what has ended it."""
        self._health.well("broker", as_told(self._clock))
        self._canary_s = time.monotonic()
        log.info("serving", lane=self._config.client_id, devices=len(self._registry))
        tasks = [
            asyncio.create_task(self._tend(lease, at_work)),
            asyncio.create_task(canary.sing(self._config, self._clock)),
            *(asyncio.create_task(session.keep_alive()) for session, _ in serving),
        ]
        lost: list[asyncio.Future[Any]] = [session.ended for session, _ in serving]
        lost += [pipeline.failed for _, pipeline in serving]
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([stopped, *lost, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in (*(one.result() for one in lost if one.done()), *ended):
            if isinstance(outcome, Exception):
                raise outcome

    async def _recalled(self) -> Ruling:
        """The rules, with what they remember of the devices of this partition."""
        cells = self._config.cells
        ours = [one for one in self._registry.devices() if not cells or one.cell in cells]
        async with self._database.transaction() as connection:
            await add_default_rules(connection, now=as_told(self._clock))
            return await ruling.recalled(connection, ours)

    async def _look_after_rules(self, at_work: Sequence[Ruling]) -> None:
        """Go by the newest version of the rules."""
        async with self._database.transaction() as connection:
            mark = await rules.mark(connection)
            if any(one.mark != mark for one in at_work):
                rulebook, homes = await ruling.load(connection)
                for one in at_work:
                    one.adopt(rulebook, homes)

    async def _tend(self, lease: Lease, at_work: Sequence[Ruling]) -> None:
        """Keep lease, care time, registry and partitions up to date, and see whether the canary still sings."""
        renewed_s = 0.0
        while True:
            if time.monotonic() - renewed_s >= self._config.lease_s / 3:
                async with self._database.transaction() as connection:
                    await leases.renew(connection, lease, for_s=self._config.lease_s)
                renewed_s = time.monotonic()
            await self._look_after_time()
            await self._registry.refresh()
            await self._look_after_rules(at_work)
            metrics.DEVICES.labels(self._config.lane).set(len(self._registry))
            now = as_told(self._clock)
            for component in ("database", "broker", "lease"):
                self._health.well(component, now)
            silent_s = time.monotonic() - self._canary_s
            if silent_s > 3 * self._config.canary_s:
                self._health.unwell("canary", f"none has come through for {silent_s:.0f} s: we may be deaf", now)
            await asyncio.sleep(min(self._config.clock_s, self._config.lease_s / 3))

    async def _look_after_time(self) -> None:
        """Read care time where it is the database's, and have the partitions of the days around it."""
        today = (await read(self._clock)).astimezone(UTC).date()
        if today != self._partitions_on:
            await asyncio.to_thread(partitions.ensure_around, self._config.dsn, today)
            self._partitions_on = today

    def _heard_canary(self) -> None:
        self._canary_s = time.monotonic()
        self._health.well("canary", as_told(self._clock))

    def _unwell(self, component: str, reason: str) -> None:
        self._health.unwell(component, reason, as_told(self._clock))


def _is_dead(holder: str) -> bool:
    """True if ``holder`` was a process of this machine and is no more; its number may have been given to another, then
    its lease runs out. Source: proc(5).
    """
    host, pid, _ = holder.rsplit(":", 2) if holder.count(":") >= 2 else ("", "", "")
    return host == socket.gethostname() and Path("/proc/self").exists() and not Path(f"/proc/{pid}").exists()


async def _wait(stop: asyncio.Event, for_s: float) -> None:
    try:
        async with asyncio.timeout(for_s):
            await stop.wait()
    except TimeoutError:
        return
