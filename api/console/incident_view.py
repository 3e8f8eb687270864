"""Everything that the page of one incident shows, read at once and put into words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from alerting import instructions
from api import story
from api.console.rows import ICONS, attempt_word, milliseconds
from api.maps import amap_link, apart, osm_link
from api.people import full_name, titled
from api.words import Words, noted
from devices.model import DeviceKind, Hazard
from domain.consent import Recipient
from domain.incident import IncidentState, Outcome
from domain.notification import AnswerKind, Failure, Purpose
from domain.people import Circle, ResidentCategory, ResidentState
from domain.permissions import Scope
from store import desk, incident_views, links
from store.desk import Attempt, Member, Person
from store.incident_views import IncidentView, NoteView, ParticipationView
from store.links import Home, Seen
from store.pool import Connection
from store.sessions import Visitor
from store.timeline import entries

_MOST_ATTEMPTS: Final = 60
_NEAR_M: Final = 50  # closer than this a position of a wristband is not told from the home's

_WINDS: Final = (
    noted("north"),
    noted("north-east"),
    noted("east"),
    noted("south-east"),
    noted("south"),
    noted("south-west"),
    noted("west"),
    noted("north-west"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point of the map, in WGS-84 degrees, with what it is in words and where else to look at it. ``at_ms``: when
    somebody was seen there, in milliseconds since 1970; None for a home.
    """

    lat: float
    lon: float
    accuracy_m: float
    label: str
    at_ms: int | None
    amap: str
    osm: str

    @property
    def home(self) -> bool:
        """True for where she lives."""
        return self.at_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of the timeline. ``note`` is the text of a note; ``erased`` that it is gone."""

    id: int
    day: str
    time: str
    who: str
    text: str
    note: str | None = None
    erased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt to reach somebody, in words. ``live``: it is under way."""

    day: str
    time: str
    who: str
    circle: str
    how: str
    why: str
    live: bool
    answer: str
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A resident in words."""

    name: str
    about: str
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What somebody has said about the incident."""

    name: str
    word: str
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything on the page. ``codes``: the residents shown, for the audit trail. ``steps``: what to ask and do, in
    the words of ``steps_of``, or the shipped ones.
    """

    incident: IncidentView
    icon: str
    hazard: str
    title: str
    state: str
    organisation: str
    level: str
    timezone: str
    device: str
    opened: str
    opened_ms: int
    ending: str
    codes: Sequence[str]
    residents: Sequence[Resident]
    home: Home | None
    points: Sequence[Point]
    location_withheld: bool
    going: Sequence[Going]
    tries: Sequence[Try]
    circle: Sequence[Member]
    lines: Sequence[Line]
    steps: Sequence[str]
    steps_of: str


async def load(
    connection: Connection,
    visitor: Visitor,
    say: Words,
    incident_id: int,
    *,
    now: datetime,
    most_attempts: int = _MOST_ATTEMPTS,
) -> View | None:
    """The incident as ``visitor`` may see it, with the newest attempts; None if there is none in his subtree."""
    incident = await incident_views.one_incident(connection, visitor.actor, incident_id)
    if incident is None:
        return None
    place = await desk.place(connection, incident_id)
    zone = ZoneInfo(place.timezone)
    people = await desk.residents(connection, incident_id)
    home = await links.home(connection, incident_id)
    may_locate = Scope.HEALTH in visitor.actor.scopes
    seen = await links.seen(connection, incident_id, Recipient.DUTY_DESK, now=now) if may_locate else []
    device = place.device_id or ""
    if place.device_kind is not None:
        device = f"{say.of(DeviceKind(place.device_kind))} {device}" + (f" ({place.room})" if place.room else "")
    hazard = say.of(Hazard(incident.hazard))
    instruction = await instructions.for_incident(connection, incident_id, Hazard(incident.hazard))
    who = titled(say, [(one.code, one.surname, one.sex or "") for one in people])
    return View(
        incident=incident,
        icon=ICONS[incident.hazard],
        hazard=hazard,
        title=" · ".join(filter(None, (hazard, who, incident.community or place.organisation))),
        state=say.of(IncidentState(incident.state)),
        organisation=place.organisation,
        level=place.level,
        timezone=place.timezone,
        device=device,
        opened=f"{incident.opened_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        opened_ms=milliseconds(incident.opened_at),
        ending=say.of(Outcome(incident.outcome)) if incident.outcome else "",
        codes=[one.code for one in people],
        residents=[_resident(one, say, now.astimezone(zone).date()) for one in people],
        home=home,
        points=_points(home, seen, say, zone),
        location_withheld=bool(people) and not seen,
        going=[_going(one, say) for one in await incident_views.participations(connection, incident)],
        tries=[_try(one, say, zone) for one in await desk.attempts(connection, incident_id, most=most_attempts)],
        circle=await desk.circle(connection, incident_id),
        lines=await _lines(connection, incident, say, zone),
        steps=instruction.texts[say.language].splitlines(),
        steps_of=instruction.organisation_name,
    )


async def _lines(connection: Connection, incident: IncidentView, say: Words, zone: ZoneInfo) -> list[Line]:
    timeline = await entries(connection, incident.id)
    known = await story.names_in(connection, timeline)
    notes: dict[object, NoteView] = {one.id: one for one in await incident_views.notes(connection, incident)}
    lines = []
    for entry in timeline:
        note = notes.get(entry.detail.get("note")) if entry.kind == "note" else None
        lines.append(
            Line(
                id=entry.id,
                day=f"{entry.at.astimezone(zone):%Y-%m-%d}",
                time=f"{entry.at.astimezone(zone):%H:%M:%S}",
                who="" if entry.actor == "system" else story.actor_name(say, entry.actor, known),
                text=story.sentence(say, entry, known),
                note=note.body if note is not None else None,
                erased=note is not None and note.body is None,
            )
        )
    return lines


def _resident(one: Person, say: Words, today: date) -> Resident:
    about = []
    if one.born_on is not None:
        age = today.year - one.born_on.year - ((today.month, today.day) < (one.born_on.month, one.born_on.day))
        about.append(say("{age} years", age=age))
    about += [say.of(ResidentCategory(category)) for category in one.categories]
    if one.state != ResidentState.HOME:
        about.append(say.of(ResidentState(one.state)))
    return Resident(name=full_name(one.surname, one.given_name), about=" · ".join(about), phone=one.phone)


def _going(one: ParticipationView, say: Words) -> Going:
    if one.declined_at is not None:
        word = say("cannot go")
    elif one.arrived_at is not None:
        word = say("is there")
    else:
        word = say("is on the way")
    by = one.by.partition(":")
    return Going(name=one.name, word=word, said_by=say("said by {who}", who=by[2]) if by[0] == "user" else "")


def _try(one: Attempt, say: Words, zone: ZoneInfo) -> Try:
    moment = one.answered_at or one.delivered_at or one.sent_at or one.created_at
    return Try(
        day=f"{moment.astimezone(zone):%Y-%m-%d}",
        time=f"{moment.astimezone(zone):%H:%M:%S}",
        who=one.name or say("the resident"),
        circle=say.of(Circle(one.circle)) if one.circle in set(Circle) else say.of(Purpose(one.purpose)),
        how=attempt_word(say, one.channel, one.state, one.call),
        why=say.of(Failure(one.failure)) if one.failure else "",
        live=one.answer is None and (bool(one.call) or one.state in ("pending", "sending", "sent")),
        answer=say.of(AnswerKind(one.answer)) if one.answer else "",
        round=one.round,
    )


def _points(home: Home | None, seen: Sequence[Seen], say: Words, zone: ZoneInfo) -> list[Point]:
    points = []
    there = (home.lat, home.lon) if home is not None and home.lat is not None and home.lon is not None else None
    if there is not None:
        points.append(_point(*there, 0.0, say("Home"), at_ms=None))
    for one in seen:
        time = one.at.astimezone(zone).strftime("%H:%M")
        label = say("{surname} last seen at {time}", surname=one.surname, time=time)
        if one.accuracy_m is not None:
            label += say(", within {metres} m", metres=round(one.accuracy_m))
        if there is not None:
            label += ": " + _from_home(*apart(*there, one.lat, one.lon), say)
        points.append(_point(one.lat, one.lon, one.accuracy_m or 0.0, label, at_ms=milliseconds(one.at)))
    return points


def _from_home(distance_m: float, wind: int, say: Words) -> str:
    if distance_m < _NEAR_M:
        return say("at home")
    far = f"{distance_m / 1000:.1f} km" if distance_m >= 1000 else f"{distance_m:.0f} m"
    return say("{far} {wind} of home", far=far, wind=say(_WINDS[wind]))


def _point(lat: float, lon: float, accuracy_m: float, label: str, *, at_ms: int | None) -> Point:
    return Point(
        lat=lat,
        lon=lon,
        accuracy_m=accuracy_m,
        label=label,
        at_ms=at_ms,
        amap=amap_link(lat, lon),
        osm=osm_link(lat, lon),
    )
