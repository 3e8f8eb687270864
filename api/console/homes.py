"""The call-and-visit list of an area incident, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from api.people import full_name
from api.words import Words
from domain.area import HomeState
from domain.people import ResidentCategory, ResidentState
from store import desk, visits
from store.pool import Connection
from store.visits import Home, Inhabitant

FIRST_SHOWN: Final = 50
"""Homes drawn at first; as many more come at each asking."""

MARKS: Final = (
    (HomeState.CALLED, "1"),
    (HomeState.ANSWERED, "2"),
    (HomeState.VISITED, "3"),
    (HomeState.FINE, "4"),
    (HomeState.NEEDS_HELP, "5"),
    (HomeState.NOT_ASKED, "0"),
)
"""What can be said of a home, each with its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeLine:
    """A home of the list, in words."""

    code: str
    where: str
    people: Sequence[str]
    phones: Sequence[tuple[str, str]]
    access_notes: str
    state: HomeState
    word: str
    said: str
    devices: str
    back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Homes:
    """The list as far as it is shown. ``counts``: how many homes stand how, in words; ``codes``: the residents shown,
    for the audit trail.
    """

    lines: Sequence[HomeLine]
    counts: Sequence[tuple[HomeState, str, int]]
    total: int
    more: int
    codes: Sequence[str]


async def load_homes(connection: Connection, say: Words, incident_id: int, *, most: int, now: datetime) -> Homes | None:
    """The first ``most`` homes that an incident concerns; None if it concerns none, as most do not."""
    standing = await visits.standing(connection, incident_id)
    if not standing:
        return None
    zone = ZoneInfo((await desk.place(connection, incident_id)).timezone)
    homes = await visits.homes(connection, incident_id, most=most)
    total = sum(standing.values())
    return Homes(
        lines=[_line(one, say, zone, now) for one in homes],
        counts=[(state, say.of(state), standing[state]) for state in HomeState if state in standing],
        total=total,
        more=total - len(homes),
        codes=[resident.code for one in homes for resident in one.residents],
    )


def _line(one: Home, say: Words, zone: ZoneInfo, now: datetime) -> HomeLine:
    said = ""
    if one.at is not None and one.by is not None:
        said = f"{one.by.partition(':')[2] or one.by} {one.at.astimezone(zone):%H:%M}"
    phones = [(full_name(who.surname, who.given_name), who.phone) for who in one.residents if who.phone]
    if one.phone:
        phones.append((say("The home"), one.phone))
    return HomeLine(
        code=one.code,
        where=f"{one.community} {one.address}",
        people=[_person(who, say, now, zone) for who in one.residents],
        phones=phones,
        access_notes=one.access_notes,
        state=one.state,
        word=say.of(one.state),
        said=said,
        devices=say("{back} of {devices} devices are heard again", back=one.back, devices=one.devices),
        back=one.back == one.devices,
    )


def _person(who: Inhabitant, say: Words, now: datetime, zone: ZoneInfo) -> str:
    told = [full_name(who.surname, who.given_name)]
    if who.born_on is not None:
        today = now.astimezone(zone).date()
        age = today.year - who.born_on.year - ((today.month, today.day) < (who.born_on.month, who.born_on.day))
        told.append(say("{age} years", age=age))
    told += [say.of(ResidentCategory(category)) for category in who.categories]
    if who.state != ResidentState.HOME:
        told.append(say.of(ResidentState(who.state)))
    return " · ".join(told)
