"""Instructions: what operators should ask and do for each hazard. Every change is a new version."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field

from alerting import instructions
from alerting.instructions import Instruction
from api import instructing
from api.access import REFUSALS, Manager, Reader
from api.instructing import InstructionBody
from api.services import Services
from api.versions import Exchange, tag_of_content
from devices.model import Hazard
from domain import written
from domain.people import Language

Code = Annotated[written.Code, Path(description="The code of the organisation.", examples=["heping"])]
OfHazard = Annotated[Hazard, Path(description="The hazard.", examples=["smoke"])]


class InstructionInForce(InstructionBody):
    """The words that count."""

    model_config = ConfigDict(extra="forbid")

    hazard: Hazard
    organisation: Annotated[str | None, Field(description="Whose words they are; null: the shipped ones.")]
    version: Annotated[int | None, Field(description="Of that organisation; null for the shipped ones.")]
    changed_at: datetime | None
    changed_by: str | None


def router(services: Services) -> APIRouter:
    """``/api/v1/organisations/{code}/instructions``, beside the plans, which are inherited in the same way."""
    prefix = "/api/v1/organisations/{code}/instructions"
    routes = APIRouter(prefix=prefix, tags=["instructions"], responses=REFUSALS)

    @routes.get("", summary="What operators of an organisation should ask and do, for every hazard")
    async def listed(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> list[InstructionInForce]:
        async with services.database.transaction() as connection:
            found = await instructions.in_force(connection, await instructing.organisation(connection, actor, code))
        shown = [_shown(one) for one in found]
        exchange.stands_at(tag_of_content([one.model_dump(mode="json") for one in shown]))
        return shown

    @routes.get("/{hazard}", summary="The words for one hazard: its own, inherited, or the shipped ones")
    async def one(
        code: Code, hazard: OfHazard, actor: Reader, exchange: Annotated[Exchange, Depends()]
    ) -> InstructionInForce:
        async with services.database.transaction() as connection:
            row = await instructing.organisation(connection, actor, code)
            found = await instructing.one(connection, row, hazard)
        exchange.stands_at(instructing.tag(found))
        return _shown(found)

    @routes.put(
        "/{hazard}", summary="Give an organisation words of its own", responses={201: {"model": InstructionInForce}}
    )
    async def put(
        code: Code, hazard: OfHazard, body: InstructionBody, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> InstructionInForce:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            after = await instructing.rewrite(connection, actor, code, hazard, body, agree=exchange.agree, now=now)
        exchange.stands_at(instructing.tag(after))
        if after.version == 1:
            exchange.created()
        return _shown(after)

    @routes.delete("/{hazard}", summary="Go back to what the organisation inherits, or to the shipped words")
    async def restore(
        code: Code, hazard: OfHazard, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> InstructionInForce:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            after = await instructing.rewrite(connection, actor, code, hazard, None, agree=exchange.agree, now=now)
        exchange.stands_at(instructing.tag(after))
        return _shown(after)

    return routes


def _shown(one: Instruction) -> InstructionInForce:
    return InstructionInForce(
        hazard=one.hazard,
        zh=one.texts[Language.ZH],
        en=one.texts[Language.EN],
        organisation=one.organisation,
        version=one.version,
        changed_at=one.changed_at,
        changed_by=one.changed_by,
    )
