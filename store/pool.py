"""Connections: one way to open them, for every process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.clock import Clock
from store.errors import Unavailable, mapping
from store.queries import queries

log = structlog.get_logger(__name__)

Connection = AsyncConnection[TupleRow]

_TRUSTED_S: Final = 1.0
"""A connection that has been used so lately is taken to be alive: asking costs as much as many a statement."""

_PAUSE_S: Final = 60
"""How long a transaction may lie idle before PostgreSQL ends it and frees its rows."""
_PAUSE_FOR_PEOPLE_S: Final = 3
"""The same for processes that serve people. One of them that is stopped, or has been swapped out, in the middle of what
somebody does holds that incident so long, and its calls."""
_PLANNED_ONCE: Final = "-c plan_cache_mode=force_generic_plan"

# Durability is the promise; the rest bounds how long a fault elsewhere can hold us up. TCP keep-alives find half-open
# sockets within some 20 s. Compiling takes longer than our statements, and its costs are guessed from their rows.
_OPTIONS: Final = "-c synchronous_commit=on -c TimeZone=UTC -c statement_timeout=60000 -c lock_timeout=15000 -c jit=off"
_SESSION: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


def conninfo(dsn: str, application: str, *, for_people: bool = False, planned_once: bool = False) -> str:
    """``dsn`` with the session settings every connection of ours has; ``application`` shows in pg_stat_activity.

    ``for_people``: its process serves people. ``planned_once``: a statement keeps the plan that it was given first,
    whatever its parameters are. To plan those over few incidents takes as long as to execute them; but of a claim with
    a limit PostgreSQL then thinks that a tenth of the table is wanted.
    """
    pause_s = _PAUSE_FOR_PEOPLE_S if for_people else _PAUSE_S
    options = f"{_OPTIONS} -c idle_in_transaction_session_timeout={pause_s}s {_PLANNED_ONCE if planned_once else ''}"
    return psycopg.conninfo.make_conninfo(dsn, application_name=application, options=options, **_SESSION)


class _Pooled(AsyncConnection[TupleRow]):
    """A connection that knows when it was given back."""

    used_s = float("-inf")


class Database:
    """A pool of connections, and what can be done on them."""

    def __init__(self, pool: AsyncConnectionPool[_Pooled]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises :class:`store.errors.StoreError` for whatever PostgreSQL says.
        """
        async with self.statement() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Connection]:
        """For a single statement, which is committed by itself: without the ways to the server and back that begin and
        end a transaction. Raises as :meth:`transaction`.
        """
        with mapping():
            try:
                async with self._pool.connection() as connection:
                    yield connection
            except PoolTimeout as error:
                raise Unavailable(f"no connection to the database in time: {error}") from error

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Connection]:
        """For statements that are sent on while those before are at work: only who fetches rows waits, which on a busy
        machine takes milliseconds. There may be one transaction in it. What is wrong with a statement shows at the next
        fetch, or at the end, and raises as :meth:`transaction`.
        Source: PostgreSQL documentation, libpq, "Pipeline Mode".
        """
        async with self.statement() as connection, connection.pipeline():
            yield connection


@asynccontextmanager
async def open_database(
    dsn: str,
    application: str,
    *,
    size: int = 4,
    wait_s: float = 10.0,
    for_people: bool = False,
    planned_once: bool = False,
) -> AsyncIterator[Database]:
    """A :class:`Database` of at most ``size`` connections, each as :func:`conninfo` has it. Opening
    waits for nothing: a database that is down is met, as :class:`store.errors.Unavailable`, by the first transaction
    after ``wait_s`` seconds, and waited for in the background.
    """
    pool: AsyncConnectionPool[_Pooled] = AsyncConnectionPool(
        conninfo(dsn, application, for_people=for_people, planned_once=planned_once),
        connection_class=_Pooled,
        kwargs={"autocommit": True},
        min_size=1,
        max_size=size,
        open=False,
        timeout=wait_s,
        reconnect_timeout=0,
        check=_check,
        reset=_given_back,
        name=application,
    )
    await pool.open(wait=False)
    try:
        yield Database(pool)
    finally:
        await pool.close()


