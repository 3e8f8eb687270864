"""The registry as messages are judged by it: read whole once, then only what has changed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from devices.model import DeviceKind, Hazard, Protocol, SignalState
from domain.people import Mode
from store.pool import Connection
from store.queries import queries

_CHUNK = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A registered device, and whose it is. ``household_id`` is None while it is bound to no home."""

    key: int
    device_id: str
    cell: str
    address: str | None
    kind: DeviceKind
    protocol: Protocol
    silent_after_s: float
    retired: bool
    mode: Mode
    organisation_id: int
    household_id: int | None
    resident_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation that answers for a cell, or stands at the top."""

    id: int
    cell: str | None
    top: bool


async def horizon(connection: Connection) -> str:
    """A mark to ask :func:`known` for what is changed from now on; take it before the look it belongs to."""
    row = await (await connection.execute(queries("devices").horizon)).fetchone()
    assert row is not None
    return str(row[0])


async def known(connection: Connection, *, since: str | None) -> AsyncGenerator[list[Device], None]:
    """All devices (``since`` None), or those that a transaction after the mark ``since`` has changed, in pieces.

    Close it (``contextlib.aclosing``) unless you read to the end: the connection is busy with it.
    """
    piece: list[Device] = []
    async with connection.cursor() as cursor:
        async for row in cursor.stream(queries("devices").known, {"since": since}, size=_CHUNK):
            piece.append(
                Device(
                    key=row[0],
                    device_id=row[1],
                    cell=row[2],
                    address=row[3],
                    kind=DeviceKind(row[4]),
                    protocol=Protocol(row[5]),
                    silent_after_s=row[6],
                    retired=row[7],
                    mode=Mode(row[8]),
                    organisation_id=row[9],
                    household_id=row[10],
                    resident_id=row[11],
                )
            )
            if len(piece) == _CHUNK:
                yield piece
                piece = []
    if piece:
        yield piece


async def organisations(connection: Connection) -> list[Organisation]:
    """Whoever answers for a cell, and the top of the tree, in order of id."""
    rows = await (await connection.execute(queries("devices").organisations)).fetchall()
    return [Organisation(id=row[0], cell=row[1], top=row[2]) for row in rows]


async def hazards(connection: Connection) -> dict[tuple[int, Hazard], SignalState]:
    """The committed state of every hazard that a device repeats, by device key and hazard."""
    rows = await (await connection.execute(queries("devices").hazards)).fetchall()
    return {(row[0], Hazard(row[1])): SignalState(row[2]) for row in rows}
