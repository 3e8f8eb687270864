"""API keys: made with no more scopes than their maker has, shown once, retired."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import REFUSALS, Manager
from api.paging import Limit, Number
from api.problems import Forbidden, NotFound, refused_field
from api.records import Page
from api.services import Services
from domain import written
from domain.permissions import Scope
from store import accounts, audit, enrolled
from store.registry import Noun

KeyNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the key.", examples=[7])]


class KeyBody(BaseModel):
    """A key, without its secret."""

    id: int
    name: str
    organisation: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    retired_at: datetime | None


class NewKey(BaseModel):
    """What a new key is for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "hospital", "organisation": "qinghe", "scopes": ["read", "health"]}]},
    )

    name: written.Line
    organisation: Annotated[written.Code, Field(description="It sees the subtree of this organisation.")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: written.Moment | None = None


class MadeKey(BaseModel):
    """The new key, shown this once."""

    id: int
    key: Annotated[str, Field(description="Send it as `Authorization: Bearer`. Not shown again.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/keys``."""
    routes = APIRouter(prefix="/api/v1/keys", tags=["access"], responses=REFUSALS)

    @routes.get("", summary="List keys")
    async def listed(actor: Manager, cursor: Number = None, limit: Limit = 100) -> Page[KeyBody]:
        async with services.database.transaction() as connection:
            found = await accounts.keys(connection, actor, after=cursor, limit=limit + 1)
        return Page(
            items=[KeyBody.model_validate(one, from_attributes=True) for one in found[:limit]],
            next=str(found[limit - 1].id) if len(found) > limit else None,
        )

    @routes.post("", status_code=201, summary="Make a key")
    async def make(body: NewKey, actor: Manager) -> MadeKey:
        beyond = set(body.scopes) - actor.scopes
        if beyond:
            raise Forbidden(f"{actor.id} cannot give away what it does not have: {', '.join(sorted(beyond))}")
        now = services.clock.now()
        async with services.database.transaction() as connection:
            unseen = await enrolled.unseen(
                connection, Noun.ORGANISATIONS, [body.organisation], within=actor.organisation_id
            )
            made = (
                None
                if unseen
                else await accounts.add_key(
                    connection,
                    name=body.name,
                    organisation=body.organisation,
                    scopes=body.scopes,
                    now=now,
                    expires_at=body.expires_at,
                )
            )
            if made is None:
                raise refused_field(
                    "body.organisation", body.organisation, "the code of one of the organisations in use here"
                )
            number, key = made
            await audit.record(connection, actor.id, "create", "keys", [str(number)], now=now)
        return MadeKey(id=number, key=key)

    @routes.delete("/{number}", status_code=204, summary="Retire a key")
    async def retire(number: KeyNumber, actor: Manager) -> None:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            if not await accounts.keys(connection, actor, number=number):
                raise NotFound(f"there is no key {number} here")
            await accounts.retire_key(connection, number, now=now)
            await audit.record(connection, actor.id, "retire", "keys", [str(number)], now=now)

    return routes
