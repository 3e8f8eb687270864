"""Calls that no plan makes but an operator: to somebody else, or to her own telephone, to be connected with somebody.
They stop no plan.

Like all answers they run under the lock of their incident, so that two operators cannot call the same person twice.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from alerting.answers import UnknownIncident
from domain.case import Bridge, Contact, NewAsk, Person
from domain.incident import IncidentId, IncidentState
from domain.notification import Purpose
from domain.people import ChannelName, ContactId, Mode, ResponderId, phone_fault
from domain.permissions import Actor
from store import answers
from store.answers import Locked
from store.calls import engaged
from store.incidents import ask
from store.matters import matters
from store.pool import Connection
from store.reachable import being_connected, home_phones, reachable, times_asked
from store.sessions import Visitor
from store.timeline import append

BEYOND_THE_PLAN: Final = -1
"""The step of notifications that no step of a plan has written: their failures move none on."""


_LONGEST_ID: Final = 18  # digits; every row's number is shorter


class NotCalled(StrEnum):
    """Why nobody was called."""

    ENDED = "ended"  # the incident is resolved
    NOBODY = "nobody"  # not, or not any more, somebody who can be called for it
    BEING_REACHED = "being_reached"  # is being reached that way at this moment
    GOING = "going"  # has accepted already
    NO_PHONE = "no_phone"  # there is no telephone to be connected with
    BAD_NUMBER = "bad_number"  # her own telephone cannot be called by us
    ENGAGED = "engaged"  # we are talking to that number ourselves
    BEING_CONNECTED = "being_connected"  # she is being called already
    DRILL = "drill"  # a drill reaches nobody but those registered for drills


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


HOME: Final = "home"
"""Whom to be connected with: the home's own telephone; a resident by ``resident:<code>``, a contact by
``contact:<id>``."""


async def connect(
    connection: Connection,
    incident_id: IncidentId,
    whom: str,
    *,
    visitor: Visitor,
    own_number: str,
    now: datetime,
) -> NotCalled | None:
    """Have an operator called at her own telephone, and bridged to ``whom`` when she answers; None if she is being
    called, else why not. Raises UnknownIncident.
    """
    locked = await answers.lock(connection, incident_id)
    if locked is None:
        raise UnknownIncident(incident_id)
    if locked.state is IncidentState.RESOLVED:
        return NotCalled.ENDED
    matter = (await matters(connection, [incident_id], now=now))[incident_id]
    if matter.mode == Mode.DRILL:
        return NotCalled.DRILL
    found = await _number_of(connection, incident_id, whom, visitor.actor, now)
    if found is None:
        return NotCalled.NO_PHONE
    number, responder = found
    if phone_fault(own_number) is not None or own_number == number:
        return NotCalled.BAD_NUMBER
    if await being_connected(connection, visitor.name):
        return NotCalled.BEING_CONNECTED
    if await engaged(connection, number):
        return NotCalled.ENGAGED
    own = Contact(id=None, channel=ChannelName.VOICE, address=own_number)
    person = Person(responder_id=None, language=visitor.language, contacts=(own,))
    asked = replace(
        await _asked(connection, incident_id, locked, person, Purpose.CONNECT, Purpose.CONNECT.value),
        bridge=Bridge(operator=visitor.name, number=number, responder_id=responder),
    )
    await _write(connection, incident_id, locked, asked, actor=visitor.actor, now=now)
    return None


async def _number_of(
    connection: Connection, incident_id: IncidentId, whom: str, actor: Actor, now: datetime
) -> tuple[str, ResponderId | None] | None:
    """The telephone of ``whom``, and whose it is if a responder's."""
    kind, _, key = whom.partition(":")
    if kind == "contact" and key.isascii() and key.isdigit() and len(key) <= _LONGEST_ID:
        for one in await reachable(connection, incident_id, actor, now=now, contact_id=int(key)):
            for contact in one.contacts:
                if contact.id == int(key) and contact.channel is ChannelName.VOICE:
                    return contact.address, one.responder_id
        return None
    for phone in await home_phones(connection, incident_id):
        if whom == (f"resident:{phone.code}" if phone.code else HOME):
            return phone.number, None
    return None


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
    detail: dict[str, object] = {
        "responder": asked.person.responder_id,
        "channel": asked.contact.channel.value,
        "circle": asked.circle,
        "purpose": asked.purpose.value,
        "round": asked.round,
        "step": asked.step,
    }
    if asked.bridge is not None:
        detail |= {"operator": asked.bridge.operator, "with": asked.bridge.responder_id}
    kind = "ask" if asked.bridge is None else "connect"
    await append(connection, incident_id, now, kind, "by_operator", actor=actor.id, detail=detail)
