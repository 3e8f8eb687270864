"""Incidents: the list, one with everything that happened, and what people say about it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, get_args

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from alerting.answers import Answer, Given, give, hand_over, note
from api.access import REFUSALS, Reader, Responding
from api.paging import Limit, Number
from api.problems import Conflict, NotFound, refused_field
from api.records import Page
from api.services import Services
from devices.model import Hazard
from domain import written
from domain.incident import IncidentId, IncidentState, Outcome, Refused
from domain.notification import AnswerKind, Via
from domain.people import Mode, ResponderId
from domain.permissions import Actor
from store import audit, enrolled, incident_views
from store.incident_views import IncidentFilter, IncidentView
from store.pool import Connection
from store.registry import Noun
from store.timeline import entries
from store.wakeups import Bell, ring

IncidentNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The id of the incident.", examples=[12])]
Note = Annotated[written.Lines, Field(description="Personal text; kept apart from the timeline, and erased in time.")]
Who = Annotated[written.Code, Field(description="The code of the responder for whom this is said.")]

T = TypeVar("T")

ByHand = Literal["emergency", "assistance", "false_alarm", "test", "technical", "cannot_confirm"]
assert set(get_args(ByHand)) == set(Outcome) - {Outcome.RECOVERED}


class Incident(BaseModel):
    """An incident; people, homes and devices by their codes."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    number: Annotated[int, Field(description="Short, for replies by SMS; reused in time.")]
    mode: Mode
    hazard: Hazard
    severity: Annotated[int, Field(ge=1, le=5, description="1 is gravest.")]
    state: IncidentState
    subject_kind: str
    organisation: Annotated[str, Field(description="Whose it is.")]
    level: Annotated[str, Field(description="Which organisation handles it now.")]
    household: str | None
    community: str | None
    resident: str | None
    device: Annotated[str | None, Field(description="Which device spoke first.")]
    opened_at: datetime
    acknowledged_at: datetime | None
    on_scene_at: datetime | None
    resolved_at: datetime | None
    outcome: Outcome | None
    resolved_by: str | None
    round: int
    step: int
    alarms: Annotated[int, Field(description="How many alarms belong to it.")]
    last_alarm_at: datetime
    taken_by: str | None
    taken_until: datetime | None
    next_step_at: Annotated[datetime | None, Field(description="When the platform acts next, if nobody does.")]


class TimelineEntry(BaseModel):
    """One thing that happened, with its reason."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    kind: str
    reason: str
    actor: str
    detail: dict[str, Any]


class Notification(BaseModel):
    """One attempt to reach one person."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    responder: Annotated[str | None, Field(description="Null: the resident herself.")]
    channel: str
    purpose: str
    circle: str
    round: int
    step: int
    state: str
    failure: str | None
    answer: str | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    answered_at: datetime | None


class Participation(BaseModel):
    """What one person has said."""

    model_config = ConfigDict(from_attributes=True)

    responder: str
    name: str
    accepted_at: datetime | None
    declined_at: datetime | None
    arrived_at: datetime | None
    by: str
    via: Via


class NoteBody(BaseModel):
    """A note; without a body once it has been erased."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    author: str
    body: str | None


class Alarm(BaseModel):
    """One alarm."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    source: str
    hazard: str
    state: str
    at: Annotated[datetime | None, Field(description="By the device's clock, if it has one.")]
    received_at: datetime
    repeats: int
    faults: list[str]


class WholeIncident(Incident):
    """An incident with everything that happened."""

    alarm_list: list[Alarm]
    timeline: list[TimelineEntry]
    notifications: list[Notification]
    participations: list[Participation]
    notes: list[NoteBody]


class Said(BaseModel):
    """Somebody goes, does not go, or is there."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"responder": "daughter-1", "note": "on her way by bus"}]}
    )

    responder: Who
    note: Note = ""


class Ended(BaseModel):
    """How it ended."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"outcome": "assistance", "responder": "daughter-1"}]}
    )

    outcome: Annotated[ByHand, Field(description="`recovered` is for the platform itself.")]
    responder: Who | None = None
    note: Note = ""


class Written(BaseModel):
    """A note."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "the key is under the pot"}]})

    text: Annotated[written.Lines, Field(min_length=1)]


class Became(BaseModel):
    """What became of it. The same said twice is not an error: it is `refused` as `already_given`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refused": None, "state": "acknowledged", "going": ["张丽"]}]}
    )

    refused: Refused | None
    state: IncidentState
    going: Annotated[list[str], Field(description="Who else goes.")]


