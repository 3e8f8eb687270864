"""The one door for what people say about an incident: by voice, SMS, link, console or interface.

Every answer runs under the lock of its incident, is idempotent, and is told what has happened since. Nothing but an
acceptance stops the clock.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from devices.native import Stage
from domain.incident import (
    PATIENCE,
    SEVERITY,
    IncidentId,
    IncidentState,
    Outcome,
    Refused,
    after_acceptance,
    after_arrival,
    after_closing,
)
from domain.notification import AnswerKind, NotificationId, Via
from domain.people import ResponderId
from store import answers as store
from store import receipts
from store.answers import Locked, Said
from store.pool import Connection
from store.timeline import append


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody says. ``by`` is the actor as the timeline names it ("responder:12", "user:li"); ``responder_id`` is
    who goes, declines, has arrived or closes: an operator may say so for her. ``note`` is personal and kept apart.
    """

    incident_id: IncidentId
    kind: AnswerKind
    via: Via
    by: str
    responder_id: ResponderId | None = None
    notification_id: NotificationId | None = None
    outcome: Outcome | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What became of an answer: refused and why, or not; the state now; the names of the others who go."""

    refused: Refused | None
    state: IncidentState
    going: tuple[str, ...] = ()


class UnknownIncident(LookupError):
    """There is no such incident."""

    def __init__(self, incident_id: int) -> None:
        super().__init__(f"there is no incident {incident_id}")
        self.incident_id = incident_id


async def give(connection: Connection, answer: Answer, *, now: datetime) -> Given:
    """Take an answer, in the caller's transaction. Raises :class:`UnknownIncident`."""
    locked = await store.lock(connection, answer.incident_id)
    if locked is None:
        raise UnknownIncident(answer.incident_id)
    said = await store.said(connection, answer.incident_id, answer.responder_id)
    going = await store.going(connection, answer.incident_id, without=answer.responder_id)
    outcome = await _KINDS[answer.kind](_Taking(connection, answer, locked, said, going, now))
    refused = outcome if isinstance(outcome, Refused) else None
    if refused is Refused.ALREADY_GIVEN and answer.notification_id is not None:
        # Said before through another channel: this one need not be waited for any more.
        await _Taking(connection, answer, locked, said, going, now).mark()
    state = locked.state if isinstance(outcome, Refused) else outcome
    if refused is not None and refused is not Refused.ALREADY_GIVEN:
        await append(
            connection,
            answer.incident_id,
            now,
            "answer_refused",
            refused.value,
            actor=answer.by,
            detail={"answer": answer.kind.value, "via": answer.via.value, "responder": answer.responder_id},
        )
    if answer.note:
        note = await store.add_note(connection, answer.incident_id, answer.note, by=answer.by, now=now)
        await append(connection, answer.incident_id, now, "note", "written", actor=answer.by, detail={"note": note})
    return Given(refused=refused, state=state, going=going)


@dataclass(frozen=True, slots=True)
class _Taking:
    """One answer being taken."""

    connection: Connection
    answer: Answer
    locked: Locked
    said: Said
    going: tuple[str, ...]
    now: datetime

    @property
    def id(self) -> IncidentId:
        return self.answer.incident_id

    @property
    def operator(self) -> bool:
        """True if whoever speaks is not the responder herself but acts for the duty desk."""
        return self.answer.via in (Via.CONSOLE, Via.API) and not self.answer.by.startswith("responder:")

    async def record(self, kind: str, reason: str, **detail: object) -> None:
        await append(
            self.connection,
            self.id,
            self.now,
            kind,
            reason,
            actor=self.answer.by,
            detail={"responder": self.answer.responder_id, "via": self.answer.via.value, **detail},
        )

    async def mark(self) -> None:
        await store.mark_answered(
            self.connection,
            self.id,
            self.answer.kind,
            responder_id=self.answer.responder_id,
            notification_id=self.answer.notification_id,
            now=self.now,
        )

    async def participate(self, said: Said) -> None:
        assert self.answer.responder_id is not None
        await store.take_part(
            self.connection, self.id, self.answer.responder_id, said, by=self.answer.by, via=self.answer.via
        )

    async def tell_device(self, stage: Stage) -> None:
        by = ""
        if stage is Stage.ACCEPTED and self.answer.responder_id is not None:
            by = await store.relation(self.connection, self.id, self.answer.responder_id)
        await receipts.promise(self.connection, [self.id], stage, by=by, now=self.now)

    async def stop_asking(self) -> None:
        """Somebody goes: what is still waiting need not go out. For severity 1 it does all the same."""
        if self.locked.severity > 1 and await store.cancel_pending(self.connection, self.id):
            await self.record("calls_cancelled", "accepted")


