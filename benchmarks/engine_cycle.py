"""What the engine's loops cost in a city: 100,000 homes, each with a device and an open deadline.

    python -P -m benchmarks.engine_cycle [HOMES]

One engine, one embedded PostgreSQL with durable commits, on this machine. Prints each figure as it is measured.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerting.auditor import auditor_turn
from alerting.coverage import coverage_turn
from alerting.engine import EngineConfig, escalation_due, escalation_turn, run
from alerting.plans import default_plans
from alerting.supervision import judge_silence, settle, supervision_turn
from carewatch.embedded.postgres import PostgresServer
from domain.health import Health
from store.migrate import migrate
from store.plans import add_defaults
from store.pool import Database, DatabaseClock, open_database

_IDLE_S = 30.0

_CITY = """
INSERT INTO organisations (code, kind, name, cell) VALUES ('city', 'city', 'The City', 'city');
INSERT INTO organisations (code, kind, name, parent_id)
    SELECT 'grid-' || n, 'grid', 'Grid ' || n, o.id FROM generate_series(0, {homes} / 300) n, organisations o
    WHERE o.code = 'city';
INSERT INTO households (code, organisation_id, community, address)
    SELECT 'home-' || n, o.id, 'C', 'A' FROM generate_series(0, {homes} - 1) n
    JOIN organisations o ON o.code = 'grid-' || n / 300;
INSERT INTO residents (code, household_id, surname) SELECT code, id, 'Zhang' FROM households;
INSERT INTO responders (code, organisation_id, name) SELECT code, organisation_id, code FROM households;
INSERT INTO contacts (responder_id, channel, address, confirmed_at)
    SELECT id, 'sms', '+86139' || lpad(id::text, 8, '0'), now() FROM responders;
INSERT INTO circle_members (household_id, circle, responder_id)
    SELECT h.id, 'children', r.id FROM households h JOIN responders r ON r.code = h.code;
INSERT INTO circle_members (organisation_id, circle, responder_id)
    SELECT o.id, 'duty_desk', (SELECT min(id) FROM responders) FROM organisations o WHERE o.code = 'city';
INSERT INTO device_models VALUES ('band', 'wristband', 'native', '30 min');
INSERT INTO devices (device_id, cell, organisation_id, model, household_id, resident_id, registered_at, bound_at)
    SELECT 'band-' || h.id, 'city', h.organisation_id, 'band', h.id, r.id, now(), now()
    FROM households h JOIN residents r ON r.household_id = h.id;
"""

_WAITING = """
INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, household_id,
                       resident_id, opened_at, last_alarm_at, next_step_at, round)
    SELECT 'live', 'resident', r.id::text, 'sos', 2, h.organisation_id, h.organisation_id, h.id, r.id, %(now)s, %(now)s,
           %(now)s + interval '1 h' + h.id * interval '10 ms', 0
    FROM households h JOIN residents r ON r.household_id = h.id
"""


async def build_city(database: Database, homes: int) -> None:
    """Homes in grids of 300, each with a resident who wears a wristband and a responder of her own."""
    await execute_all(database, _CITY.format(homes=homes))


async def execute_all(database: Database, statements: str) -> None:
    """Run statements that end with a semicolon and the line, and let the planner know what they wrote."""
    for statement in statements.split(";\n"):
        if statement.strip():
            await execute(database, statement)
    await execute(database, "ANALYZE")


@asynccontextmanager
async def city(homes: int) -> AsyncIterator[tuple[Database, str]]:
    """A city of so many homes, in a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(Path(folder))
        await server.start()
        try:
            await asyncio.to_thread(migrate, server.dsn)
            async with open_database(server.dsn, "benchmark") as database:
                await build_city(database, homes)
                yield database, server.dsn
        finally:
            await server.stop()


