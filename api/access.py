"""Who asks: a key in ``Authorization: Bearer``, turned into an actor with its scopes and subtree."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import NotSignedIn, ProblemBody
from api.services import Services
from domain.permissions import Actor, Scope
from store.accounts import KEY_PREFIX, actor_of_key

_bearer: Final = HTTPBearer(
    scheme_name="key",
    description=f"An API key: `{KEY_PREFIX}` and 43 characters. It sees the subtree of its organisation only.",
    auto_error=False,
)

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": ProblemBody, "description": description}
    for code, description in {
        401: "No key, or one that does not count",
        403: "The key may not do this",
        404: "No such thing, or none that this key may see",
        409: "It contradicts what is there",
        412: "It has been changed since you read it",
        413: "The body is too large",
        422: "A value is not allowed",
        428: "It exists: say with If-Match which version you replace",
        503: "Not just now; try again",
    }.items()
}
"""What any route may answer instead, for its description."""


def _door(scope: Scope) -> Any:
    async def enter(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> Actor:
        if credentials is None:
            raise NotSignedIn("send a key: Authorization: Bearer cw_…")
        services: Services = request.app.state.services
        async with services.database.transaction() as connection:
            actor = await actor_of_key(connection, credentials.credentials, now=services.clock.now())
        if actor is None:
            raise NotSignedIn("this key is unknown, expired or retired")
        actor.need(scope)
        return actor

    return Depends(enter)


Reader = Annotated[Actor, _door(Scope.READ)]
Responding = Annotated[Actor, _door(Scope.ACT)]
Manager = Annotated[Actor, _door(Scope.MANAGE)]
HealthReader = Annotated[Actor, _door(Scope.HEALTH)]
Auditor = Annotated[Actor, _door(Scope.AUDIT)]
