"""Accounts of people who sign in at the console."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.access import REFUSALS, Manager
from api.paging import Cursor, Limit
from api.problems import NotFound, refused_field
from api.records import Page
from api.services import Services
from domain import written
from domain.people import Language
from domain.permissions import Role
from store import accounts, audit, enrolled
from store.registry import Noun

UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@-]{1,64}$")]
Name = Annotated[UserName, Path(description="The name of the account.", examples=["li"])]

# Source: NIST SP 800-63B, 5.1.1.2: at least 8 characters; passwords shorter than 12 fall to one rented machine.
_SHORTEST_PASSWORD: Final = 12
_LONGEST_PASSWORD: Final = 256


class User(BaseModel):
    """An account."""

    name: str
    organisation: str
    role: Role
    language: Language
    retired_at: datetime | None


class NewUser(BaseModel):
    """A new account."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "li", "organisation": "qinghe", "role": "operator", "password": "eleven wild geese fly south"}
            ]
        },
    )

    name: UserName
    organisation: written.Code
    role: Annotated[Role, Field(description="`system` is for the platform itself and refused.")]
    language: Language = Language.ZH
    password: Annotated[str, StringConstraints(min_length=_SHORTEST_PASSWORD, max_length=_LONGEST_PASSWORD)]


def router(services: Services) -> APIRouter:
    """``/api/v1/users``."""
    routes = APIRouter(prefix="/api/v1/users", tags=["access"], responses=REFUSALS)

    @routes.get("", summary="List accounts")
    async def listed(actor: Manager, cursor: Cursor = None, limit: Limit = 100) -> Page[User]:
        async with services.database.transaction() as connection:
            found = await accounts.users(connection, actor, after=cursor, limit=limit + 1)
        return Page(
            items=[User.model_validate(one, from_attributes=True) for one in found[:limit]],
            next=found[limit - 1].name if len(found) > limit else None,
        )

    @routes.post("", status_code=201, summary="Make an account")
    async def make(body: NewUser, actor: Manager) -> User:
        if body.role is Role.SYSTEM:
            raise refused_field("body.role", "system", "the role of a person")
        # Hashing takes 50 ms on purpose: not on the event loop.
        password_hash = await asyncio.to_thread(accounts.hash_password, body.password)
        async with services.database.transaction() as connection:
            unseen = await enrolled.unseen(
                connection, Noun.ORGANISATIONS, [body.organisation], within=actor.organisation_id
            )
            if unseen or not await accounts.add_user(
                connection,
                name=body.name,
                organisation=body.organisation,
                role=body.role,
                language=body.language,
                password_hash=password_hash,
            ):
                raise refused_field(
                    "body.organisation", body.organisation, "the code of one of the organisations in use here"
                )
            await audit.record(connection, actor.id, "create", "users", [body.name], now=services.clock.now())
            made = await accounts.users(connection, actor, name=body.name)
        return User.model_validate(made[0], from_attributes=True)

    @routes.delete("/{name}", status_code=204, summary="Retire an account")
    async def retire(name: Name, actor: Manager) -> None:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            if not await accounts.users(connection, actor, name=name):
                raise NotFound(f"there is no user {name!r} here")
            await accounts.retire_user(connection, name, now=now)
            await audit.record(connection, actor.id, "retire", "users", [name], now=now)

    return routes
