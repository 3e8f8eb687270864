"""Work that one engine at a time does now and then."""

from datetime import datetime, timedelta

from store.pool import Connection
from store.queries import queries


async def take_turn(connection: Connection, loop: str, *, every: timedelta, now: datetime) -> bool:
    """True if the work of ``loop`` is due and nobody else does it: then it is the caller's until the transaction ends.
    If that is rolled back the turn has not been taken; else the next one is due after ``every``.
    """
    parameters = {"loop": loop, "every": every, "now": now}
    return await (await connection.execute(queries("turns").take, parameters)).fetchone() is not None
