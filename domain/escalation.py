"""What an incident does next: a pure decision over everything that is known of it.

The engine loads a :class:`Case`, calls :func:`decide`, and writes the :class:`Decision` in the same transaction.
Deciding twice changes nothing: a wake-up too many is harmless, and a late one acts once for all deadlines missed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.case import Ask, Case, Contact, Decision, Entry, NewAsk, Person, Reason
from domain.incident import LOW_SEVERITY, PATIENCE, IncidentState
from domain.notification import Failure, NotificationState, Purpose
from domain.plan import Manner, Step


def decide(case: Case, now: datetime) -> Decision:
    """Decide what happens at ``now`` (care time). The next step of the decision always lies in the future."""
    turn = _Turn(case, now)
    turn.run()
    return turn.decision()


_HUMAN_FAILURES = frozenset({Failure.NO_ANSWER, Failure.BUSY, Failure.VOICEMAIL, Failure.NO_KEY})
_LIVE = frozenset({NotificationState.PENDING, NotificationState.SENDING, NotificationState.SENT})
_HELD_FOR = timedelta(minutes=5)
_MOST_WAITS = 3  # who is busy with us is waited for, but no longer than this many times the step's wait


class _Turn:
    """One decision in the making."""

    def __init__(self, case: Case, now: datetime) -> None:
        self.case = case
        self.now = now
        self.standing = case.standing
        self.asks: list[NewAsk] = []
        self.entries: list[Entry] = []
        self.round_ended = False
        self.reached_nobody = False

    def decision(self) -> Decision:
        return Decision(
            standing=self.standing,
            asks=tuple(self.asks),
            entries=tuple(self.entries),
            round_ended=self.round_ended,
            reached_nobody=self.reached_nobody,
        )

    def run(self) -> None:
        self._raise_severity()
        if self.case.held:
            self._wait_until(self.now + _HELD_FOR)
        elif self.standing.state is IncidentState.OPEN:
            self._open()
        else:
            self._accepted()

    # What every state shares

    def _raise_severity(self) -> None:
        together = self.case.severity_together
        if together < self.standing.severity:
            self._note("severity_raised", Reason.HAZARDS_MEET, before=self.standing.severity, now=together)
            self._set(severity=together)

    def _set(self, **changes: Any) -> None:
        self.standing = replace(self.standing, **changes)

    def _wait_until(self, moment: datetime) -> None:
        self._set(next_step_at=max(moment, self.now + timedelta(milliseconds=1)))

    def _note(self, kind: str, reason: Reason, **detail: Any) -> None:
        self.entries.append(Entry(kind=kind, reason=reason, detail=detail))

    def _ask(self, person: Person, contact: Contact, purpose: Purpose, circle: str, step: int, reason: Reason) -> None:
        key = (person.responder_id, purpose, step)
        sequence = sum((ask.responder_id, ask.purpose, ask.step) == key for ask in self.case.asks)
        sequence += sum((ask.person.responder_id, ask.purpose, ask.step) == key for ask in self.asks)
        self.asks.append(
            NewAsk(
                person=person,
                contact=contact,
                purpose=purpose,
                circle=circle,
                round=self.standing.round,
                step=step,
                sequence=sequence,
            )
        )
        self._note(
            "ask",
            reason,
            responder=person.responder_id,
            channel=contact.channel.value,
            circle=circle,
            purpose=purpose.value,
            round=self.standing.round,
            step=step,
        )

    def _reopen(self, reason: Reason) -> None:
        self._note("reopened", reason, before=self.standing.state.value)
        self._set(
            state=IncidentState.OPEN,
            acknowledged_at=None,
            on_scene_at=None,
            reminded_at=None,
            reasserted_at=None,
            reask_until=None,
            round=self.standing.round + 1,
            round_started_at=self.now,
            step=0,
            step_started_at=None,
        )
        # The asks of the former round no longer count; the new round runs at the engine's next look, at once.
        self._wait_until(self.now)

    # Acknowledged and on scene

    def _accepted(self) -> None:
        if self.standing.reasserted_at is not None:
            self._ask_again()
        if self.standing.reask_until is not None:
            if self.now >= self.standing.reask_until:
                self._reopen(Reason.NO_ANSWER_TO_NEW_EVENT)
                return
            self._wait_until(min(self.standing.reask_until, self._own_deadline()))
            return
        if self.standing.state is IncidentState.ACKNOWLEDGED:
            if self.now >= self._own_deadline():
                self._reopen(Reason.NOBODY_ARRIVED)
                return
        elif self._on_scene_for_long():
            return
        self._wait_until(self._own_deadline())

    def _own_deadline(self) -> datetime:
        standing = self.standing
        if standing.state is IncidentState.ACKNOWLEDGED:
            assert standing.acknowledged_at is not None
            return standing.acknowledged_at + self.case.plan.arrive_within
        if standing.reminded_at is not None:
            return standing.reminded_at + PATIENCE.reopen_after_reminder
        assert standing.on_scene_at is not None
        return standing.on_scene_at + PATIENCE.remind_on_scene_after

    def _ask_again(self) -> None:
        """A new event after acceptance: those who accepted are asked first; without an answer the plan restarts."""
        for person in self.case.accepted:
            if person.contacts:
                self._ask(
                    person, person.contacts[0], Purpose.ASK_AGAIN, "accepted", self.standing.step, Reason.NEW_EVENT
                )
        self._note("asked_again", Reason.NEW_EVENT, people=len(self.case.accepted))
        self._set(reasserted_at=None, reask_until=self.now + PATIENCE.reask_for)

    def _on_scene_for_long(self) -> bool:
        """Remind, or reopen. True if it is open again."""
        if self.now < self._own_deadline():
            return False
        if self.standing.reminded_at is not None:
            self._reopen(Reason.FORGOTTEN_ON_SCENE)
            return True
        self._note("reminded", Reason.LONG_ON_SCENE)
        for person in self.case.accepted:
            if person.contacts:
                self._ask(
                    person, person.contacts[0], Purpose.REMIND, "on_scene", self.standing.step, Reason.LONG_ON_SCENE
                )
        self._set(reminded_at=self.now)
        return False

    # Open

    def _open(self) -> None:
        if self.standing.taken_until is not None:
            if self.now < self.standing.taken_until:
                self._wait_until(self.standing.taken_until)
                return
            self._note("resumed", Reason.TAKEN_RAN_OUT)
            self._set(taken_until=None)
        if self.standing.round == 0:
            self._note("round", Reason.FIRST_ROUND, round=1, level=self.standing.level_id)
            self._set(round=1, round_started_at=self.now, step=0, step_started_at=None)
        elif self.standing.step_started_at is None:
            self._note("round", Reason.NEXT_ROUND, round=self.standing.round, level=self.standing.level_id)
        while self.standing.step < len(self.case.plan.steps):
            if self.standing.step_started_at is None:
                self._set(step_started_at=self.now)
            passed = self._step(self.case.plan.steps[self.standing.step])
            if passed is None:
                return
            self._note("step_passed", passed, round=self.standing.round, step=self.standing.step)
            self._set(step=self.standing.step + 1, step_started_at=None)
        self._end_round()

    def _step(self, step: Step) -> Reason | None:
        """Ask whom this step would ask now. None while it still waits, else why it is over."""
        people = self.case.people[self.standing.step]
        willing = [person for person in people if person.contacts and not self._spoken_for(person)]
        if not willing:
            return Reason.ALL_DECLINED if any(self._answered(person) for person in people) else Reason.EMPTY
        if step.manner is Manner.ALL:
            return self._everyone(step, willing)
        return self._in_turn(step, willing)

    def _everyone(self, step: Step, people: Sequence[Person]) -> Reason | None:
        over_at = self._step_start() + step.wait
        hopeful = False
        for person in people:
            hopeful |= self._advance(step, person)
        if self._hurried(self._step_start()):
            return Reason.BY_OPERATOR
        if self.now >= over_at or not hopeful:
            return Reason.NOBODY_ANSWERED
        self._wait_until(over_at)
        return None

    def _in_turn(self, step: Step, people: Sequence[Person]) -> Reason | None:
        for person in people:
            hopeful = self._advance(step, person)
            since = self._asked_at(person)
            if not hopeful or self._hurried(since):
                continue
            waits = _MOST_WAITS if self._busy_with_us(person) else 1
            over_at = since + step.wait * waits
            if self.now < over_at:
                # Whoever is busy with us is looked at again each time a wait is over.
                self._wait_until(min(over_at, self._next_look(since, step.wait)))
                return None
        return Reason.NOBODY_ANSWERED

    def _hurried(self, since: datetime) -> bool:
        """True if an operator has said, after ``since``, that it is not to be waited any longer."""
        hurried_at = self.standing.hurried_at
        return hurried_at is not None and since < hurried_at

    def _next_look(self, since: datetime, wait: timedelta) -> datetime:
        return since + wait * ((self.now - since) // wait + 1)

    def _advance(self, step: Step, person: Person) -> bool:
        """Ask ``person`` if this step has not yet, or through the next channel if the last one failed. True while an
        answer may be hoped for: somebody who let it ring gets the next channel at once, but is waited for no longer.
        """
        own = self._asks_of(person)
        channels = self._ways(step, person)
        if not channels:
            return False
        patient = not any(ask.failure in _HUMAN_FAILURES for ask in own)
        purpose = Purpose.CHECK_WELL if person.responder_id is None else Purpose.ASK
        if not own:
            self._ask(person, channels[0], purpose, step.circle.value, self.standing.step, Reason.ASKED)
            return True
        last = own[-1]
        if last.state not in (NotificationState.FAILED, NotificationState.CANCELLED):
            return patient
        if len(own) < len(channels):
            self._ask(person, channels[len(own)], purpose, step.circle.value, self.standing.step, Reason.NEXT_CHANNEL)
            return patient
        return False

    def _ways(self, step: Step, person: Person) -> list[Contact]:
        """The person's contacts for this step: the plan's order of channels first, the person's own within each."""
        return [contact for channel in step.channels for contact in person.contacts if contact.channel is channel]

    def _asks_of(self, person: Person) -> list[Ask]:
        return sorted(
            (
                ask
                for ask in self.case.asks
                if ask.responder_id == person.responder_id
                and ask.step == self.standing.step
                and ask.purpose in (Purpose.ASK, Purpose.CHECK_WELL)
            ),
            key=lambda ask: ask.sequence,
        )

    def _asked_at(self, person: Person) -> datetime:
        own = self._asks_of(person)
        return own[-1].created_at if own else self.now

    def _busy_with_us(self, person: Person) -> bool:
        own = self._asks_of(person)
        return bool(own) and own[-1].busy_with_us

    def _spoken_for(self, person: Person) -> bool:
        """True if nothing is to be asked of this person now: answered in this round, or just being asked in another
        step of it, as somebody who is daughter and neighbour at once.
        """
        elsewhere = any(
            ask.responder_id == person.responder_id and ask.step != self.standing.step and ask.state in _LIVE
            for ask in self.case.asks
        ) or any(ask.person.responder_id == person.responder_id and ask.step != self.standing.step for ask in self.asks)
        return elsewhere or self._answered(person)

    def _answered(self, person: Person) -> bool:
        started = self.standing.round_started_at
        answers = (
            moment
            for part in self.case.parts
            if part.responder_id == person.responder_id
            for moment in (part.accepted_at, part.declined_at)
        )
        return any(moment is not None and (started is None or moment >= started) for moment in answers)

    def _step_start(self) -> datetime:
        assert self.standing.step_started_at is not None
        return self.standing.step_started_at

    def _end_round(self) -> None:
        """Hand over to the parent organisation and go round again, no sooner than the pacing allows."""
        standing = self.standing
        started = standing.round_started_at or self.now
        pace = PATIENCE.shortest_round
        if standing.severity >= LOW_SEVERITY:
            pace = min(pace * 2 ** min(standing.round, 20), PATIENCE.longest_back_off)
        self.round_ended = True
        self.reached_nobody = not any(
            ask.state is NotificationState.DELIVERED or ask.answer is not None for ask in self.case.asks
        )
        level = self.case.parent_id or standing.level_id
        reason = Reason.TOP_ORGANISATION if self.case.parent_id is None else Reason.PARENT_ORGANISATION
        self._note("handed_over", reason, round=standing.round, before=standing.level_id, now=level)
        next_round_at = max(started + pace, self.now)
        self._set(
            level_id=level, round=standing.round + 1, round_started_at=next_round_at, step=0, step_started_at=None
        )
        self._wait_until(next_round_at)
