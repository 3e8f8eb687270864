"""Organisations: the tree that everything is scoped by, with their circles and rosters."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query

from api.access import REFUSALS, Manager, Reader
from api.enrolment import Enrolment
from api.paging import Window
from api.records import Organisation, Page
from api.services import Services
from api.versions import Exchange
from domain import written
from domain.people import OrganisationKind
from store.registry import Noun

Code = Annotated[written.Code, Path(description="The code of the organisation.", examples=["heping"])]
Below = Annotated[written.Code | None, Query(description="Only those right below this one.")]
Kind = Annotated[OrganisationKind | None, Query(description="Only those of this kind.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/organisations``."""
    routes = APIRouter(prefix="/api/v1/organisations", tags=["organisations"], responses=REFUSALS)
    enrolment = Enrolment(services)

    @routes.get("", summary="List organisations")
    async def listed(
        actor: Reader, window: Annotated[Window, Depends()], parent: Below = None, kind: Kind = None
    ) -> Page[Organisation]:
        return await enrolment.page(actor, Noun.ORGANISATIONS, Organisation, window, parent=parent, kind=kind)

    @routes.get("/{code}", summary="Read an organisation")
    async def one(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> Organisation:
        return await enrolment.one(actor, Noun.ORGANISATIONS, Organisation, code, exchange)

    @routes.put("/{code}", summary="Create or replace an organisation", responses={201: {"model": Organisation}})
    async def put(
        code: Code, body: Organisation, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> Organisation:
        return await enrolment.put(actor, Noun.ORGANISATIONS, code, body, exchange)

    @routes.delete("/{code}", status_code=204, summary="Retire an organisation on which nothing lives any more")
    async def retire(code: Code, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> None:
        await enrolment.retire(actor, Noun.ORGANISATIONS, code, exchange)

    _add_relations(routes, enrolment)
    return routes


def _add_relations(routes: APIRouter, enrolment: Enrolment) -> None:
    @routes.get("/{code}/circles", summary="Who belongs to the circles of an organisation")
    async def circles(
        code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]
    ) -> list[written.CircleMember]:
        anchor = (Noun.ORGANISATIONS, code)
        return await enrolment.relations(actor, Noun.CIRCLE_MEMBERS, written.CircleMember, anchor, exchange)

    @routes.put("/{code}/circles", summary="Replace the circles of an organisation")
    async def put_circles(
        code: Code,
        body: Annotated[list[written.CircleMember], Body(max_length=500)],
        actor: Manager,
        exchange: Annotated[Exchange, Depends()],
    ) -> list[written.CircleMember]:
        anchor = (Noun.ORGANISATIONS, code)
        return await enrolment.replace_relations(
            actor, Noun.CIRCLE_MEMBERS, written.CircleMember, anchor, body, exchange
        )

    @routes.get("/{code}/shifts", summary="The weekly roster of an organisation")
    async def shifts(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> list[written.Shift]:
        return await enrolment.relations(actor, Noun.SHIFTS, written.Shift, (Noun.ORGANISATIONS, code), exchange)

    @routes.put("/{code}/shifts", summary="Replace the weekly roster of an organisation")
    async def put_shifts(
        code: Code,
        body: Annotated[list[written.Shift], Body(max_length=2000)],
        actor: Manager,
        exchange: Annotated[Exchange, Depends()],
    ) -> list[written.Shift]:
        anchor = (Noun.ORGANISATIONS, code)
        return await enrolment.replace_relations(actor, Noun.SHIFTS, written.Shift, anchor, body, exchange)

    @routes.get("/{code}/roster-overrides", summary="The exceptions to the weekly roster of an organisation")
    async def overrides(
        code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]
    ) -> list[written.RosterOverride]:
        anchor = (Noun.ORGANISATIONS, code)
        return await enrolment.relations(actor, Noun.ROSTER_OVERRIDES, written.RosterOverride, anchor, exchange)

    @routes.put("/{code}/roster-overrides", summary="Replace the exceptions to the weekly roster of an organisation")
    async def put_overrides(
        code: Code,
        body: Annotated[list[written.RosterOverride], Body(max_length=2000)],
        actor: Manager,
        exchange: Annotated[Exchange, Depends()],
    ) -> list[written.RosterOverride]:
        anchor = (Noun.ORGANISATIONS, code)
        return await enrolment.replace_relations(
            actor, Noun.ROSTER_OVERRIDES, written.RosterOverride, anchor, body, exchange
        )
