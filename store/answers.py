"""What an answer reads and writes, under the lock of its incident."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from devices.model import Hazard
from domain.incident import IncidentState, Outcome
from domain.notification import AnswerKind, Via
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """An incident as an answer meets it."""

    state: IncidentState
    severity: int
    hazard: Hazard
    round: int
    acknowledged_at: datetime | None
    on_scene_at: datetime | None
    taken_by: str | None
    taken_until: datetime | None
    reask_until: datetime | None
    next_step_at: datetime | None
    resident_id: int | None
    needed: int
    arrive_within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one person has said so far."""

    accepted_at: datetime | None = None
    declined_at: datetime | None = None
    arrived_at: datetime | None = None

    @property
    def going(self) -> bool:
        """True if the person accepted and has not withdrawn."""
        return self.accepted_at is not None and self.declined_at is None


async def lock(connection: Connection, incident_id: int) -> Locked | None:
    """Lock the incident for the rest of the transaction."""
    row = await (await connection.execute(queries("answers").lock, {"incident_id": incident_id})).fetchone()
    if row is None:
        return None
    return Locked(
        state=IncidentState(row[0]),
        severity=row[1],
        hazard=Hazard(row[2]),
        round=row[3],
        acknowledged_at=row[4],
        on_scene_at=row[5],
        taken_by=row[6],
        taken_until=row[7],
        reask_until=row[8],
        next_step_at=row[9],
        resident_id=row[10],
        needed=row[11],
        arrive_within=timedelta(seconds=row[12]),
    )


async def said(connection: Connection, incident_id: int, responder_id: int | None) -> Said:
    """What this person has said about the incident."""
    parameters = {"incident_id": incident_id, "responder_id": responder_id}
    row = await (await connection.execute(queries("answers").part, parameters)).fetchone()
    return Said() if row is None else Said(accepted_at=row[0], declined_at=row[1], arrived_at=row[2])


async def going(connection: Connection, incident_id: int, *, without: int | None) -> tuple[str, ...]:
    """The names of those who go, in the order of their acceptance, without one of them."""
    parameters = {"incident_id": incident_id, "responder_id": without}
    rows = await (await connection.execute(queries("answers").going, parameters)).fetchall()
    return tuple(row[0] for row in rows)


async def take_part(
    connection: Connection, incident_id: int, responder_id: int, said: Said, *, by: str, via: Via
) -> None:
    """Write what this person has said."""
    await connection.execute(
        queries("answers").take_part,
        {
            "incident_id": incident_id,
            "responder_id": responder_id,
            "accepted_at": said.accepted_at,
            "declined_at": said.declined_at,
            "arrived_at": said.arrived_at,
            "by": by,
            "via": via.value,
        },
    )


async def mark_answered(
    connection: Connection,
    incident_id: int,
    kind: AnswerKind,
    *,
    responder_id: int | None,
    notification_id: int | None,
    now: datetime,
) -> None:
    """Write the answer onto its notification, and confirm the contact it came through."""
    parameters: dict[str, Any] = {
        "incident_id": incident_id,
        "answer": kind.value,
        "responder_id": responder_id,
        "notification_id": notification_id,
        "now": now,
    }
    await connection.execute(queries("answers").mark_answered, parameters)
    if notification_id is not None:
        await connection.execute(queries("answers").confirm_contact, parameters)


async def move(
    connection: Connection,
    incident_id: int,
    locked: Locked,
    *,
    now: datetime,
    next_step_at: datetime,
    restart: bool = False,
) -> None:
    """Write where the incident stands now. ``restart``: its plan begins again with a new round."""
    await connection.execute(
        queries("answers").move,
        {
            "incident_id": incident_id,
            "state": locked.state.value,
            "acknowledged_at": locked.acknowledged_at,
            "on_scene_at": locked.on_scene_at,
            "reask_until": locked.reask_until,
            "taken_by": locked.taken_by,
            "taken_until": locked.taken_until,
            "round": locked.round + restart,
            "restart": restart,
            "next_step_at": next_step_at,
            "now": now,
        },
    )


async def resolve(connection: Connection, incident_id: int, outcome: Outcome, *, by: str, now: datetime) -> None:
    """End the incident."""
    await connection.execute(
        queries("answers").resolve, {"incident_id": incident_id, "outcome": outcome.value, "by": by, "now": now}
    )


async def cancel_pending(connection: Connection, incident_id: int) -> int:
    """Take back what has not gone out yet, and return how many messages that were."""
    cursor = await connection.execute(queries("answers").cancel_pending, {"incident_id": incident_id})
    return len(await cursor.fetchall())


async def relation(connection: Connection, incident_id: int, responder_id: int) -> str:
    """Who this person is to the resident ("daughter"); empty if nobody has said."""
    parameters = {"incident_id": incident_id, "responder_id": responder_id}
    row = await (await connection.execute(queries("answers").relation, parameters)).fetchone()
    return str(row[0]) if row is not None else ""


async def add_note(connection: Connection, incident_id: int, body: str, *, by: str, now: datetime) -> int:
    """Keep personal text outside the timeline, and return its id."""
    parameters = {"incident_id": incident_id, "body": body, "by": by, "now": now}
    row = await (await connection.execute(queries("answers").add_note, parameters)).fetchone()
    assert row is not None
    return int(row[0])


async def hand_over(connection: Connection, incident_id: int, *, now: datetime) -> tuple[int, int] | None:
    """Move an unresolved incident to the parent organisation: (from, to), or None if there is no parent."""
    parameters = {"incident_id": incident_id, "now": now}
    row = await (await connection.execute(queries("answers").hand_over, parameters)).fetchone()
    return (int(row[0]), int(row[1])) if row is not None else None


async def unanswered(connection: Connection, notification_id: int) -> bool:
    """True if this notification still waits for its answer."""
    row = await (
        await connection.execute(queries("answers").unanswered, {"notification_id": notification_id})
    ).fetchone()
    return row is not None and bool(row[0])


async def hurry(connection: Connection, incident_id: int, *, now: datetime) -> bool:
    """Let nobody who was asked before ``now`` be waited for; False if the incident is not open."""
    cursor = await connection.execute(queries("answers").hurry, {"incident_id": incident_id, "now": now})
    return await cursor.fetchone() is not None
