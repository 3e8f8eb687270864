"""Responders: who is called, and how."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.access import REFUSALS, Manager, Reader
from api.enrolment import Enrolment
from api.paging import Window
from api.records import Page, Responder
from api.services import Services
from api.versions import Exchange
from domain import written
from domain.people import Mode
from store.registry import Noun

Code = Annotated[written.Code, Path(description="The code of the responder.", examples=["daughter-1"])]
Within = Annotated[written.Code | None, Query(description="Only those within this organisation's subtree.")]
OfMode = Annotated[Mode | None, Query(description="Only those of this mode.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/responders``."""
    routes = APIRouter(prefix="/api/v1/responders", tags=["responders"], responses=REFUSALS)
    enrolment = Enrolment(services)

    @routes.get("", summary="List responders")
    async def listed(
        actor: Reader, window: Annotated[Window, Depends()], organisation: Within = None, mode: OfMode = None
    ) -> Page[Responder]:
        return await enrolment.page(actor, Noun.RESPONDERS, Responder, window, organisation=organisation, mode=mode)

    @routes.get("/{code}", summary="Read a responder with all contacts")
    async def one(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> Responder:
        return await enrolment.one(actor, Noun.RESPONDERS, Responder, code, exchange)

    @routes.put("/{code}", summary="Create or replace a responder", responses={201: {"model": Responder}})
    async def put(code: Code, body: Responder, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> Responder:
        return await enrolment.put(actor, Noun.RESPONDERS, code, body, exchange)

    @routes.delete("/{code}", status_code=204, summary="Retire a responder: nobody is called any more")
    async def retire(code: Code, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> None:
        await enrolment.retire(actor, Noun.RESPONDERS, code, exchange)

    return routes
