"""Residents: who is watched over, where they are, and what they have consented to."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, ConfigDict

from api.access import REFUSALS, Manager, Reader, Responding
from api.enrolment import Enrolment
from api.paging import Window
from api.records import Page, Resident
from api.services import Services
from api.versions import Exchange
from domain import written
from domain.people import ResidentCategory, ResidentState
from store.registry import Noun

Code = Annotated[written.Code, Path(description="The code of the resident.", examples=["zhang-1"])]
Within = Annotated[written.Code | None, Query(description="Only those within this organisation's subtree.")]
Home = Annotated[written.Code | None, Query(description="Only those of this household.")]
InState = Annotated[ResidentState | None, Query(description="Only those who are there.")]
OfCategory = Annotated[ResidentCategory | None, Query(description="Only those of this category.")]


class Whereabouts(BaseModel):
    """Where a resident is for the rules of absence; an SOS never asks."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"state": "hospital", "until": "2026-03-20T00:00:00Z"}]}
    )

    state: ResidentState
    until: written.Moment | None = None


def router(services: Services) -> APIRouter:
    """``/api/v1/residents``."""
    routes = APIRouter(prefix="/api/v1/residents", tags=["residents"], responses=REFUSALS)
    enrolment = Enrolment(services)

    @routes.get("", summary="List residents")
    async def listed(
        actor: Reader,
        window: Annotated[Window, Depends()],
        organisation: Within = None,
        household: Home = None,
        state: InState = None,
        category: OfCategory = None,
    ) -> Page[Resident]:
        return await enrolment.page(
            actor,
            Noun.RESIDENTS,
            Resident,
            window,
            organisation=organisation,
            household=household,
            state=state,
            category=category,
        )

    @routes.get("/{code}", summary="Read a resident")
    async def one(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> Resident:
        return await enrolment.one(actor, Noun.RESIDENTS, Resident, code, exchange)

    @routes.put("/{code}", summary="Create or replace a resident", responses={201: {"model": Resident}})
    async def put(code: Code, body: Resident, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> Resident:
        return await enrolment.put(actor, Noun.RESIDENTS, code, body, exchange)

    @routes.delete("/{code}", status_code=204, summary="Retire a resident who has no device any more")
    async def retire(code: Code, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> None:
        await enrolment.retire(actor, Noun.RESIDENTS, code, exchange)

    @routes.put("/{code}/state", summary="Say where a resident is")
    async def say_where(
        code: Code, body: Whereabouts, actor: Responding, exchange: Annotated[Exchange, Depends()]
    ) -> Resident:
        return await enrolment.say_where(actor, code, body.state, body.until, exchange)

    @routes.get("/{code}/consents", summary="What a resident has consented to, and not withdrawn")
    async def consents(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> list[written.Consent]:
        return await enrolment.relations(actor, Noun.CONSENTS, written.Consent, (Noun.RESIDENTS, code), exchange)

    @routes.put("/{code}/consents", summary="Replace the consents of a resident; one left out is withdrawn")
    async def put_consents(
        code: Code,
        body: Annotated[list[written.Consent], Body(max_length=100)],
        actor: Manager,
        exchange: Annotated[Exchange, Depends()],
    ) -> list[written.Consent]:
        anchor = (Noun.RESIDENTS, code)
        return await enrolment.replace_relations(actor, Noun.CONSENTS, written.Consent, anchor, body, exchange)

    return routes
