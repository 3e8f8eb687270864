"""What was measured around an incident, and where its residents were: as far as consent to the duty desk goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.consent import ConsentPurpose, Recipient
from store.consents import allowed_since
from store.measured import Fix, Span, track
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one device measured of one quantity from ``begins`` on: the least, the greatest and the last value; booleans
    are 0 and 1. ``last_at``: when the last was measured. Units are in the names of quantities.
    """

    device_id: str
    kind: str
    room: str
    quantity: str
    begins: datetime
    least: float
    greatest: float
    last: float
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """How time is cut: into pieces of ``length`` counted from ``origin``."""

    origin: datetime
    length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBy:
    """A rule that has found an incident, and whose readings it judged."""

    rule: str
    organisation_id: int
    device_key: int | None
    kind: str | None
    resident_id: int | None
    household_id: int | None


async def readings(
    connection: Connection,
    incident_id: int,
    cut: Stretches,
    *,
    recipient: Recipient | None,
    since: datetime,
    until: datetime,
    now: datetime,
) -> list[Stretch]:
    """What the devices at an incident measured, in order of time for each device and quantity; health as far as
    ``recipient`` may see it (None: not at all). Record the view.
    """
    cursor = await connection.execute(
        queries("around").readings,
        {
            "incident_id": incident_id,
            "recipient": None if recipient is None else recipient.value,
            "stretch": cut.length,
            "origin": cut.origin,
            "since": since,
            "until": until,
            "now": now,
        },
    )
    return [
        Stretch(
            device_id=row[0],
            kind=row[1],
            room=row[2],
            quantity=row[3],
            begins=row[4],
            least=row[5],
            greatest=row[6],
            last=row[7],
            last_at=row[8],
        )
        for row in await cursor.fetchall()
    ]


async def positions(
    connection: Connection, incident_id: int, *, since: datetime, until: datetime, most: int, now: datetime
) -> dict[str, list[Fix]]:
    """Where each resident of an incident was, by her code, in order of time; nobody who does not consent. Record it."""
    cursor = await connection.execute(queries("around").whose, {"incident_id": incident_id})
    found = {}
    for resident_id, code in await cursor.fetchall():
        allowed = await allowed_since(
            connection, resident_id, purpose=ConsentPurpose.LOCATION, recipient=Recipient.DUTY_DESK, now=now
        )
        if allowed is not None:
            span = Span(since, until, None, most)
            found[code] = await track(connection, resident_id, span, location_from=allowed)
    return found


async def rules(connection: Connection, incident_id: int) -> list[FoundBy]:
    """The rules that have found an incident; none if devices asserted it."""
    cursor = await connection.execute(queries("around").rules, {"incident_id": incident_id})
    return [
        FoundBy(
            rule=row[0],
            organisation_id=row[1],
            device_key=row[2],
            kind=row[3],
            resident_id=row[4],
            household_id=row[5],
        )
        for row in await cursor.fetchall()
    ]
