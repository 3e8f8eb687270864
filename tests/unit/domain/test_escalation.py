"""Decisions, pure: pacing, idempotence, and that no decision ever leaves an incident without a future."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devices.model import Hazard
from domain.case import Ask, Case, Contact, Decision, Part, Person, Standing
from domain.escalation import decide
from domain.incident import IncidentId, IncidentState
from domain.notification import AnswerKind, Failure, NotificationState, Purpose
from domain.people import ChannelName, Circle, ContactId, Language, OrganisationId, ResponderId
from domain.plan import Manner, Plan, Step

NOW = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
LEVEL = OrganisationId(1)


def standing(severity: int = 2, **changes: object) -> Standing:
    """An incident that nobody has looked at yet."""
    fresh = Standing(
        state=IncidentState.OPEN,
        severity=severity,
        level_id=LEVEL,
        round=0,
        round_started_at=None,
        step=0,
        step_started_at=None,
        acknowledged_at=None,
        on_scene_at=None,
        reminded_at=None,
        taken_until=None,
        reasserted_at=None,
        reask_until=None,
        next_step_at=NOW,
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]  # names and types are those of the fields


def person(number: int, *channels: ChannelName) -> Person:
    """A responder with a contact for each of ``channels`` (voice and sms by default)."""
    return Person(
        responder_id=ResponderId(number),
        language=Language.ZH,
        contacts=tuple(
            Contact(id=ContactId(number * 10 + rank), channel=channel, address=f"+8613900000{number:03d}")
            for rank, channel in enumerate(channels or (ChannelName.VOICE, ChannelName.SMS))
        ),
    )


def case(where: Standing, plan: Plan, people: tuple[tuple[Person, ...], ...], **more: object) -> Case:
    """Everything a decision needs, with nothing said and nobody asked yet."""
    plain = Case(
        id=IncidentId(1),
        standing=where,
        plan=plan,
        people=people,
        accepted=(),
        asks=(),
        parts=(),
        parent_id=None,
        severity_together=where.severity,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # names and types are those of the fields


SOS = Plan(
    hazard=Hazard.SOS,
    steps=(
        Step(circle=Circle.CHILDREN),
        Step(circle=Circle.GRID_WORKERS, manner=Manner.ALL, wait=timedelta(seconds=60)),
    ),
)


def rounds(severity: int, length: timedelta) -> list[datetime]:
    """When the rounds of an incident begin that nobody can be called for."""
    where, starts, now = standing(severity), [], NOW
    while now < NOW + length:
        decision = decide(case(where, SOS, ((), ())), now)
        starts += [now] if any(entry.kind == "round" for entry in decision.entries) else []
        assert decision.standing.next_step_at > now
        where, now = decision.standing, decision.standing.next_step_at
    return starts


def test_a_round_lasts_a_minute_at_least() -> None:
    """Even when there is nobody to be called at all."""
    starts = rounds(2, timedelta(minutes=30))
    assert {later - sooner for sooner, later in itertools.pairwise(starts)} == {timedelta(minutes=1)}


def test_low_severities_back_off_to_a_day() -> None:
    """A flat battery is not repeated each minute: twice as long each time, and daily in the end."""
    starts = rounds(5, timedelta(days=10))
    gaps = [later - sooner for sooner, later in itertools.pairwise(starts)]
    assert gaps[:4] == [timedelta(minutes=minutes) for minutes in (2, 4, 8, 16)]
    assert gaps[-1] == timedelta(days=1)


def test_the_reason_of_an_empty_step_is_not_that_of_a_declined_one() -> None:
    """The timeline says why nobody was called."""
    empty = decide(case(standing(), SOS, ((), (person(2),))), NOW)
    assert [entry.reason for entry in empty.entries if entry.kind == "step_passed"] == ["empty"]
    part = Part(responder_id=ResponderId(1), accepted_at=None, declined_at=NOW, arrived_at=None)
    declined = decide(case(standing(round=1), SOS, ((person(1),), (person(2),)), parts=(part,)), NOW)
    assert [entry.reason for entry in declined.entries if entry.kind == "step_passed"] == ["all_declined"]


def test_who_is_busy_with_us_is_waited_for_but_not_for_ever() -> None:
    """The number is in another call of ours: three waits at most."""
    ask = Ask(
        responder_id=ResponderId(1),
        purpose=Purpose.ASK,
        step=0,
        sequence=0,
        channel=ChannelName.VOICE,
        state=NotificationState.PENDING,
        failure=None,
        answer=None,
        created_at=NOW,
        busy_with_us=True,
    )
    where = standing(round=1, round_started_at=NOW, step_started_at=NOW)
    people = ((person(1), person(2)), ())
    for seconds, asked in ((45, 0), (100, 0), (134, 0), (135, 1)):
        decision = decide(case(where, SOS, people, asks=(ask,)), NOW + timedelta(seconds=seconds))
        assert len(decision.asks) == asked, seconds


_states = st.sampled_from(IncidentState).filter(lambda state: state is not IncidentState.RESOLVED)
_moments = st.integers(0, 7200).map(lambda seconds: NOW + timedelta(seconds=seconds))
_asks = st.builds(
    Ask,
    responder_id=st.sampled_from([ResponderId(1), ResponderId(2), None]),
    purpose=st.sampled_from(Purpose),
    step=st.integers(0, 2),
    sequence=st.integers(0, 2),
    channel=st.sampled_from(ChannelName),
    state=st.sampled_from(NotificationState),
    failure=st.none() | st.sampled_from(Failure),
    answer=st.none() | st.sampled_from(AnswerKind),
    created_at=_moments,
    busy_with_us=st.booleans(),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any case the database may hold, sensible or not; only of a round that has begun has anybody been asked."""
    state, moment = draw(_states), draw(_moments)
    maybe = st.none() | _moments
    number = draw(st.integers(0, 40))
    where = standing(
        draw(st.integers(1, 5)),
        state=state,
        round=number,
        round_started_at=draw(_moments) if number else None,
        step=draw(st.integers(0, 3)) if number else 0,
        step_started_at=draw(maybe) if number else None,
        acknowledged_at=moment if state is not IncidentState.OPEN else None,
        on_scene_at=moment if state is IncidentState.ON_SCENE else None,
        reminded_at=draw(maybe),
        taken_until=draw(maybe),
        reasserted_at=draw(maybe),
        reask_until=draw(maybe),
    )
    contacts = st.lists(st.sampled_from(ChannelName), min_size=1, max_size=3, unique=True)
    people = st.lists(st.integers(1, 4), max_size=3, unique=True).map(
        lambda numbers: tuple(person(number, *draw(contacts)) for number in numbers)
    )
    return case(
        where,
        SOS,
        (draw(people), draw(people)),
        accepted=draw(people),
        asks=tuple(draw(st.lists(_asks, max_size=6 if number else 0))),
        severity_together=draw(st.integers(1, 5)),
        held=draw(st.booleans()),
        parent_id=draw(st.none() | st.just(OrganisationId(2))),
    )


