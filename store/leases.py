"""Leases: roles that one process at a time may play, in machine time, each with a fence.

A holder whose lease has run out may not know it yet. Therefore every transaction that needs the role begins with
:func:`hold`: it fails once somebody else has taken the lease, and whoever takes it waits for those that hold it.
"""

from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from store.errors import Displaced
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease as it was taken. ``fence`` rises with every taking."""

    name: str
    holder: str
    fence: int


async def holder_of(connection: Connection, name: str) -> str | None:
    """Who has held the lease ``name`` last."""
    row = await (await connection.execute(queries("leases").holder, {"name": name})).fetchone()
    return None if row is None else str(row[0])


async def take(
    connection: Connection, name: str, holder: str, *, for_s: float, dead: str | None = None
) -> Lease | None:
    """Take the lease ``name`` for ``for_s`` seconds, or return None while somebody else holds it.

    ``holder`` names one process, not a role; ``dead`` one that is known to live no more, so that its lease need not run
    out. Once this is committed, no transaction of an earlier holder commits.
    """
    asked = {"name": name, "holder": holder, "for_s": for_s, "dead": dead or holder}
    free = await (await connection.execute(queries("leases").free, asked)).fetchone()
    if free != (True,):
        return None
    await connection.execute(queries("leases").close, {"name": name})
    row = await (await connection.execute(queries("leases").take, asked)).fetchone()
    return None if row is None else Lease(name=name, holder=holder, fence=row[0])


async def renew(connection: Connection, lease: Lease, *, for_s: float) -> None:
    """Keep ``lease`` for another ``for_s`` seconds, even if it has run out. Raises :class:`Displaced`."""
    asked = {"name": lease.name, "holder": lease.holder, "fence": lease.fence, "for_s": for_s}
    if await (await connection.execute(queries("leases").renew, asked)).fetchone() is None:
        raise Displaced(lease.name, lease.holder)


async def give_back(connection: Connection, lease: Lease) -> None:
    """Let the next one have ``lease`` without waiting for its end; nothing happens if it is held no more."""
    asked = {"name": lease.name, "holder": lease.holder, "fence": lease.fence}
    await connection.execute(queries("leases").give_back, asked)


def hold(connection: psycopg.Connection[TupleRow], lease: Lease) -> None:
    """Let the running transaction commit only while ``lease`` is held: first statement of that transaction.

    Raises PostgreSQL's error that :func:`store.errors.mapped` turns into :class:`Displaced`.
    """
    asked = {"name": lease.name, "holder": lease.holder, "fence": lease.fence}
    connection.execute(queries("leases").hold, asked)
