"""Hints that there is something to do. Polling is the truth; a lost hint costs a little time and nothing else.

Ring only after the commit, and never inside the transaction that makes work: a notification there takes a lock that
serialises all committers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

import psycopg
import structlog
from psycopg.rows import TupleRow

from store.errors import StoreError
from store.pool import Connection, Database, conninfo
from store.queries import queries

log = structlog.get_logger(__name__)


class Bell(StrEnum):
    """Who is woken: a channel of PostgreSQL's."""

    ENGINE = "carewatch_engine"
    SENDER = "carewatch_sender"
    STREAM = "carewatch_stream"


async def ring(database: Database, *bells: Bell) -> None:
    """Wake whoever listens. A failure is of no consequence beyond the delay until the next poll, and is logged."""
    try:
        async with database.statement() as connection:
            await connection.execute(*hint(*bells))
    except StoreError as error:
        log.info("no hint could be given", bells=[bell.value for bell in bells], error=str(error))


def ring_here(connection: psycopg.Connection[TupleRow], *bells: Bell) -> None:
    """The same on a connection at hand, which must not be in a transaction."""
    try:
        connection.execute(*hint(*bells))
    except psycopg.Error as error:
        log.info("no hint could be given", bells=[bell.value for bell in bells], error=str(error))


def hint(*bells: Bell) -> tuple[bytes, dict[str, list[str]]]:
    """The statement that wakes whoever listens, and its parameters: to go behind the commit in a pipeline, which fails
    with it. Whoever sends it there does not take what has been committed for lost.
    """
    return queries("wakeups").ring, {"channels": [bell.value for bell in bells]}


@asynccontextmanager
async def listening(dsn: str, bell: Bell) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever ``bell`` rings, and once at the start. It reconnects by itself."""
    rung = asyncio.Event()
    rung.set()
    task = asyncio.create_task(_listen(dsn, bell, rung))
    try:
        yield rung
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen(dsn: str, bell: Bell, rung: asyncio.Event) -> None:
    pause_s = 0.2
    while True:
        try:
            connection: Connection = await psycopg.AsyncConnection.connect(
                conninfo(dsn, f"carewatch {bell.value}"), autocommit=True
            )
            async with connection:
                await connection.execute(f"LISTEN {bell.value}".encode())
                rung.set()
                pause_s = 0.2
                async for _ in connection.notifies():
                    rung.set()
        except psycopg.Error as error:
            log.info("waiting for the database to hear hints again", bell=bell.value, error=str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
