"""The engine process: the loops that decide, any number of them at once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field

from alerting.absence import Absence
from alerting.auditor import auditor_turn
from alerting.clockwatch import ClockWatch
from alerting.coverage import coverage_turn
from alerting.escalation import BATCH, escalate
from alerting.plans import default_plans
from alerting.supervision import supervision_turn
from alerting.together import together_turn
from alerting.upkeep import Retention, Upkeep
from domain.clock import Clock
from domain.health import Health
from store import incidents
from store.errors import StoreError
from store.plans import add_defaults
from store.pool import Database, DatabaseClock, as_told, open_database, read
from store.wakeups import Bell, hint, listening

log = structlog.get_logger(__name__)

_DECIDED = Counter("carewatch_engine_decided_total", "Incidents decided")
_ASKED = Counter("carewatch_engine_asked_total", "Notifications created")
_CYCLE = Histogram("carewatch_engine_cycle_seconds", "Duration of one cycle of the escalation loop")

_LONGEST_NAP = timedelta(seconds=5)  # a hint may be lost: look again after this much care time
_AFTER_A_FAULT_S = 1.0


class EngineConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of the engine."""

    dsn: str
    name: str = Field(default="engine", description="Shown in the database's list of sessions")
    retention: Retention = Field(default=Retention(), description="For how many days what is kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One kind of deciding. ``turn`` does what is due and says when it wants to run again (care time). If it is
    ``urgent`` the engine's bell wakes it earlier. Where ``due`` tells from when on there is something to do (None:
    nothing is known of), it is asked beside the clock, and before that there is no turn.
    """

    name: str
    turn: Callable[[Database, datetime], Awaitable[datetime]]
    urgent: bool = False
    due: Callable[[Database], Awaitable[datetime | None]] | None = None


async def escalation_turn(database: Database, now: datetime) -> datetime:
    """Decide everything that is due and return the next deadline, or a nap's end if that comes sooner."""
    with _CYCLE.time():
        handled = BATCH
        while handled == BATCH:
            async with database.pipeline() as connection:
                async with connection.transaction():
                    handled, asked = await escalate(connection, now=now)
                if asked:
                    await connection.execute(*hint(Bell.SENDER))
            _DECIDED.inc(handled)
            _ASKED.inc(asked)
    return _until(await escalation_due(database), now)


async def escalation_due(database: Database) -> datetime | None:
    """When the next step of any incident is due. Most hints are of something that changes no step."""
    async with database.statement() as connection:
        return await incidents.next_due(connection)


def _until(due: datetime | None, now: datetime) -> datetime:
    nap = now + _LONGEST_NAP
    return nap if due is None else min(max(due, now), nap)


LOOPS: tuple[Loop, ...] = (
    Loop(name="escalation", turn=escalation_turn, urgent=True, due=escalation_due),
    Loop(name="supervision", turn=supervision_turn),
    Loop(name="auditor", turn=auditor_turn),
    Loop(name="together", turn=together_turn),
    Loop(name="coverage", turn=coverage_turn),
)


async def run(config: EngineConfig, clock: Clock, stop: asyncio.Event, health: Health) -> None:
    """Decide until ``stop`` is set. A loop that fails is shown as unwell, and tries again; nothing is left claimed."""
    name = f"carewatch {config.name}"
    async with (
        open_database(config.dsn, name) as database,
        open_database(config.dsn, f"{name} urgent", size=2, planned_once=True) as urgent,
    ):
        tasks = [
            asyncio.create_task(_repeat(config, loop, urgent if loop.urgent else database, clock, health))
            for loop in _loops(config, clock)
        ]
        await _until_stopped(stop, tasks)


def _loops(config: EngineConfig, clock: Clock) -> tuple[Loop, ...]:
    upkeep = Loop(name="upkeep", turn=Upkeep(config.dsn, config.retention).turn)
    loops = (*LOOPS, Loop(name="absence", turn=Absence().turn), upkeep)
    if not isinstance(clock, DatabaseClock):
        return loops
    return (*loops, Loop(name="clock", turn=ClockWatch(clock).turn))


async def _until_stopped(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    waiting = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {waiting}:
            await task
    finally:
        for task in (waiting, *tasks):
            task.cancel()
        await asyncio.gather(waiting, *tasks, return_exceptions=True)


async def _repeat(config: EngineConfig, loop: Loop, database: Database, clock: Clock, health: Health) -> None:
    component = f"loop:{loop.name}"
    prepared = False
    async with AsyncExitStack() as stack:
        rung = asyncio.Event()
        if loop.urgent:
            rung = await stack.enter_async_context(listening(config.dsn, Bell.ENGINE))
        while True:
            try:
                rung.clear()
                now, again_at = await _looked(loop, database, clock)
                if not prepared:
                    async with database.transaction() as connection:
                        await add_defaults(connection, list(default_plans().values()), now=now)
                    prepared = True
                if again_at <= now:
                    again_at = await loop.turn(database, now)
                health.well(component, now)
            except StoreError as error:
                log.warning("the engine's loop could not run", loop=loop.name, error=str(error))
                health.unwell(component, str(error), as_told(clock))
                await asyncio.sleep(_AFTER_A_FAULT_S)
                continue
            await _rung_or(rung, clock, again_at)


async def _looked(loop: Loop, database: Database, clock: Clock) -> tuple[datetime, datetime]:
    """The time, and from when on there is something to do."""
    if loop.due is None:
        now = await read(clock)
        return now, now
    now, due = await asyncio.gather(read(clock), loop.due(database))
    return now, _until(due, now)


async def _rung_or(rung: asyncio.Event, clock: Clock, moment: datetime) -> None:
    """Return when the bell rings or care time reaches ``moment``."""
    tasks = [asyncio.create_task(rung.wait()), asyncio.ensure_future(clock.sleep_until(moment))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
