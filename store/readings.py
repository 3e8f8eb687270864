"""Readings: many rows at once, each stored once however often it comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from store.queries import queries

UNTIMED_WITHIN: Final = timedelta(seconds=60)
"""How long after the first coming the repeat of a reading without a time is known as one. Source: DESIGN section 6."""

COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER: Final = b"\xff\xff"
"""Source: PostgreSQL documentation, COPY, "Binary Format"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What makes a reading the same reading."""

    device_key: int
    at: datetime
    digest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Misdated:
    """A reading that claims a time far from ours. ``reading`` is what it says, as JSON."""

    identity: Identity
    received_at: datetime
    reading: dict[str, object]


def copy(connection: psycopg.Connection[TupleRow], rows: Sequence[bytes]) -> None:
    """Store packed rows in the running transaction. PostgreSQL's errors come as they are: UniqueViolation if any row is
    a repeat, CheckViolation if there is no partition for its day; the transaction is void then.
    """
    with connection.cursor() as cursor, cursor.copy(queries("readings").copy) as sink:
        sink.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))


def merge(connection: psycopg.Connection[TupleRow], rows: Sequence[bytes], untimed: Sequence[Identity]) -> None:
    """Store those packed rows that are not there yet. ``untimed`` are those among them that state no time and came in a
    message marked as a repeat. CheckViolation as in :func:`copy`.

    Goes through a temporary table rather than ``unnest`` of arrays, because the rows are packed already.
    """
    connection.execute(queries("readings").stage)
    with connection.cursor() as cursor, cursor.copy(queries("readings").copy_aside) as sink:
        sink.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))
    if untimed:
        connection.execute(
            queries("readings").drop_untimed_repeats,
            {
                "device_keys": [one.device_key for one in untimed],
                "ats": [one.at for one in untimed],
                "digests": [one.digest for one in untimed],
                "within": UNTIMED_WITHIN,
            },
        )
    connection.execute(queries("readings").merge)


def keep_misdated(connection: psycopg.Connection[TupleRow], misdated: Sequence[Misdated]) -> None:
    """Store misdated readings in the running transaction, each once."""
    if not misdated:
        return
    connection.execute(
        queries("readings").keep_misdated,
        {
            "device_keys": [one.identity.device_key for one in misdated],
            "ats": [one.identity.at for one in misdated],
            "digests": [one.identity.digest for one in misdated],
            "received_ats": [one.received_at for one in misdated],
            "readings": [Jsonb(one.reading) for one in misdated],
        },
    )