States = Annotated[list[IncidentState] | None, Query(description="Only those in one of these states.")]
Hazards = Annotated[list[Hazard] | None, Query(description="Only those of one of these hazards.")]
AtLeast = Annotated[int | None, Query(ge=1, le=5, description="Only those so grave or graver; 1 is gravest.")]
OfMode = Annotated[Mode | None, Query(description="Only live ones, or only drills.")]
Home = Annotated[written.Code | None, Query(description="Only those of this household.")]
Within = Annotated[written.Code | None, Query(description="Only those within this organisation's subtree.")]
Since = Annotated[written.Moment | None, Query(description="Only those opened then or later.")]
Until = Annotated[written.Moment | None, Query(description="Only those opened before.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/incidents``."""
    routes = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], responses=REFUSALS)

    @routes.get("", summary="List incidents, the newest first")
    async def listed(
        actor: Reader,
        cursor: Number = None,
        limit: Limit = 100,
        state: States = None,
        hazard: Hazards = None,
        severity: AtLeast = None,
        mode: OfMode = None,
        household: Home = None,
        organisation: Within = None,
        since: Since = None,
        until: Until = None,
    ) -> Page[Incident]:
        wanted = IncidentFilter(
            states=[one.value for one in state] if state else None,
            hazards=[one.value for one in hazard] if hazard else None,
            severity=severity,
            mode=mode,
            household=household,
            organisation=organisation,
            since=since,
            until=until,
        )
        async with services.database.transaction() as connection:
            found = await incident_views.list_incidents(connection, actor, wanted, before=cursor, limit=limit + 1)
        return Page(
            items=[Incident.model_validate(one) for one in found[:limit]],
            next=str(found[limit - 1].id) if len(found) > limit else None,
        )

    @routes.get("/{incident_id}", summary="Read an incident with everything that happened")
    async def one(incident_id: IncidentNumber, actor: Reader) -> WholeIncident:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            found = await _visible(connection, actor, incident_id)
            await audit.record(connection, actor.id, "view", "incidents", [str(incident_id)], now=now)
            if found.resident is not None:
                await audit.record(connection, actor.id, "view", Noun.RESIDENTS.value, [found.resident], now=now)
            return WholeIncident(
                **Incident.model_validate(found).model_dump(),
                alarm_list=[Alarm.model_validate(a) for a in await incident_views.alarms(connection, found)],
                timeline=[TimelineEntry.model_validate(e) for e in await entries(connection, found.id)],
                notifications=[
                    Notification.model_validate(n) for n in await incident_views.notifications(connection, found)
                ],
                participations=[
                    Participation.model_validate(p) for p in await incident_views.participations(connection, found)
                ],
                notes=[NoteBody.model_validate(n) for n in await incident_views.notes(connection, found)],
            )

    _add_answers(routes, services)
    return routes


def _add_answers(routes: APIRouter, services: Services) -> None:
    async def say(
        actor: Actor,
        incident_id: int,
        kind: AnswerKind,
        *,
        responder: str | None = None,
        outcome: Outcome | None = None,
        text: str = "",
    ) -> Became:
        async def give_it(connection: Connection, now: datetime) -> Became:
            who = None if responder is None else await _responder(connection, actor, responder)
            answer = Answer(
                incident_id=IncidentId(incident_id),
                kind=kind,
                via=Via.API,
                by=actor.id,
                responder_id=who,
                outcome=outcome,
                note=text,
            )
            return _became(await give(connection, answer, now=now))

        return await _done(services, actor, incident_id, kind.value, give_it)

    @routes.post("/{incident_id}/accept", summary="A responder goes; only this stops the calls")
    async def accept(incident_id: IncidentNumber, body: Said, actor: Responding) -> Became:
        return await say(actor, incident_id, AnswerKind.ACCEPT, responder=body.responder, text=body.note)

    @routes.post("/{incident_id}/decline", summary="A responder cannot go")
    async def decline(incident_id: IncidentNumber, body: Said, actor: Responding) -> Became:
        return await say(actor, incident_id, AnswerKind.DECLINE, responder=body.responder, text=body.note)

    @routes.post("/{incident_id}/arrive", summary="A responder is there")
    async def arrive(incident_id: IncidentNumber, body: Said, actor: Responding) -> Became:
        return await say(actor, incident_id, AnswerKind.ARRIVE, responder=body.responder, text=body.note)

    @routes.post("/{incident_id}/close", summary="Say how it ended")
    async def close(incident_id: IncidentNumber, body: Ended, actor: Responding) -> Became:
        return await say(
            actor,
            incident_id,
            AnswerKind.CLOSE,
            responder=body.responder,
            outcome=Outcome(body.outcome),
            text=body.note,
        )

    @routes.post("/{incident_id}/take", summary="Look after it: the calls pause for three minutes at most")
    async def take(incident_id: IncidentNumber, actor: Responding) -> Became:
        return await say(actor, incident_id, AnswerKind.TAKE)

    @routes.post("/{incident_id}/note", status_code=204, summary="Write a note")
    async def write_note(incident_id: IncidentNumber, body: Annotated[Written, Body()], actor: Responding) -> None:
        async def write(connection: Connection, now: datetime) -> None:
            await note(connection, IncidentId(incident_id), body.text, by=actor.id, now=now)

        await _done(services, actor, incident_id, "note", write)

    @routes.post("/{incident_id}/hand-over", status_code=204, summary="Hand it to the organisation above")
    async def hand_up(incident_id: IncidentNumber, actor: Responding) -> None:
        async def hand(connection: Connection, now: datetime) -> None:
            if not await hand_over(connection, IncidentId(incident_id), by=actor.id, now=now):
                raise Conflict("it is resolved, or no organisation stands above the one that handles it")

        await _done(services, actor, incident_id, "hand-over", hand)


async def _done(
    services: Services,
    actor: Actor,
    incident_id: int,
    action: str,
    act: Callable[[Connection, datetime], Awaitable[T]],
) -> T:
    """Act on an incident that the actor may see, audited; then wake the engine and whoever looks on."""
    now = services.clock.now()
    async with services.database.transaction() as connection:
        await _visible(connection, actor, incident_id)
        done = await act(connection, now)
        await audit.record(connection, actor.id, action, "incidents", [str(incident_id)], now=now)
    await ring(services.database, Bell.ENGINE, Bell.STREAM)
    return done


async def _visible(connection: Connection, actor: Actor, incident_id: int) -> IncidentView:
    found = await incident_views.one_incident(connection, actor, incident_id)
    if found is None:
        raise NotFound(f"there is no incident {incident_id} here")
    return found


async def _responder(connection: Connection, actor: Actor, code: str) -> ResponderId:
    found = await enrolled.read(connection, Noun.RESPONDERS, within=actor.organisation_id, codes=[code])
    if not found:
        raise refused_field("body.responder", code, "the code of one of the responders in use here")
    return ResponderId(found[0].id)


def _became(given: Given) -> Became:
    return Became(refused=given.refused, state=given.state, going=list(given.going))