async def _accept(taking: _Taking) -> IncidentState | Refused:
    locked, now = taking.locked, taking.now
    if locked.state is IncidentState.RESOLVED:
        return Refused.ALREADY_RESOLVED
    assert taking.answer.responder_id is not None
    asked_again = locked.reask_until is not None
    if taking.said.going and not asked_again and locked.state is not IncidentState.OPEN:
        return Refused.ALREADY_GIVEN
    accepted = len(taking.going) + 1
    state = after_acceptance(locked.state, accepted=accepted, needed=locked.needed)
    if isinstance(state, Refused):
        return state
    if taking.said.going and state is IncidentState.OPEN:
        return Refused.ALREADY_GIVEN
    await taking.participate(replace(taking.said, accepted_at=now, declined_at=None))
    await taking.mark()
    first = state is IncidentState.ACKNOWLEDGED and locked.state is IncidentState.OPEN
    await taking.record("accepted", "first" if first else "again" if asked_again else "also", accepted=accepted)
    await taking.tell_device(Stage.ACCEPTED)
    moved = replace(locked, state=state, reask_until=None)
    if first:
        moved = replace(moved, acknowledged_at=now, taken_by=None, taken_until=None)
        await taking.stop_asking()
    # The engine looks at once: it knows the deadline of every state.
    await store.move(taking.connection, taking.id, moved, now=now, next_step_at=now)
    return state


async def _decline(taking: _Taking) -> IncidentState | Refused:
    locked, now = taking.locked, taking.now
    if locked.state is IncidentState.RESOLVED:
        return Refused.ALREADY_RESOLVED
    assert taking.answer.responder_id is not None
    if taking.said.declined_at is not None and not await _newly_asked(taking):
        return Refused.ALREADY_GIVEN
    withdrawn = taking.said.going
    await taking.participate(replace(taking.said, declined_at=now))
    await taking.mark()
    await taking.record("declined", "withdrawn" if withdrawn else "cannot")
    alone = withdrawn and not taking.going and locked.state is not IncidentState.OPEN
    if alone:
        await taking.record("reopened", "nobody_left", before=locked.state.value)
        locked = replace(locked, state=IncidentState.OPEN, acknowledged_at=None, on_scene_at=None, reask_until=None)
    await store.move(taking.connection, taking.id, locked, now=now, next_step_at=now, restart=alone)
    return locked.state


async def _newly_asked(taking: _Taking) -> bool:
    """A refusal holds for a round: whoever is asked again may refuse again."""
    return taking.answer.notification_id is not None and await store.unanswered(
        taking.connection, taking.answer.notification_id
    )


async def _arrive(taking: _Taking) -> IncidentState | Refused:
    locked, now = taking.locked, taking.now
    state = after_arrival(locked.state)
    if isinstance(state, Refused):
        return state
    assert taking.answer.responder_id is not None
    if taking.said.arrived_at is not None and taking.said.going and locked.state is IncidentState.ON_SCENE:
        return Refused.ALREADY_GIVEN
    newly = not taking.said.going
    await taking.participate(
        replace(taking.said, accepted_at=now if newly else taking.said.accepted_at, declined_at=None, arrived_at=now)
    )
    await taking.mark()
    await taking.record("arrived", "on_scene")
    if newly:
        await taking.tell_device(Stage.ACCEPTED)
    await taking.stop_asking()
    moved = replace(
        locked,
        state=state,
        acknowledged_at=locked.acknowledged_at or now,
        on_scene_at=now if locked.state is not IncidentState.ON_SCENE else locked.on_scene_at,
        reask_until=None,
        taken_by=None,
        taken_until=None,
    )
    await store.move(taking.connection, taking.id, moved, now=now, next_step_at=now)
    return state


