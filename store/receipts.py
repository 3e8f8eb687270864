"""What devices, and so residents, are to be told of the alarms they raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from devices.native import Stage
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """One receipt and the device it is for, which knows the alarm as ``event_id``."""

    id: int
    cell: str
    device_id: str
    event_id: str
    stage: str
    by: str
    at: datetime


async def promise(
    connection: Connection, incidents: Sequence[int], stage: Stage, *, by: str = "", now: datetime
) -> None:
    """Have the devices told that help has come to ``stage``: accepted by whom, in the resident's words. Promising twice
    is promising once.
    """
    await connection.execute(
        queries("receipts").promise, {"incidents": list(incidents), "stage": stage.value, "by": by, "now": now}
    )


async def unsent(connection: Connection, *, most: int) -> list[Unsent]:
    """Up to ``most`` receipts, locked until the transaction ends."""
    async with connection.cursor(row_factory=class_row(Unsent)) as cursor:
        await cursor.execute(queries("receipts").unsent, {"most": most})
        return await cursor.fetchall()


async def sent(connection: Connection, receipts: Sequence[int], *, now: datetime) -> None:
    """The broker has taken ``receipts``."""
    await connection.execute(queries("receipts").sent, {"ids": list(receipts), "now": now})
