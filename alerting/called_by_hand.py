"""Calls that no plan makes but an operator: somebody else, whenever she thinks it right. They stop no plan.

Like all answers they run under the lock of their incident, so that two operators cannot call the same person twice.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from alerting.answers import UnknownIncident
from domain.case import NewAsk, Person
from domain.incident import IncidentId, IncidentState
from domain.notification import Purpose
from domain.people import ContactId
from domain.permissions import Actor
from store import answers
from store.answers import Locked
from store.incidents import ask
from store.pool import Connection
from store.reachable import reachable, times_asked
from store.timeline import append

BEYOND_THE_PLAN: Final = -1
"""The step of notifications that no step of a plan has written: their failures move none on."""


class NotCalled(StrEnum):
    """Why nobody was called."""

    ENDED = "ended"  # the incident is resolved
    NOBODY = "nobody"  # not, or not any more, somebody who can be called for it
    BEING_REACHED = "being_reached"  # is being reached that way at this moment
    GOING = "going"  # has accepted already


async def call_somebody(
    connection: Connection, incident_id: IncidentId, contact_id: ContactId, *, actor: Actor, now: datetime
) -> NotCalled | None:
    """Ask the person to whom a contact belongs whether she can go, through that contact, at an operator's word and at
    once, also while the calls are paused; None if she is being asked, else why not. Raises UnknownIncident.
    """
    locked = await answers.lock(connection, incident_id)
    if locked is None:
        raise UnknownIncident(incident_id)
    if locked.state is IncidentState.RESOLVED:
        return NotCalled.ENDED
    for one in await reachable(connection, incident_id, actor, now=now, contact_id=contact_id):
        contact = next((contact for contact in one.contacts if contact.id == contact_id), None)
        if contact is None:
            continue
        if one.going:
            return NotCalled.GOING
        if contact.channel in one.reaching:
            return NotCalled.BEING_REACHED
        person = Person(responder_id=one.responder_id, language=one.language, contacts=(contact,))
        asked = await _asked(connection, incident_id, locked, person, Purpose.ASK, one.circle.value)
        await _write(connection, incident_id, locked, asked, actor=actor, now=now)
        return None
    return NotCalled.NOBODY


async def _asked(
    connection: Connection, incident_id: IncidentId, locked: Locked, person: Person, purpose: Purpose, circle: str
) -> NewAsk:
    round_number = max(locked.round, 1)  # the engine may not have looked at it yet
    sequence = await times_asked(
        connection,
        incident_id,
        round_number=round_number,
        step=BEYOND_THE_PLAN,
        purpose=purpose,
        responder_id=person.responder_id,
    )
    return NewAsk(
        person=person,
        contact=person.contacts[0],
        purpose=purpose,
        circle=circle,
        round=round_number,
        step=BEYOND_THE_PLAN,
        sequence=sequence,
    )


async def _write(
    connection: Connection, incident_id: IncidentId, locked: Locked, asked: NewAsk, *, actor: Actor, now: datetime
) -> None:
    await ask(connection, [(incident_id, locked.severity, asked)], now=now)
    await append(
        connection,
        incident_id,
        now,
        "ask",
        "by_operator",
        actor=actor.id,
        detail={
            "responder": asked.person.responder_id,
            "channel": asked.contact.channel.value,
            "circle": asked.circle,
            "purpose": asked.purpose.value,
            "round": asked.round,
            "step": asked.step,
        },
    )