async def _close(taking: _Taking) -> IncidentState | Refused:
    if taking.answer.outcome is None:
        return Refused.OUTCOME_NEEDED
    if not taking.operator and not taking.said.going:
        return Refused.ALREADY_RESOLVED if taking.locked.state is IncidentState.RESOLVED else Refused.NOT_ACCEPTED
    return await _end(taking, taking.answer.outcome)


async def _well(taking: _Taking) -> IncidentState | Refused:
    """The resident herself says that she is well: a person, with an outcome."""
    if taking.locked.severity < SEVERITY_OF_ASKING and taking.locked.state is not IncidentState.RESOLVED:
        return Refused.NOT_ACCEPTED
    return await _end(taking, Outcome.FALSE_ALARM)


SEVERITY_OF_ASKING = min(SEVERITY[hazard] for hazard in SEVERITY if SEVERITY[hazard] > 2)
"""A resident may call off by herself what is at least this mild: nobody talks a fire or a fall away in one key."""


async def _end(taking: _Taking, outcome: Outcome) -> IncidentState | Refused:
    state = after_closing(taking.locked.state, outcome=outcome, severity=taking.locked.severity, by_person=True)
    if isinstance(state, Refused):
        return state
    await taking.mark()
    cancelled = await store.cancel_pending(taking.connection, taking.id)
    await store.resolve(taking.connection, taking.id, outcome, by=taking.answer.by, now=taking.now)
    await taking.record("resolved", outcome.value, cancelled=cancelled)
    await taking.tell_device(Stage.RESOLVED)
    return state


async def _take(taking: _Taking) -> IncidentState | Refused:
    """An operator looks after it: the calls pause, for three minutes at most."""
    locked, now = taking.locked, taking.now
    if locked.state is IncidentState.RESOLVED:
        return Refused.ALREADY_RESOLVED
    if locked.state is not IncidentState.OPEN or locked.taken_until is not None:
        return Refused.ALREADY_GIVEN
    until = now + PATIENCE.taken_for
    await taking.record("taken", "by_operator", until=until.isoformat())
    moved = replace(locked, taken_by=taking.answer.by, taken_until=until)
    await store.move(taking.connection, taking.id, moved, now=now, next_step_at=until)
    return locked.state


_KINDS: dict[AnswerKind, Callable[[_Taking], Awaitable[IncidentState | Refused]]] = {
    AnswerKind.ACCEPT: _accept,
    AnswerKind.DECLINE: _decline,
    AnswerKind.ARRIVE: _arrive,
    AnswerKind.CLOSE: _close,
    AnswerKind.TAKE: _take,
    AnswerKind.WELL: _well,
}


async def note(connection: Connection, incident_id: IncidentId, text: str, *, by: str, now: datetime) -> None:
    """Write a note: the text apart, so that it can be erased, and that it was written on the timeline."""
    if await store.lock(connection, incident_id) is None:
        raise UnknownIncident(incident_id)
    written = await store.add_note(connection, incident_id, text, by=by, now=now)
    await append(connection, incident_id, now, "note", "written", actor=by, detail={"note": written})


async def hand_over(connection: Connection, incident_id: IncidentId, *, by: str, now: datetime) -> bool:
    """Hand an incident to the parent organisation at an operator's word. False if there is none above, or it ended."""
    if await store.lock(connection, incident_id) is None:
        raise UnknownIncident(incident_id)
    moved = await store.hand_over(connection, incident_id, now=now)
    if moved is None:
        return False
    await append(
        connection,
        incident_id,
        now,
        "handed_over",
        "by_operator",
        actor=by,
        detail={"before": moved[0], "now": moved[1]},
    )
    return True


async def call_next(connection: Connection, incident_id: IncidentId, *, by: str, now: datetime) -> bool:
    """Wait no longer for those who are being asked, at an operator's word: whoever comes next is asked at once, also
    while the calls are paused. False if the incident is not open.
    """
    if await store.lock(connection, incident_id) is None:
        raise UnknownIncident(incident_id)
    if not await store.hurry(connection, incident_id, now=now):
        return False
    await append(connection, incident_id, now, "hurried", "by_operator", actor=by)
    return True
