"""Response plans: who is called for which hazard, in what order. Every change is a new version."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import REFUSALS, Manager, Reader
from api.problems import NotFound
from api.services import Services
from api.versions import Exchange, tag_of_content, tag_of_version
from devices.model import Hazard
from domain import written
from domain.people import ChannelName, Circle
from domain.permissions import Actor
from domain.plan import Manner, read_plan
from store import audit, enrolled
from store.plans import PlanInForce, add_plan, plans_in_force
from store.pool import Connection
from store.registry import Noun

Code = Annotated[written.Code, Path(description="The code of the organisation.", examples=["heping"])]
OfHazard = Annotated[Hazard, Path(description="The hazard.", examples=["sos"])]


class StepBody(BaseModel):
    """One circle, asked through channels in order of preference."""

    model_config = ConfigDict(extra="forbid")

    circle: Circle
    manner: Manner = Manner.IN_TURN
    channels: Annotated[list[ChannelName], Field(min_length=1, max_length=len(ChannelName))] = [
        ChannelName.VOICE,
        ChannelName.SMS,
    ]
    wait_s: Annotated[int, Field(ge=10, le=3600, description="Each person in turn, or all of the step at once.")] = 45


class PlanBody(BaseModel):
    """The response to one hazard."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "steps": [
                        {"circle": "children", "manner": "in_turn", "channels": ["voice", "sms"], "wait_s": 45},
                        {"circle": "duty_desk", "manner": "all", "channels": ["console", "voice"], "wait_s": 60},
                    ],
                    "needed": 1,
                    "arrive_within_s": 1800,
                }
            ]
        },
    )

    steps: Annotated[list[StepBody], Field(min_length=1, max_length=20)]
    needed: Annotated[int, Field(ge=1, le=10, description="How many must accept.")] = 1
    arrive_within_s: Annotated[int, Field(ge=60, le=86400)] = 1800


class Plan(PlanBody):
    """A plan in force."""

    model_config = ConfigDict(extra="forbid")

    hazard: Hazard
    organisation: Annotated[str | None, Field(description="Whose plan it is; null: everyone's.")]
    version: int
    created_at: datetime


def router(services: Services) -> APIRouter:
    """``/api/v1/organisations/{code}/plans``."""
    routes = APIRouter(prefix="/api/v1/organisations/{code}/plans", tags=["plans"], responses=REFUSALS)

    @routes.get("", summary="The plans by which the incidents of an organisation run")
    async def listed(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> list[Plan]:
        async with services.database.transaction() as connection:
            found = await plans_in_force(connection, await _organisation(connection, actor, code))
        shown = [_shown(one) for one in found]
        exchange.stands_at(tag_of_content([one.model_dump(mode="json") for one in shown]))
        return shown

    @routes.get("/{hazard}", summary="The plan for one hazard, its own or inherited")
    async def one(code: Code, hazard: OfHazard, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> Plan:
        async with services.database.transaction() as connection:
            organisation = await _organisation(connection, actor, code)
            found = [one for one in await plans_in_force(connection, organisation) if one.hazard == hazard]
        if not found:
            raise NotFound(f"there is no plan for {hazard.value} here")
        exchange.stands_at(_tag(found[0]))
        return _shown(found[0])

    @routes.put("/{hazard}", summary="Give an organisation a plan of its own", responses={201: {"model": Plan}})
    async def put(
        code: Code, hazard: OfHazard, body: PlanBody, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> Plan:
        plan = read_plan({"hazard": hazard.value, **body.model_dump(mode="json")})
        now = services.clock.now()
        async with services.database.transaction() as connection:
            organisation = await _organisation(connection, actor, code)
            await enrolled.lock(connection, Noun.ORGANISATIONS, [code])
            before = [one for one in await plans_in_force(connection, organisation) if one.hazard == hazard]
            exchange.agree(_tag(before[0]) if before else None)
            await add_plan(connection, organisation, plan, now=now)
            await audit.record(
                connection, actor.id, "change", "plans", [code], now=now, detail={"hazard": hazard.value}
            )
            after = next(one for one in await plans_in_force(connection, organisation) if one.hazard == hazard)
        exchange.stands_at(_tag(after))
        if after.version == 1:
            exchange.created()
        return _shown(after)

    return routes


async def _organisation(connection: Connection, actor: Actor, code: str) -> int:
    found = await enrolled.read(connection, Noun.ORGANISATIONS, within=actor.organisation_id, codes=[code])
    if not found:
        raise NotFound(f"there is no organisation {code!r} here")
    return found[0].id


def _tag(plan: PlanInForce) -> str:
    # Two organisations may both be at version 1: whose plan it is belongs to the version.
    if plan.organisation is None:
        return tag_of_version(plan.version)
    return tag_of_content([plan.organisation, plan.version])


def _shown(plan: PlanInForce) -> Plan:
    return Plan.model_validate(
        {**plan.plan, "organisation": plan.organisation, "version": plan.version, "created_at": plan.created_at}
    )
