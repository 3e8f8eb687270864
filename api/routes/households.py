"""Households: homes, with the care circle that belongs to each."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query

from api.access import REFUSALS, Manager, Reader
from api.enrolment import Enrolment
from api.paging import Window
from api.records import Household, Page
from api.services import Services
from api.versions import Exchange
from domain import written
from domain.people import Mode
from store.registry import Noun

Code = Annotated[written.Code, Path(description="The code of the household.", examples=["home-1"])]
Within = Annotated[written.Code | None, Query(description="Only those within this organisation's subtree.")]
OfMode = Annotated[Mode | None, Query(description="Only those of this mode.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/households``."""
    routes = APIRouter(prefix="/api/v1/households", tags=["households"], responses=REFUSALS)
    enrolment = Enrolment(services)

    @routes.get("", summary="List households")
    async def listed(
        actor: Reader, window: Annotated[Window, Depends()], organisation: Within = None, mode: OfMode = None
    ) -> Page[Household]:
        return await enrolment.page(actor, Noun.HOUSEHOLDS, Household, window, organisation=organisation, mode=mode)

    @routes.get("/{code}", summary="Read a household")
    async def one(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> Household:
        return await enrolment.one(actor, Noun.HOUSEHOLDS, Household, code, exchange)

    @routes.put("/{code}", summary="Create or replace a household", responses={201: {"model": Household}})
    async def put(code: Code, body: Household, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> Household:
        return await enrolment.put(actor, Noun.HOUSEHOLDS, code, body, exchange)

    @routes.delete("/{code}", status_code=204, summary="Retire a household in which nobody and nothing is any more")
    async def retire(code: Code, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> None:
        await enrolment.retire(actor, Noun.HOUSEHOLDS, code, exchange)

    @routes.get("/{code}/circles", summary="The care circle of a household")
    async def circles(
        code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]
    ) -> list[written.CircleMember]:
        anchor = (Noun.HOUSEHOLDS, code)
        return await enrolment.relations(actor, Noun.CIRCLE_MEMBERS, written.CircleMember, anchor, exchange)

    @routes.put("/{code}/circles", summary="Replace the care circle of a household")
    async def put_circles(
        code: Code,
        body: Annotated[list[written.CircleMember], Body(max_length=100)],
        actor: Manager,
        exchange: Annotated[Exchange, Depends()],
    ) -> list[written.CircleMember]:
        anchor = (Noun.HOUSEHOLDS, code)
        return await enrolment.replace_relations(
            actor, Noun.CIRCLE_MEMBERS, written.CircleMember, anchor, body, exchange
        )

    return routes
