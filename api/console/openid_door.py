"""Signing in through a provider: on the way there, and back. The session is the same as with a password."""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.context import Console, rendered
from api.console.door import Fault, door_page, door_words, own_path, set_session
from api.console.openid import NotBelieved, Provider, ProviderAway
from api.console.settings import ConsoleConfig
from domain.permissions import Grant
from store import audit, openid, sessions
from store.errors import StoreError
from store.openid import Flow, Identity, TurnedAway

log = structlog.get_logger(__name__)

_COOKIE: Final = "carewatch_openid"
_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_LONGEST: Final = 4096  # characters of a code or a state that are looked at
_SECRET_BYTES: Final = 32

_TURNED_AWAY: Final = {
    TurnedAway.NO_GRANT: Fault.NO_GRANT,
    TurnedAway.NAME_UNFIT: Fault.NAME_UNFIT,
    TurnedAway.RETIRED: Fault.NO_GRANT,
}


def router(console: Console, provider: Provider) -> APIRouter:
    """``/sign-in/provider/begin``, and ``/sign-in/provider``, to which the provider sends people back."""
    door = _ProviderDoor(console, provider)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/sign-in/provider/begin", door.begin, methods=["GET"], response_class=Response)
    routes.add_api_route("/sign-in/provider", door.back, methods=["GET"], response_class=Response)
    return routes


class _ProviderDoor:
    def __init__(self, console: Console, provider: Provider) -> None:
        self._console = console
        self._provider = provider

    async def begin(self, request: Request) -> Response:
        """Lead the browser to the provider. Changes nothing but what is needed to know it again."""
        state, browser = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        back_to = own_path(request.query_params.get("to", "/"))
        flow = Flow(secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES), back_to)
        try:
            address = await self._provider.way_in(state=state, nonce=flow.nonce, verifier=flow.verifier)
            async with self._console.database.transaction() as connection:
                begun = await openid.begin(connection, flow, state=state, browser=browser)
        except ProviderAway as error:
            log.warning("the OpenID provider is away", error=str(error))
            return door_page(self._console, request, Fault.PROVIDER_AWAY, to=back_to)
        except StoreError as error:
            log.warning("nobody can sign in", error=str(error))
            return door_page(self._console, request, Fault.DATABASE_AWAY, to=back_to)
        if not begun:
            log.warning("too many sign-ins are under way")
            return door_page(self._console, request, Fault.PROVIDER_AWAY, to=back_to)
        answer = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
        answer.headers["Cache-Control"] = "no-store"
        answer.set_cookie(
            _COOKIE,
            browser,
            max_age=int(openid.FLOW_LASTS.total_seconds()),
            path="/sign-in/provider",
            httponly=True,
            samesite="lax",  # it has to come along when the provider sends the browser back
            secure=self._console.config.console_url.startswith("https:"),
        )
        return answer

    async def back(self, request: Request) -> Response:
        """Somebody comes back from the provider: once, in the browser that went there, with a word that holds."""
        told = {name: value[:_LONGEST] for name, value in request.query_params.items()}
        try:
            async with self._console.database.transaction() as connection:
                flow = await openid.take(
                    connection, state=told.get("state", ""), browser=request.cookies.get(_COOKIE, "")
                )
            if flow is None or told.get("iss", self._provider.issuer) != self._provider.issuer:
                return door_page(self._console, request, Fault.FLOW_OVER)
            if "code" not in told:
                log.info("the OpenID provider refused somebody", error=told.get("error", ""))
                return door_page(self._console, request, Fault.NOT_VOUCHED, to=flow.back_to)
            claims = await self._provider.who(told["code"], nonce=flow.nonce, verifier=flow.verifier)
            entered = await self._enter(claims)
        except ProviderAway as error:
            log.warning("the OpenID provider is away", error=str(error))
            return door_page(self._console, request, Fault.PROVIDER_AWAY)
        except NotBelieved as error:
            log.warning("the OpenID provider's word does not hold", error=str(error))
            return door_page(self._console, request, Fault.NOT_VOUCHED)
        except StoreError as error:
            log.warning("nobody can sign in", error=str(error))
            return door_page(self._console, request, Fault.DATABASE_AWAY)
        if isinstance(entered, Fault):
            return door_page(self._console, request, entered, to=flow.back_to)
        # A page in between: browsers bring the strict cookie only to what a page of ours leads to.
        say = door_words(request)
        answer = HTMLResponse(rendered("entered.html", say, language=say.language.value, to=flow.back_to))
        answer.headers["Cache-Control"] = "no-store"
        answer.delete_cookie(_COOKIE, path="/sign-in/provider")
        set_session(self._console, answer, entered)
        return answer

    async def _enter(self, claims: Mapping[str, Any]) -> str | Fault:
        """The cookie of a new session for whom these claims are about, or why there is none."""
        console, now = self._console, self._console.clock.now()
        grants = granted(console.config, claims)
        if len(grants) > 1:
            return Fault.MANY_GRANTS
        name = claims.get(console.config.oidc_name_claim)
        who = Identity(
            issuer=self._provider.issuer,
            subject=str(claims["sub"]),
            name=name if isinstance(name, str) and _NAME.fullmatch(name) else None,
            grant=next(iter(grants), None),
        )
        async with console.database.transaction() as connection:
            known = await openid.admit(connection, who, now=now)
            if isinstance(known, TurnedAway):
                log.warning("somebody known to the OpenID provider was turned away", why=known.value)
                return _TURNED_AWAY[known]
            token = await sessions.begin(connection, known.user_id, lasts=timedelta(hours=console.config.session_hours))
            if token is None:
                return Fault.NO_GRANT
            await audit.record(connection, f"user:{known.name}", "sign_in", "users", [known.name], now=now)
        return token


def granted(config: ConsoleConfig, claims: Mapping[str, Any]) -> set[Grant]:
    """What the settings give for these claims; more than one is a mistake that somebody has to look at."""
    stated = claims.get(config.oidc_claim)
    values = stated if isinstance(stated, list) else [stated]
    return {config.oidc_grants[one].grant for one in values if isinstance(one, str) and one in config.oidc_grants}
