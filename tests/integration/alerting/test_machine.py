"""Whatever happens, in whatever order: alarms, answers, failures, time, crashing engines, changing plans and circles.

Properties of the engine over random histories on a real database. ``CAREWATCH_MACHINE_EXAMPLES`` sets how many
histories are tried (default 12, some twenty seconds); more are tried at random, the default ones are always the same.
"""

import asyncio
import os
from collections.abc import Awaitable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar, cast

import pytest
from fixtures.nights import Night, night_in
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from alerting.answers import hand_over, note
from alerting.escalation import escalate
from devices.model import Hazard
from domain.incident import IncidentId, Outcome, SubjectKind
from domain.notification import LEGAL, AnswerKind, Failure, NotificationState, Via
from domain.people import Circle
from domain.plan import Manner, Plan, Step
from store.incidents import next_due
from store.plans import add_plan
from store.pool import Connection, open_database

_T = TypeVar("_T")
_EXAMPLES = os.environ.get("CAREWATCH_MACHINE_EXAMPLES")
_FORGET = "TRUNCATE alarms, incidents, circle_members, plans, shifts RESTART IDENTITY CASCADE"

hazards = st.sampled_from([Hazard.SOS, Hazard.SMOKE, Hazard.INACTIVITY, Hazard.WATER, Hazard.DEVICE_OFFLINE])
people = st.sampled_from(["daughter", "son", "neighbour", "grid-worker", "cadre", "care-service", "desk"])
times = st.sampled_from([0, 1, 44, 46, 61, 190, 1900, 8000, 90_000]).map(lambda seconds: timedelta(seconds=seconds))
circles = st.sampled_from([circle for circle in Circle if circle is not Circle.RESIDENT])
picks = st.integers(0, 1000)


class EngineDied(Exception):
    """An engine is killed in the middle of its transaction."""