async def execute(database: Database, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement that may take its time."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        cursor = await connection.execute(statement.encode(), parameters or None)
        return await cursor.fetchall() if cursor.description else []


async def timed(what: str, doing: Callable[[], Awaitable[Any]], *, times: int = 1) -> None:
    """Do it, and print how long that took on average."""
    began = time.perf_counter()
    for _ in range(times):
        await doing()
    print(f"{what:<74} {(time.perf_counter() - began) / times * 1000:>12,.1f} ms", flush=True)


async def canary(database: Database, now: datetime) -> None:
    """A lane has heard everything until now."""
    await execute(
        database,
        """INSERT INTO canaries VALUES ('p00-telemetry', %(now)s, %(now)s)
           ON CONFLICT (lane) DO UPDATE
           SET published_at = excluded.published_at, committed_at = excluded.committed_at""",
        now=now,
    )


async def _supervision(database: Database, homes: int, now: datetime) -> None:
    await timed(f"watches made for {homes:,} devices that were registered", lambda: settle(database, now))
    await canary(database, now)
    await execute(
        database, "INSERT INTO device_states (device_key, last_seen_at) SELECT id, %(now)s FROM devices", now=now
    )
    now += timedelta(seconds=5)
    await canary(database, now)
    await timed(f"supervision: {homes:,} devices looked at, all well", lambda: judge_silence(database, now))
    await execute(database, "ANALYZE")
    await timed("supervision: a turn in which nothing is due", lambda: supervision_turn(database, now), times=20)
    now += timedelta(hours=1)
    for second in range(0, 3600, 20):
        await canary(database, now - timedelta(seconds=3600 - second))
    await execute(database, "UPDATE device_states SET last_seen_at = %(now)s WHERE device_key > 300", now=now)
    await canary(database, now)
    await timed(
        f"supervision: {homes:,} due, 300 of one grid silent, one area raised", lambda: supervision_turn(database, now)
    )
    rows = await execute(database, "SELECT hazard, count(*) FROM incidents GROUP BY 1 ORDER BY 1")
    print(f"  incidents: {dict(rows)}")


async def _escalation(database: Database, homes: int, now: datetime) -> None:
    await execute(database, _WAITING, now=now)
    await execute(database, "ANALYZE incidents")
    await timed(
        f"escalation: a cycle over {homes:,} open deadlines, none due", lambda: escalation_due(database), times=20
    )
    later = now + timedelta(hours=1, seconds=10)
    await timed("escalation: a cycle over them, 1,000 due at once", lambda: escalation_turn(database, later))
    await timed("auditor: a look at everything", lambda: auditor_turn(database, later))


async def _idle(database: Database, dsn: str) -> None:
    """What an engine with nothing to do asks of the database."""
    await execute(
        database, "UPDATE incidents SET next_step_at = %(then)s", then=datetime.fromisoformat("2100-01-01T00:00Z")
    )
    counted = "SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database WHERE datname = current_database()"
    stop = asyncio.Event()
    health = Health()
    async with open_database(dsn, "benchmark clock", size=1) as own:
        clock = DatabaseClock(own)
        await clock.refresh()
        engine = asyncio.create_task(run(EngineConfig(dsn=dsn), clock, stop, health))
        await asyncio.sleep(15)
        before = (await execute(database, counted))[0][0]
        cpu = time.process_time()
        await asyncio.sleep(_IDLE_S)
        transactions = (await execute(database, counted))[0][0] - before
        spent = time.process_time() - cpu
        stop.set()
        await engine
    assert health.ok, health.conditions
    print(f"an idle engine: {transactions / _IDLE_S:.1f} transactions a second, {spent / _IDLE_S:.1%} of a core")


async def main(homes: int) -> None:
    """Measure everything once, in order."""
    async with city(homes) as (database, dsn):
        rows = await execute(database, "SELECT care_now()")
        now: datetime = rows[0][0]
        async with database.transaction() as connection:
            await add_defaults(connection, list(default_plans().values()), now=now)
        await timed(f"coverage: {homes:,} homes judged", lambda: coverage_turn(database, now))
        await _supervision(database, homes, now)
        await _escalation(database, homes, now)
        await _idle(database, dsn)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