@given(cases(), _moments)
def test_every_decision_has_a_future_and_never_ends_an_incident(known: Case, now: datetime) -> None:
    """Whatever the database holds: unresolved stays unresolved, with a deadline after now; severity only rises."""
    decision = decide(known, now)
    assert decision.standing.next_step_at > now
    assert decision.standing.state is not IncidentState.RESOLVED
    assert decision.standing.severity <= known.standing.severity


@given(cases(), _moments)
def test_no_person_is_asked_twice_by_one_decision(known: Case, now: datetime) -> None:
    """One decision gives one person one message for one purpose and step."""
    keys = [(ask.person.responder_id, ask.purpose, ask.step) for ask in decide(known, now).asks]
    assert len(keys) == len(set(keys))


def applied(known: Case, decision: Decision, now: datetime) -> Case:
    """The case as the database holds it once the decision is written."""
    new = tuple(
        Ask(
            responder_id=ask.person.responder_id,
            purpose=ask.purpose,
            step=ask.step,
            sequence=ask.sequence,
            channel=ask.contact.channel,
            state=NotificationState.PENDING,
            failure=None,
            answer=None,
            created_at=now,
        )
        for ask in decision.asks
    )
    same_round = decision.standing.round == known.standing.round
    earlier = known.asks if same_round else ()
    return replace(known, standing=decision.standing, asks=(*earlier, *new) if not decision.round_ended else ())


@given(cases(), _moments)
def test_deciding_again_at_the_same_moment_asks_nobody_new(known: Case, now: datetime) -> None:
    """A wake-up too many is harmless."""
    first = decide(known, now)
    reopened = any(entry.kind == "reopened" for entry in first.entries)
    if first.standing.state is not IncidentState.OPEN or first.round_ended or reopened:
        return  # a new round begins at the engine's next look, and asks
    second = decide(applied(known, first, now), now)
    assert not second.asks
    assert second.standing.step == first.standing.step
