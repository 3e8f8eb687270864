"""The loop that looks, before anything happens, who could come: every ten minutes, for every home."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Gauge

from alerting.plans import default_plans
from devices.model import Hazard
from domain.coverage import Backing, Member, StepCover, backing, cover
from domain.people import Mode, OrganisationId
from domain.permissions import Actor
from store import coverage as store
from store.coverage import Reach, Served
from store.pool import Connection, Database
from store.rosters import rosters
from store.turns import take_turn

EVERY: Final = timedelta(minutes=10)
HAZARD: Final = Hazard.SOS
"""Coverage is judged by the plan for a call for help: whoever would come for that is who there is."""

_GAPS = Gauge("carewatch_coverage_gaps", "Homes, organisations and people with a gap in cover", ["kind"])


async def coverage_turn(database: Database, now: datetime) -> datetime:
    """Find every gap; one engine at a time. Again after :data:`EVERY`."""
    async with database.transaction() as connection:
        if await take_turn(connection, "coverage", every=EVERY, now=now):
            await look_for_gaps(connection, now=now)
    return now + EVERY


async def look_for_gaps(connection: Connection, *, now: datetime) -> None:
    """Judge every home, in the caller's transaction."""
    on_duty = await _on_duty(connection, now)
    backings: dict[tuple[OrganisationId, Mode], Backing] = {}
    for served in await store.organisations(connection, HAZARD):
        plan = served.plan or default_plans()[HAZARD]
        for mode in Mode:
            backings[served.id, mode] = backing(plan, _members(served, mode, on_duty))
    for kind, count in (await store.write(connection, backings, now=now)).items():
        _GAPS.labels(kind).set(count)


async def cover_of_home(
    connection: Connection, actor: Actor, household_id: int, *, now: datetime
) -> tuple[StepCover, ...] | None:
    """Who could come to a home now, step by step of its plan for a call for help; None if ``actor`` may not see it."""
    found = await store.home(connection, actor, household_id)
    if found is None:
        return None
    organisation, mode, own = found
    (served,) = await store.organisations(connection, HAZARD, organisation_id=organisation)
    members = [_member(one, 0) for one in own]
    members += _members(served, mode, await _on_duty(connection, now))
    return cover(served.plan or default_plans()[HAZARD], members)


async def _on_duty(connection: Connection, now: datetime) -> list[Reach]:
    reaches = await store.members(connection)
    duty = await rosters(connection, (one.organisation_id for one in reaches if one.organisation_id), now=now)
    present = {key: roster.on_duty(now) for key, roster in duty.items()}
    return [
        one
        for one in reaches
        if one.organisation_id is not None
        and one.responder_id in present.get((one.organisation_id, one.circle), {one.responder_id})
    ]


def _members(served: Served, mode: Mode, on_duty: Iterable[Reach]) -> Iterator[Member]:
    depths = {organisation: depth for depth, organisation in enumerate(reversed(served.path))}
    for one in on_duty:
        if one.mode is mode and one.organisation_id in depths:
            yield _member(one, depths[one.organisation_id])


def _member(one: Reach, depth: int) -> Member:
    return Member(
        circle=one.circle,
        depth=depth,
        responder_id=one.responder_id,
        channels=one.channels,
        confirmed=one.confirmed,
    )
