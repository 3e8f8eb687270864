"""Whom an operator can have called: what the dialogs of an incident offer, looked up when they open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerting.called_by_hand import HOME
from api.people import full_name
from api.words import Words
from domain.people import ChannelName
from domain.permissions import Actor
from store.pool import Connection
from store.reachable import Reachable, home_phones, reachable

MOST_OFFERED: Final = 40
"""People offered at once; how many more there are is said, and a part of a name finds them."""
LONGEST_FIND: Final = 60  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to reach somebody. ``value`` is what the form sends; ``why_not``: why it cannot be chosen now."""

    value: str
    how: str
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Somebody to choose, with the ways to reach her."""

    name: str
    about: str
    ways: Sequence[Way]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Those who are offered, and how many more there are."""

    people: Sequence[Choice]
    more: int


async def callable_people(
    connection: Connection, actor: Actor, say: Words, incident_id: int, *, find: str, now: datetime
) -> Choices:
    """Whom ``actor`` can have called for an incident, nearest first."""
    people = await reachable(connection, incident_id, actor, now=now, find=find)
    return Choices(
        people=[Choice(name=one.name, about=about(one, say), ways=_ways(one, say)) for one in people[:MOST_OFFERED]],
        more=max(len(people) - MOST_OFFERED, 0),
    )


async def connectable_people(
    connection: Connection, actor: Actor, say: Words, incident_id: int, *, find: str, now: datetime
) -> Choices:
    """Whom ``actor`` can be connected with: those who live there, then whoever can be called, nearest first. Where no
    telephone is registered for the home, that is said.
    """
    home = [
        Choice(
            name=full_name(phone.surname, phone.given_name) if phone.code else say("The home"),
            about=say("the resident") if phone.code else "",
            ways=[Way(value=f"resident:{phone.code}" if phone.code else HOME, how=phone.number)],
        )
        for phone in await home_phones(connection, incident_id)
    ]
    people = [
        (one, [contact for contact in one.contacts if contact.channel is ChannelName.VOICE])
        for one in await reachable(connection, incident_id, actor, now=now, find=find)
    ]
    others = [
        Choice(
            name=one.name,
            about=about(one, say),
            ways=[Way(value=f"contact:{contact.id}", how=contact.address) for contact in voices],
        )
        for one, voices in people
        if voices
    ]
    no_home = Choice(name=say("The home"), about="", ways=[])
    return Choices(people=[*(home or [no_home]), *others[:MOST_OFFERED]], more=max(len(others) - MOST_OFFERED, 0))


def about(one: Reachable, say: Words) -> str:
    """Who somebody is, beside the name."""
    return " · ".join(
        filter(None, (say.of(one.circle), one.relation, "" if one.circle.of_household else one.organisation))
    )


def _ways(one: Reachable, say: Words) -> list[Way]:
    ways = []
    for contact in one.contacts:
        why_not = ""
        if one.going:
            why_not = say("is going already")
        elif contact.channel in one.reaching:
            why_not = say("is being reached right now")
        how = say.of(contact.channel)
        if contact.channel in (ChannelName.VOICE, ChannelName.SMS):
            how = f"{how} {contact.address}"
        ways.append(Way(value=str(contact.id), how=how, why_not=why_not))
    return ways
