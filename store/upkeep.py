"""What has had its time: states that run out, and data that is kept no longer. In batches, each a short statement."""

from datetime import datetime
from enum import StrEnum

from store.pool import Connection
from store.queries import queries


class Perishable(StrEnum):
    """What goes when its time is over, by the statement that does it."""

    NOTES = "erase_notes"
    MISDATED = "drop_misdated"
    QUARANTINE = "drop_quarantined"
    OUTAGES = "drop_outages"
    FINDINGS = "drop_findings"


async def end_states(connection: Connection, *, now: datetime) -> list[str]:
    """Bring residents home whose time away is over, and return their codes."""
    rows = await (await connection.execute(queries("upkeep").end_states, {"now": now})).fetchall()
    return [row[0] for row in rows]


async def clear(connection: Connection, what: Perishable, *, before: datetime, now: datetime, limit: int) -> int:
    """Clear up to ``limit`` of what has been over since ``before``, and return how many that were."""
    parameters = {"before": before, "now": now, "limit": limit}
    return len(await (await connection.execute(getattr(queries("upkeep"), what), parameters)).fetchall())
