"""What the platform promises, checked from outside; and what it remembers of its own troubles."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.people import OrganisationId
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of promise: how often it is broken now, and the oldest moment from which it is."""

    kind: str
    times: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Lasting:
    """Trouble that is going on: since when, and how often its incident has been closed while it was."""

    since: datetime
    closed: int


async def broken(connection: Connection, *, now: datetime, patience: timedelta) -> list[Check]:
    """Every kind of promise, also those that hold."""
    parameters = {"now": now, "patience": patience}
    rows = await (await connection.execute(queries("promises").broken, parameters)).fetchall()
    return [Check(*row) for row in rows]


async def deaf_lanes(
    connection: Connection, *, now: datetime, deaf_after: timedelta
) -> list[tuple[str, datetime | None]]:
    """The lanes whose canary has not come through for ``deaf_after`` (machine time), and until when they heard."""
    parameters = {"now": now, "deaf_after_s": deaf_after.total_seconds()}
    rows = await (await connection.execute(queries("promises").deaf, parameters)).fetchall()
    return [(row[0], row[1]) for row in rows]


async def trouble(connection: Connection, kind: str, *, subject_id: str, now: datetime, pause: timedelta) -> Lasting:
    """Remember trouble of ``kind``. Not seen for as long as ``pause`` it had ended, and begins now."""
    parameters = {"kind": kind, "subject_id": subject_id, "now": now, "pause": pause}
    row = await (await connection.execute(queries("promises").trouble, parameters)).fetchone()
    assert row is not None
    return Lasting(*row)


async def top(connection: Connection) -> OrganisationId | None:
    """The organisation at the top of the tree; None before anybody is enrolled."""
    row = await (await connection.execute(queries("promises").top)).fetchone()
    return OrganisationId(row[0]) if row is not None else None
