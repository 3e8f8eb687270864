"""What an incident is about, for those who are told of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """An incident with its home and resident, where it has them. Nothing of this has been cleared for anybody yet."""

    incident_id: int
    number: int
    mode: str
    hazard: str
    severity: int
    state: str
    opened_at: datetime
    last_alarm_at: datetime
    organisation: str
    timezone: str
    community: str | None
    address: str | None
    access_notes: str | None
    surname: str | None
    sex: str | None
    phone: str | None
    overseas_consent: bool
    going: list[str]  # the names of those who have accepted
    going_ids: list[int]  # and who they are

    def others_going(self, responder: int | None) -> list[str]:
        """The names of those who have accepted, without ``responder``."""
        return [name for name, one in zip(self.going, self.going_ids, strict=True) if one != responder]


async def matters(connection: Connection, incidents: Iterable[int], *, now: datetime) -> dict[int, Matter]:
    """The matters of these incidents by incident; consent is judged at ``now``."""
    async with connection.cursor(row_factory=class_row(Matter)) as cursor:
        await cursor.execute(queries("matters").matters, {"incidents": list(incidents), "now": now})
        return {matter.incident_id: matter for matter in await cursor.fetchall()}
