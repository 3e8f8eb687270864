"""What a phone has been asked, for replies by text."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from domain.people import Language
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Somebody at a phone was asked about an incident; ``open`` while it waits for her answer."""

    id: int
    incident_id: int
    responder_id: int
    channel: str
    language: str
    number: int
    open: bool


async def asked(connection: Connection, address: str, *, since: datetime) -> list[Asked]:
    """What was asked at ``address`` since then, newest incident first."""
    async with connection.cursor(row_factory=class_row(Asked)) as cursor:
        await cursor.execute(queries("replies").asked, {"address": address, "since": since})
        return await cursor.fetchall()


async def languages(connection: Connection, address: str) -> list[Language]:
    """The languages of those who get texts at ``address``; empty if that is nobody."""
    cursor = await connection.execute(queries("replies").languages, {"address": address})
    return [Language(row[0]) for row in await cursor.fetchall()]


async def stop(connection: Connection, address: str, *, now: datetime) -> int:
    """No more texts to ``address``; returns how many contacts that concerns."""
    cursor = await connection.execute(queries("replies").stop, {"address": address, "now": now})
    return len(await cursor.fetchall())


async def start(connection: Connection, address: str) -> int:
    """Texts to ``address`` again; returns how many contacts that concerns."""
    cursor = await connection.execute(queries("replies").start, {"address": address})
    return len(await cursor.fetchall())


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Somebody is on her way to an incident."""

    incident_id: int
    responder_id: int
    language: str


async def expected(connection: Connection, address: str) -> list[Expected]:
    """Where whoever has ``address`` is expected, worst first."""
    async with connection.cursor(row_factory=class_row(Expected)) as cursor:
        await cursor.execute(queries("replies").expected, {"address": address})
        return await cursor.fetchall()
