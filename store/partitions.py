"""Daily partitions of readings: made ahead, dropped when their time is over. With TimescaleDB its chunks do this.

There is no default partition: rows in it would have to be looked through, under a lock, whenever a day is made. Instead
whoever meets a day without a partition makes it and tries again.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from store.errors import mapping
from store.pool import conninfo
from store.queries import queries

AROUND: Final = timedelta(days=3)
"""Days made before and after today: readings up to 48 h from now are stored, and a day is a day in UTC."""

_PREFIX: Final = "readings_"


def days_around(today: date) -> list[date]:
    """The days whose partitions must be there."""
    return [today + timedelta(days=offset) for offset in range(-AROUND.days, AROUND.days + 1)]


def ensure_partitions(connection: psycopg.Connection[TupleRow], days: Iterable[date]) -> list[date]:
    """Make the partitions of ``days`` (UTC) that are missing, and return which were. Needs a connection in autocommit.

    A partition is made as a table first and attached then, which blocks neither readers nor writers of the others.
    """
    if _by_timescale(connection):
        return []
    missing = _missing(connection, days)
    if not missing:
        return []
    with connection.transaction():
        connection.execute(queries("partitions").lock)
        missing = _missing(connection, missing)
        for day in missing:
            partition = sql.Identifier(_name(day))
            connection.execute(
                sql.SQL("CREATE TABLE {} (LIKE readings INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(partition)
            )
            connection.execute(
                sql.SQL("ALTER TABLE readings ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    partition, sql.Literal(f"{day}T00:00Z"), sql.Literal(f"{day + timedelta(days=1)}T00:00Z")
                )
            )
    return missing


def ensure_around(dsn: str, today: date) -> list[date]:
    """Make the partitions around ``today`` that are missing, on a connection of its own, and return which were."""
    with mapping(), psycopg.connect(conninfo(dsn, "carewatch partitions"), autocommit=True) as connection:
        return ensure_partitions(connection, days_around(today))


def drop_before(dsn: str, before: date) -> list[date]:
    """Drop every partition whose whole day lies before ``before``, on a connection of its own; returns which were."""
    with mapping(), psycopg.connect(conninfo(dsn, "carewatch partitions"), autocommit=True) as connection:
        return drop_partitions(connection, before=before)


def drop_partitions(connection: psycopg.Connection[TupleRow], *, before: date) -> list[date]:
    """Drop every partition whose whole day lies before ``before`` (UTC), and return which were. Needs a connection in
    autocommit. Readers and writers of other days are not blocked.
    """
    if _by_timescale(connection):
        connection.execute(queries("partitions").drop_chunks, {"before": f"{before}T00:00Z"})
        return []
    old = sorted(day for day in map(_day, _present(connection)) if day < before)
    for day in old:
        partition = sql.Identifier(_name(day))
        connection.execute(sql.SQL("ALTER TABLE readings DETACH PARTITION {} CONCURRENTLY").format(partition))
        connection.execute(sql.SQL("DROP TABLE {}").format(partition))
    return old


def _missing(connection: psycopg.Connection[TupleRow], days: Iterable[date]) -> list[date]:
    present = _present(connection)
    return [day for day in sorted(set(days)) if _name(day) not in present]


def _by_timescale(connection: psycopg.Connection[TupleRow]) -> bool:
    return connection.execute(queries("partitions").kind).fetchone() == ("r",)


def _present(connection: psycopg.Connection[TupleRow]) -> set[str]:
    return {row[0] for row in connection.execute(queries("partitions").present)}


def _name(day: date) -> str:
    return f"{_PREFIX}{day:%Y%m%d}"


def _day(name: str) -> date:
    return date.fromisoformat(name.removeprefix(_PREFIX))
