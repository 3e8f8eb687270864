"""The audit trail: who saw or changed what."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.access import REFUSALS, Auditor
from api.paging import Limit, Number
from api.records import Page
from api.services import Services
from domain.written import OptionalLine
from store.audit import read_trail

OfNoun = Annotated[OptionalLine | None, Query(description="Only about this noun.", examples=["residents"])]
OfId = Annotated[OptionalLine | None, Query(description="Only about the one of this code.", examples=["zhang-1"])]
By = Annotated[OptionalLine | None, Query(description="Only by this actor.", examples=["user:li"])]


class AuditEntryBody(BaseModel):
    """One thing that somebody saw or did."""

    id: int
    at: datetime
    actor: str
    action: str
    noun: str
    noun_id: str
    detail: dict[str, Any]


def router(services: Services) -> APIRouter:
    """``/api/v1/audit``."""
    routes = APIRouter(prefix="/api/v1/audit", tags=["access"], responses=REFUSALS)

    @routes.get("", summary="Who saw or changed what, the newest first")
    async def listed(
        actor: Auditor,
        cursor: Number = None,
        limit: Limit = 100,
        noun: OfNoun = None,
        noun_id: OfId = None,
        by: By = None,
    ) -> Page[AuditEntryBody]:
        async with services.database.transaction() as connection:
            found = await read_trail(
                connection, actor, noun=noun, noun_id=noun_id, by=by, before=cursor, limit=limit + 1
            )
        return Page(
            items=[AuditEntryBody.model_validate(one, from_attributes=True) for one in found[:limit]],
            next=str(found[limit - 1].id) if len(found) > limit else None,
        )

    return routes