async def _check(connection: _Pooled) -> None:
    if time.monotonic() - connection.used_s > _TRUSTED_S:
        await AsyncConnectionPool.check_connection(connection)


async def _given_back(connection: _Pooled) -> None:
    connection.used_s = time.monotonic()


class DatabaseClock:
    """Care time from the database server, read by :meth:`refresh` and carried on by the monotonic clock in between."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._anchor: tuple[datetime, float, float] | None = None
        self._wall: tuple[datetime, float, float] | None = None
        self._drift_s = 0.0

    async def refresh(self) -> datetime:
        """Read the server's clock. Call it once a cycle."""
        async with self._database.statement() as connection:
            before = time.monotonic()
            moment, speed, wall = await _read_clock(connection)
            after = time.monotonic()
        self._compare(wall, before, after)
        self._anchor = (moment, after, speed)
        return self.now()

    def _compare(self, wall: datetime, before: float, after: float) -> None:
        """Add up how far the wall clock left the monotonic one. Each reading was made some time between two of the
        latter: what lies within that is no drift.
        """
        if self._wall is not None:
            last, last_before, last_after = self._wall
            passed_s = (wall - last).total_seconds()
            self._drift_s += passed_s - min(max(passed_s, before - last_after), after - last_before)
        self._wall = (wall, before, after)

    @property
    def drift_s(self) -> float:
        """How far the server's wall clock has left the monotonic one (positive: it went ahead) since somebody last took
        note of it. Care time that is set by hand is no drift.
        """
        return self._drift_s

    def note_drift(self, drift_s: float) -> None:
        """Somebody has taken note of so much of it."""
        self._drift_s -= drift_s

    @property
    def speed(self) -> float:
        """Seconds of care time that pass in a second, as of the last reading."""
        return self._anchor[2] if self._anchor else 1.0

    def now(self) -> datetime:
        """The present care time. Raises :class:`store.errors.Unavailable` before the first :meth:`refresh`."""
        if self._anchor is None:
            raise Unavailable("the database's clock has not been read yet")
        moment, mark, speed = self._anchor
        return moment + timedelta(seconds=(time.monotonic() - mark) * speed)

    async def sleep_until(self, moment: datetime) -> None:
        """Return once care time has reached ``moment``."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            speed = self.speed
            await asyncio.sleep(min(left / speed, 1.0))


async def read(clock: Clock) -> datetime:
    """Care time; where it is the database server's, as that says now. Once a cycle. Raises
    :class:`store.errors.StoreError`.
    """
    return await clock.refresh() if isinstance(clock, DatabaseClock) else clock.now()


def as_told(clock: Clock) -> datetime:
    """Care time as the database told it last, or the machine's while it never has."""
    try:
        return clock.now()
    except Unavailable:
        return datetime.now(UTC)


async def care_now(connection: Connection) -> datetime:
    """Care time, from the database server's clock."""
    return (await _read_clock(connection))[0]


async def care_time(connection: Connection) -> tuple[datetime, float]:
    """Care time, from the database server's clock, and its seconds in a second."""
    moment, speed, _ = await _read_clock(connection)
    return moment, speed


async def _read_clock(connection: Connection) -> tuple[datetime, float, datetime]:
    """Care time, its speed, and the server's wall clock."""
    row = await (await connection.execute(queries("clock").read)).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


async def set_care_clock(connection: Connection, *, moment: datetime, speed: float) -> None:
    """Let care time be ``moment`` now and run at ``speed`` seconds a second. For simulation and tests only."""
    await connection.execute(queries("clock").set, {"moment": moment.astimezone(UTC), "speed": speed})
