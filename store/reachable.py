"""Whom an operator may have called beyond the order of the plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row, dict_row

from domain.case import Contact
from domain.notification import Purpose
from domain.people import ChannelName, Circle, ContactId, Language, ResponderId
from domain.permissions import Actor
from store.pool import Connection
from store.queries import queries
from store.rosters import rosters

_MOST: Final = 2000  # members looked at, nearest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """Somebody who can be called now. ``relation``: in the resident's words, or empty. ``reaching``: the channels by
    which she is being reached about the incident at this moment; ``going``: she has accepted it.
    """

    circle: Circle
    responder_id: ResponderId
    name: str
    relation: str
    organisation: str
    language: Language
    contacts: Sequence[Contact]
    reaching: frozenset[ChannelName]
    going: bool


async def reachable(
    connection: Connection,
    incident_id: int,
    actor: Actor,
    *,
    now: datetime,
    find: str = "",
    contact_id: int | None = None,
) -> list[Reachable]:
    """The circle of the home, and whoever is on duty in the organisations that handle the incident or lie in the
    subtree of ``actor``, or has to do with it off duty: nearest first, each person once. ``find`` is a part of a name,
    a relation or an organisation; ``contact_id`` leaves only whom it belongs to.
    """
    parameters = {
        "incident_id": incident_id,
        "within": actor.organisation_id,
        "find": find,
        "contact_id": contact_id,
        "most": _MOST,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries("reachable").people, parameters)
        members = await cursor.fetchall()
    duty = await rosters(connection, (one["duty_of"] for one in members if one["duty_of"] is not None), now=now)
    found: dict[int, Reachable] = {}
    for one in members:
        roster = duty.get((one["duty_of"], Circle(one["circle"])))
        concerned = one["going"] or one["reaching"]
        if roster is None or concerned or one["responder_id"] in roster.on_duty(now):
            found.setdefault(one["responder_id"], _reachable(one))
    return list(found.values())


def _reachable(row: dict[str, Any]) -> Reachable:
    return Reachable(
        circle=Circle(row["circle"]),
        responder_id=ResponderId(row["responder_id"]),
        name=row["name"],
        relation=row["relation"],
        organisation=row["organisation"],
        language=Language(row["language"]),
        contacts=[
            Contact(id=ContactId(id_), channel=ChannelName(channel), address=address)
            for id_, channel, address in row["contacts"]
        ],
        reaching=frozenset(ChannelName(channel) for channel in row["reaching"]),
        going=row["going"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePhone:
    """A telephone of the home, or of somebody who lives there. ``code`` is hers, or empty for the home's own."""

    code: str
    surname: str
    given_name: str
    number: str


async def home_phones(connection: Connection, incident_id: int) -> list[HomePhone]:
    """The telephones of those whom an incident is about, hers before the home's; none where none is registered."""
    async with connection.cursor(row_factory=class_row(HomePhone)) as cursor:
        await cursor.execute(queries("reachable").home_phones, {"incident_id": incident_id})
        return await cursor.fetchall()


async def being_connected(connection: Connection, operator: str) -> bool:
    """True while an operator is being called to be connected with somebody, or talks."""
    row = await (await connection.execute(queries("reachable").being_connected, {"operator": operator})).fetchone()
    return row is not None and bool(row[0])


async def times_asked(
    connection: Connection,
    incident_id: int,
    *,
    round_number: int,
    step: int,
    purpose: Purpose,
    responder_id: ResponderId | None,
) -> int:
    """How often this person has been asked in this step of this round."""
    parameters = {
        "incident_id": incident_id,
        "round": round_number,
        "step": step,
        "purpose": purpose.value,
        "responder_id": responder_id,
    }
    row = await (await connection.execute(queries("reachable").times_asked, parameters)).fetchone()
    assert row is not None
    return int(row[0])
