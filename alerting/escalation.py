"""The loop that moves incidents: lock what is due, decide, write, all in one transaction.

Any number of engines at once: the row lock of an incident is the claim, so a killed engine leaves nothing behind, and
two of them write what one would.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from alerting.plans import default_plans
from alerting.unsteady import unsteady
from devices.model import Hazard
from domain.case import Case, Decision, Person
from domain.escalation import decide
from domain.incident import SubjectKind, severity_together
from domain.people import Circle, ResponderId
from domain.plan import Plan
from store import incidents
from store.incidents import Candidate, DueIncident, OwnAlarm
from store.pool import Connection
from store.rosters import Roster, rosters

log = structlog.get_logger(__name__)

BATCH = 50
"""Incidents decided in one transaction: enough to spread its cost, few enough that an answer never waits long."""


async def escalate(connection: Connection, *, now: datetime, limit: int = BATCH) -> tuple[int, int]:
    """Decide for up to ``limit`` due incidents. Returns how many there were and how many notifications were created."""
    due = await incidents.lock_due(connection, now=now, limit=limit)
    if not due:
        return 0, 0
    decided = await _decide(connection, due, now)
    asked = await incidents.write(connection, decided, now=now)
    for incident, _, decision in decided:
        if decision.reached_nobody:
            await _raise_nobody_reached(connection, incident, now)
    return len(due), asked


async def _decide(
    connection: Connection, due: Sequence[DueIncident], now: datetime
) -> list[tuple[DueIncident, int | None, Decision]]:
    around = await incidents.surroundings(connection, [incident.id for incident in due])
    duty = await rosters(
        connection,
        (one.organisation_id for near in around.values() for one in near.candidates if one.organisation_id is not None),
        now=now,
    )
    waiting = await unsteady(connection, due, now=now)
    decided = []
    for incident in due:
        near = around[incident.id]
        plan = near.plan or default_plans()[incident.hazard]
        case = Case(
            id=incident.id,
            standing=incident.standing,
            plan=plan,
            people=_by_step(plan, near.candidates, near.resident, duty, now),
            accepted=tuple(near.accepted),
            asks=tuple(near.asks),
            parts=tuple(near.parts),
            parent_id=near.parent_id,
            severity_together=severity_together(incident.hazard, near.hazards_of_home),
            held=near.held or incident.id in waiting,
        )
        decided.append((incident, near.plan_id, decide(case, now)))
    return decided


def _by_step(
    plan: Plan,
    candidates: Iterable[Candidate],
    resident: Person | None,
    duty: Mapping[tuple[int, Circle], Roster],
    now: datetime,
) -> tuple[tuple[Person, ...], ...]:
    """Who may be asked in each step: of a circle of organisations, the nearest one that has somebody on duty."""
    ready: dict[Circle, dict[int, list[Person]]] = {}
    for one in candidates:
        roster = duty.get((one.organisation_id, one.circle)) if one.organisation_id is not None else None
        responder = one.person.responder_id
        if roster is None or ResponderId(responder or 0) in roster.on_duty(now):
            ready.setdefault(one.circle, {}).setdefault(one.depth, []).append(one.person)
    people: list[tuple[Person, ...]] = []
    for step in plan.steps:
        if step.circle is Circle.RESIDENT:
            people.append((resident,) if resident is not None else ())
            continue
        by_depth = ready.get(step.circle, {})
        people.append(tuple(by_depth[min(by_depth)]) if by_depth else ())
    return tuple(people)


async def _raise_nobody_reached(connection: Connection, incident: DueIncident, now: datetime) -> None:
    """A round of calls that reached no human being is itself a severity 1 alarm of the platform."""
    round_number = incident.standing.round
    log.error("a round reached nobody", incident=incident.id, round=round_number)
    await incidents.raise_own(
        connection,
        OwnAlarm(
            source="engine",
            identity=f"nobody_reached|{incident.id}|{round_number}",
            hazard=Hazard.NOBODY_REACHED,
            subject_kind=SubjectKind.ORGANISATION,
            subject_id=str(incident.standing.level_id),
            organisation_id=incident.standing.level_id,
            mode=incident.mode,
            reason="round_reached_nobody",
            evidence={"incident": incident.id, "round": round_number},
        ),
        now=now,
    )
