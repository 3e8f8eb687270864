"""What a responder's page shows: before acceptance surname, hazard, community and time; after it where to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from api import story
from api.maps import amap_link, osm_link
from api.people import full_name, titled
from api.words import Words
from devices.model import Hazard
from domain.consent import Recipient
from domain.incident import IncidentState, Outcome
from store import answers, audit, links
from store.links import Home, Linked, Seen
from store.pool import Connection
from store.timeline import entries

VALID_AFTER_RESOLUTION: Final = timedelta(hours=24)

_TOLD: Final = frozenset(
    {"alarm_again", "severity_raised", "reopened", "accepted", "declined", "arrived", "resolved", "cleared"}
)
"""What a responder is told of; whom we tried to reach in vain concerns the desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that has happened, at a local time."""

    time: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point with its age and the maps that show it."""

    label: str
    amap: str
    osm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What is told after acceptance."""

    name: str
    address: str
    access_notes: str
    phone: str | None
    home: Place | None
    seen: Sequence[Place]
    going: Sequence[str]
    since: Sequence[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything the template needs."""

    linked: Linked
    hazard: str
    who: str
    where: str
    time: str
    going: bool  # this person goes
    arrived: bool
    may_accept: bool
    resolved: bool
    ending: str  # how it ended, in words; empty while it has not
    details: Details | None


def expired(linked: Linked, now: datetime) -> bool:
    """True once the link shows nothing any more: a day after the end, or when its receiver is none of ours now."""
    over = linked.resolved_at is not None and now > linked.resolved_at + VALID_AFTER_RESOLUTION
    return over or linked.responder_retired


async def view(connection: Connection, linked: Linked, say: Words, *, now: datetime) -> View:
    """Put together what this person may see now, and record in the audit trail that it was shown."""
    resolved = linked.state == IncidentState.RESOLVED
    going = linked.accepted_at is not None and linked.declined_at is None
    details = await _details(connection, linked, say, now=now) if going and not resolved else None
    await audit.record(
        connection,
        f"responder:{linked.responder_id}",
        "view",
        "residents",
        [one[0] for one in linked.residents],
        now=now,
        detail={"incident": linked.incident_id, "via": "link", "details": details is not None},
    )
    return View(
        linked=linked,
        hazard=say.of(Hazard(linked.hazard)),
        who=titled(say, linked.residents),
        where=linked.community or linked.organisation,
        time=_local(linked.opened_at, linked, now),
        going=going,
        arrived=going and linked.arrived_at is not None,
        may_accept=not resolved and (not going or _asked_anew(linked)),
        resolved=resolved,
        ending=say.of(Outcome(linked.outcome)) if linked.outcome else "",
        details=details,
    )


def _asked_anew(linked: Linked) -> bool:
    """True if an acceptance given before does not count any more: a new alarm, or it was opened again."""
    if linked.reask_until is not None:
        return True
    started, accepted = linked.round_started_at, linked.accepted_at
    return linked.state == IncidentState.OPEN and started is not None and accepted is not None and accepted < started


async def _details(connection: Connection, linked: Linked, say: Words, *, now: datetime) -> Details:
    home = await links.home(connection, linked.incident_id)
    places = await links.seen(connection, linked.incident_id, Recipient.RESPONDERS, now=now)
    timeline = [entry for entry in await entries(connection, linked.incident_id) if entry.kind in _TOLD]
    known = await story.names_in(connection, timeline)
    return Details(
        name=say(", ").join(full_name(*names) for names in home.names) if home else "",
        address=say("{address}, {community}", address=home.address, community=linked.community) if home else "",
        access_notes=home.access_notes if home else "",
        phone=home.phone if home else None,
        home=_home_place(home, say),
        seen=[_seen_place(one, linked, say, now) for one in places],
        going=await answers.going(connection, linked.incident_id, without=linked.responder_id),
        since=[Line(time=_local(entry.at, linked, now), text=story.sentence(say, entry, known)) for entry in timeline],
    )


def _home_place(home: Home | None, say: Words) -> Place | None:
    if home is None or home.lat is None or home.lon is None:
        return None
    return Place(label=say("Home"), amap=amap_link(home.lat, home.lon), osm=osm_link(home.lat, home.lon))


def _seen_place(seen: Seen, linked: Linked, say: Words, now: datetime) -> Place:
    time = _local(seen.at, linked, now)
    label = say("Last seen at {time}", time=time)
    if seen.accuracy_m is not None:
        label = say("Last seen at {time}, within {metres} m", time=time, metres=round(seen.accuracy_m))
    return Place(label=label, amap=amap_link(seen.lat, seen.lon), osm=osm_link(seen.lat, seen.lon))


def _local(moment: datetime, linked: Linked, now: datetime) -> str:
    """The time of day where the home is; with the date unless it is today's."""
    zone = ZoneInfo(linked.timezone)
    local = moment.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%Y-%m-%d %H:%M}"