class Dying:
    """A connection whose owner dies at its n-th statement."""

    def __init__(self, connection: Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    async def execute(self, *arguments: Any) -> Any:
        """Execute, while there is life."""
        if not self._left:
            raise EngineDied
        self._left -= 1
        return await self._connection.execute(*arguments)


class Machine(RuleBasedStateMachine):
    """One night, two homes, and everything that may happen in it."""

    dsn: str
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.night: Night
        self.told: dict[int, list[tuple[Any, ...]]] = {}

    def run(self, doing: Coroutine[Any, Any, _T]) -> _T:
        """Do it on this machine's own loop."""
        return self.runner.run(doing)

    @initialize()
    def begin(self) -> None:
        """The same town every time, and nothing has happened."""

        async def begun() -> Night:
            self.opened = open_database(self.dsn, "machine", size=6)
            database = await self.opened.__aenter__()
            async with database.transaction() as connection:
                await connection.execute(_FORGET)
            night = await night_in(database, homes=2)
            await night.query("UPDATE households SET phone = '+8637212345678'")
            return night

        self.night = self.run(begun())

    def teardown(self) -> None:
        """However it stands now: let time pass, and somebody is asked about everything that is not resolved."""
        if hasattr(self, "night"):
            try:
                self.run(self._time_goes_on())
            finally:
                self.run(self.opened.__aexit__(None, None, None))

    async def _time_goes_on(self) -> None:
        night = self.night
        await self._engine()
        before = {
            incident: (due, entries)
            for incident, due, entries in await night.query(
                """SELECT i.id, i.next_step_at, (SELECT count(*) FROM timeline t WHERE t.incident_id = i.id)
                   FROM incidents i WHERE i.state <> 'resolved'"""
            )
        }
        for _ in range(40):
            async with night.database.transaction() as connection:
                due = await next_due(connection)
            if due is None:
                break
            night.now = max(night.now, due)
            await self._engine()
        for incident, state, due, entries in await night.query(
            """SELECT i.id, i.state, i.next_step_at, (SELECT count(*) FROM timeline t WHERE t.incident_id = i.id)
               FROM incidents i WHERE i.state <> 'resolved'"""
        ):
            assert due > night.now, f"incident {incident} is {state} and has no deadline ahead"
            was_due, told = before.get(incident, (due, 0))
            assert was_due > night.now or entries > told, f"incident {incident} was due, and nothing has happened"

    # What happens

    @rule(hazard=hazards, home=st.integers(1, 2))
    def somebody_is_in_need(self, hazard: Hazard, home: int) -> None:
        """An alarm."""
        of_home = hazard in (Hazard.SMOKE, Hazard.WATER)
        kind = SubjectKind.HOUSEHOLD if of_home else SubjectKind.RESIDENT
        self.run(self.night.raises(hazard, home=home, subject=kind))

    @rule(passing=times, engines=st.integers(1, 3))
    def time_passes(self, passing: timedelta, engines: int) -> None:
        """No engine runs for a while; then several look at once."""
        self.night.now += passing
        self.run(self._engine(engines))
        overdue = "SELECT id FROM incidents WHERE state <> 'resolved' AND next_step_at <= %s"
        assert self.run(self.night.query(overdue, self.night.now)) == []

    @rule(passing=times, statements=st.integers(0, 14))
    def an_engine_dies(self, passing: timedelta, statements: int) -> None:
        """In the middle of deciding: nothing of it remains."""
        self.night.now += passing

        async def dying() -> None:
            async with self.night.database.pipeline() as connection, connection.transaction():
                await escalate(cast(Connection, Dying(connection, statements)), now=self.night.now)

        try:
            self.run(dying())
        except EngineDied:
            pass

    @rule(
        who=people, kind=st.sampled_from(AnswerKind), pick=picks, outcome=st.sampled_from(Outcome), desk=st.booleans()
    )
    def somebody_answers(self, who: str, kind: AnswerKind, pick: int, outcome: Outcome, desk: bool) -> None:
        """Anything, at any time, through the one door, while an engine is looking."""
        incident = self._one_of("SELECT id FROM incidents ORDER BY id", pick)
        if incident is None:
            return
        by = "user:li" if desk or kind is AnswerKind.TAKE else None
        answer = self.night.says(
            "resident" if kind is AnswerKind.WELL else who,
            kind,
            IncidentId(incident),
            outcome=outcome if kind is AnswerKind.CLOSE else None,
            via=Via.CONSOLE if by else Via.VOICE,
            by="resident" if kind is AnswerKind.WELL else by,
        )
        self.run(_together(answer, self._engine()))

    @rule(pick=picks, handing=st.booleans())
    def the_desk_writes_or_hands_over(self, pick: int, handing: bool) -> None:
        """An operator's word."""
        incident = self._one_of("SELECT id FROM incidents ORDER BY id", pick)
        if incident is None:
            return

        async def word(of: IncidentId) -> None:
            async with self.night.database.transaction() as connection:
                if handing:
                    await hand_over(connection, of, by="user:li", now=self.night.now)
                else:
                    await note(connection, of, "…", by="user:li", now=self.night.now)

        self.run(word(IncidentId(incident)))

    @rule(pick=picks, to=st.sampled_from(NotificationState), failure=st.sampled_from(Failure))
    def a_message_moves(self, pick: int, to: NotificationState, failure: Failure) -> None:
        """The provider says something about a message; a move that is not legal does not happen."""
        notification = self._one_of("SELECT id FROM notifications ORDER BY id", pick)
        if notification is not None:
            self.run(self._move(notification, to, failure))

    @rule(circle=circles, organisation=st.sampled_from(["heping", "town"]), manner=st.sampled_from(Manner))
    def a_plan_changes(self, circle: Circle, organisation: str, manner: Manner) -> None:
        """From the next round on."""
        plan = Plan(hazard=Hazard.SOS, steps=(Step(circle=circle, manner=manner), Step(circle=Circle.DUTY_DESK)))

        async def changed() -> None:
            async with self.night.database.transaction() as connection:
                await add_plan(connection, self.night.town.organisations[organisation], plan, now=self.night.now)

        self.run(changed())

    @rule(who=people)
    def somebody_leaves_every_circle(self, who: str) -> None:
        """She has moved away."""
        self.run(
            self.night.query(
                "DELETE FROM circle_members WHERE responder_id = (SELECT id FROM responders WHERE code = %s)", who
            )
        )

    @rule(who=people)
    def somebody_joins_the_desk(self, who: str) -> None:
        """And is asked from then on."""
        self.run(
            self.night.query(
                """INSERT INTO circle_members (organisation_id, circle, responder_id)
                   SELECT o.id, 'duty_desk', r.id FROM organisations o, responders r
                   WHERE o.code = 'heping' AND r.code = %s ON CONFLICT DO NOTHING""",
                who,
            )
        )

    # What must always hold

    @invariant()
    def no_end_is_silent_and_every_state_has_a_deadline(self) -> None:
        """Asked of the database in other words than its constraints use."""
        if hasattr(self, "night"):
            assert (
                self.run(
                    self.night.query(
                        """SELECT id FROM incidents
                           WHERE (state = 'resolved'
                                  AND (outcome IS NULL OR coalesce(resolved_by, '') IN ('', 'system')))
                              OR (state <> 'resolved' AND (next_step_at IS NULL OR outcome IS NOT NULL))"""
                    )
                )
                == []
            )

    @invariant()
    def every_alarm_has_one_incident_and_every_key_one_that_is_unresolved(self) -> None:
        """Nothing raised is left alone, and nothing is doubled."""
        if hasattr(self, "night"):
            alone = """SELECT a.id FROM alarms a WHERE a.state = 'raised'
                       AND (SELECT count(*) FROM incident_alarms ia WHERE ia.alarm_id = a.id) <> 1"""
            doubled = """SELECT subject_kind, subject_id, hazard, mode FROM incidents WHERE state <> 'resolved'
                         GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"""
            assert self.run(self.night.query(alone)) == []
            assert self.run(self.night.query(doubled)) == []

    @invariant()
    def the_timeline_only_grows_and_tells_every_state(self) -> None:
        """What has been told stays told; whoever reads it from the start arrives at where the incident stands."""
        if not hasattr(self, "night"):
            return
        rows = self.run(
            self.night.query("SELECT id, incident_id, at, kind, reason, actor, detail FROM timeline ORDER BY id")
        )
        by_incident: dict[int, list[tuple[Any, ...]]] = {}
        for row in rows:
            by_incident.setdefault(row[1], []).append(row)
        for incident, before in self.told.items():
            assert by_incident[incident][: len(before)] == before
        self.told = by_incident
        states = dict(self.run(self.night.query("SELECT id, state FROM incidents")))
        assert {incident: _state_told(entries) for incident, entries in by_incident.items()} == states

    @invariant()
    def every_message_is_told_of_and_none_is_sent_twice(self) -> None:
        """One entry for each message, and no second message to somebody whose first is still on its way."""
        if not hasattr(self, "night"):
            return
        counts = """SELECT (SELECT count(*) FROM timeline WHERE kind = 'ask'), (SELECT count(*) FROM notifications)"""
        ((told, sent),) = self.run(self.night.query(counts))
        assert told == sent
        twice = """SELECT incident_id, responder_id FROM notifications
                   WHERE state IN ('pending', 'sending', 'sent') AND purpose IN ('ask', 'check_well')
                   GROUP BY incident_id, round, step, purpose, responder_id HAVING count(*) > 1"""
        assert self.run(self.night.query(twice)) == []

    # How it is done

    async def _engine(self, engines: int = 1) -> None:
        async def one() -> int:
            async with self.night.database.pipeline() as connection, connection.transaction():
                return (await escalate(connection, now=self.night.now))[0]

        for _ in range(200):
            if not sum(await _together(*(one() for _ in range(engines)))):
                return
            self.night.now += timedelta(milliseconds=2)
        due = "SELECT * FROM incidents WHERE state <> 'resolved' ORDER BY next_step_at LIMIT 1"
        raise AssertionError(f"the engine never rests: {await self.night.query(due)}")

    async def _move(self, notification: int, to: NotificationState, failure: Failure) -> None:
        ((state, incident),) = await self.night.query(
            "SELECT state, incident_id FROM notifications WHERE id = %s", notification
        )
        if to not in LEGAL[NotificationState(state)]:
            return
        failed = to in (NotificationState.FAILED, NotificationState.CANCELLED)
        await self.night.query(
            """UPDATE notifications n
               SET state = s.to, failure = s.failure, attempts = attempts + 1,
                   lease_until = CASE WHEN s.to = 'sending' THEN s.now END,
                   sent_at = CASE WHEN s.to IN ('sent', 'delivered') THEN s.now ELSE sent_at END,
                   delivered_at = CASE WHEN s.to = 'delivered' THEN s.now ELSE delivered_at END
               FROM (SELECT %s::text AS to, %s::text AS failure, %s::timestamptz AS now) s
               WHERE n.id = %s""",
            *(to.value, failure.value if failed else None, self.night.now, notification),
        )
        await self.night.query(
            "UPDATE incidents SET next_step_at = least(next_step_at, %s) WHERE id = %s AND state <> 'resolved'",
            *(self.night.now, incident),
        )

    def _one_of(self, statement: str, pick: int) -> int | None:
        """One of the ids that it finds. Whether there is any may hang on who was first, an engine or an answer: so no
        rule has a precondition, which would have to hold each time that a history begins in the same way.
        """
        rows = self.run(self.night.query(statement))
        return int(rows[pick % len(rows)][0]) if rows else None


async def _together(*doing: Awaitable[Any]) -> list[Any]:
    """All at once; if one fails, once all have ended: the next history must not meet their transactions."""
    done = await asyncio.gather(*doing, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return done


_MOVES = {"opened": "open", "arrived": "on_scene", "reopened": "open", "resolved": "resolved"}


def _state_told(entries: list[tuple[Any, ...]]) -> str:
    """The state that a timeline ends in."""
    state = ""
    for _, _, _, kind, reason, _, _ in entries:
        if (kind, reason) == ("accepted", "first"):
            state = "acknowledged"
        elif (kind, reason) == ("handed_over", "by_operator"):
            state = "open"
        else:
            state = _MOVES.get(kind, state)
    return state


@pytest.mark.timeout(0 if _EXAMPLES else 240)
def test_whatever_happens_the_invariants_hold(dsn: str) -> None:
    """Random nights: no silent end, nothing lost, nothing doubled, everything told, somebody always asked."""
    chosen = settings(
        max_examples=int(_EXAMPLES or 12),
        derandomize=_EXAMPLES is None,
        database=None,
        phases=[Phase.generate] if _EXAMPLES is None else list(Phase),  # shrinking takes minutes
        deadline=None,
        suppress_health_check=list(HealthCheck),
        stateful_step_count=25,
    )
    with asyncio.Runner() as runner:
        Machine.dsn, Machine.runner = dsn, runner
        run_state_machine_as_test(Machine, settings=chosen)
