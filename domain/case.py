"""What is known of an incident when the engine decides, and what a decision consists of."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.incident import IncidentId, IncidentState
from domain.notification import AnswerKind, Failure, NotificationState, Purpose
from domain.people import ChannelName, ContactId, Language, OrganisationId, ResponderId
from domain.plan import Plan


class Reason(StrEnum):
    """Why something was or was not done; every one appears on the timeline."""

    FIRST_ROUND = "first_round"
    NEXT_ROUND = "next_round"
    ASKED = "asked"
    NEXT_CHANNEL = "next_channel"
    EMPTY = "empty"
    ALL_DECLINED = "all_declined"
    NOBODY_ANSWERED = "nobody_answered"
    BUSY_WITH_US = "busy_with_us"
    PARENT_ORGANISATION = "parent_organisation"
    TOP_ORGANISATION = "top_organisation"
    NOBODY_ARRIVED = "nobody_arrived"
    NO_ANSWER_TO_NEW_EVENT = "no_answer_to_new_event"
    NEW_EVENT = "new_event"
    LONG_ON_SCENE = "long_on_scene"
    FORGOTTEN_ON_SCENE = "forgotten_on_scene"
    TAKEN_RAN_OUT = "taken_ran_out"
    HAZARDS_MEET = "hazards_meet"
    HELD_BY_AREA = "held_by_area"
    FLAPPING = "flapping"
    BY_OPERATOR = "by_operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One address of a person."""

    id: ContactId | None
    channel: ChannelName
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone who may be asked. ``responder_id`` None is the resident herself."""

    responder_id: ResponderId | None
    language: Language
    contacts: tuple[Contact, ...]  # in the person's own order of preference


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A notification of the running round, as the database holds it."""

    responder_id: ResponderId | None
    purpose: Purpose
    step: int
    sequence: int
    channel: ChannelName
    state: NotificationState
    failure: Failure | None
    answer: AnswerKind | None
    created_at: datetime
    busy_with_us: bool = False  # its number is in a live call of ours, in which it has not been announced yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A call to an operator that is to be connected on. ``responder_id`` None: with the resident, or her home."""

    operator: str
    number: str
    responder_id: ResponderId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsk:
    """A notification to be created. ``bridge``: only for the purpose of connecting."""

    person: Person
    contact: Contact
    purpose: Purpose
    circle: str
    round: int
    step: int
    sequence: int
    bridge: Bridge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one person has said about this incident."""

    responder_id: ResponderId
    accepted_at: datetime | None
    declined_at: datetime | None
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an incident stands: the part of its row that a decision may change."""

    state: IncidentState
    severity: int
    level_id: OrganisationId
    round: int
    round_started_at: datetime | None
    step: int
    step_started_at: datetime | None
    acknowledged_at: datetime | None
    on_scene_at: datetime | None
    reminded_at: datetime | None
    taken_until: datetime | None
    reasserted_at: datetime | None
    reask_until: datetime | None
    next_step_at: datetime
    hurried_at: datetime | None = None  # nobody who was asked before is waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything a decision needs. ``people`` holds, for each step of the plan, who may be asked now, in order."""

    id: IncidentId
    standing: Standing
    plan: Plan
    people: tuple[tuple[Person, ...], ...]
    accepted: tuple[Person, ...]  # those who said that they go and have not withdrawn
    asks: tuple[Ask, ...]  # of the running round
    parts: tuple[Part, ...]
    parent_id: OrganisationId | None  # of the organisation that handles it now
    severity_together: int  # judged over the other unresolved incidents of the home
    held: bool = False  # an area incident speaks for this one, or its device cannot make up its mind


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What goes on the timeline."""

    kind: str
    reason: Reason
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written: where the incident stands afterwards, whom to ask, what to record."""

    standing: Standing
    asks: tuple[NewAsk, ...] = ()
    entries: tuple[Entry, ...] = ()
    round_ended: bool = False
    reached_nobody: bool = False  # the round that ended here reached no human being
