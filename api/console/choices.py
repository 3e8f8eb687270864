"""Whom an operator can have called: what the dialogs of an incident offer, looked up when they open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.words import Words
from domain.people import ChannelName
from domain.permissions import Actor
from store.pool import Connection
from store.reachable import Reachable, reachable

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
