"""Signing in and out, by plain forms; and who comes with a cookie."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.context import Console
from api.console.door import SESSION, Fault, door_page, own_path, set_language, set_session
from api.origin import from_elsewhere
from domain.people import Language
from store import audit, sessions
from store.accounts import hash_password, password_matches
from store.errors import StoreError
from store.sessions import Visitor, session_of

log = structlog.get_logger(__name__)

_LONGEST: Final = 256  # characters of a name or a password that are looked at
# An unknown name takes as long as a wrong password: otherwise the time would tell which names there are.
_NOBODYS_HASH: Final = hash_password("nobody has this password")


async def visitor_of(console: Console, request: Request) -> Visitor | None:
    """Who comes with this request's cookie; None if nobody is signed in with it. Raises StoreError."""
    token = request.cookies.get(SESSION, "")
    if not token:
        return None
    async with console.database.transaction() as connection:
        return await sessions.visitor(connection, session_of(token))


def to_sign_in(path: str) -> Response:
    """Lead whoever is not signed in to the door, and from there back to ``path``."""
    return RedirectResponse(f"/sign-in?{urlencode({'to': path})}", status_code=HTTPStatus.SEE_OTHER)


def router(console: Console) -> APIRouter:
    """``/sign-in``, ``/sign-out`` and ``/language``."""
    door = _Door(console)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/sign-in", door.show, methods=["GET"], response_class=HTMLResponse)
    routes.add_api_route("/sign-in", door.sign_in, methods=["POST"], response_class=HTMLResponse)
    routes.add_api_route("/sign-out", door.sign_out, methods=["POST"])
    routes.add_api_route("/language", door.language, methods=["POST"])
    return routes


class _Door:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._url = console.config.console_url

    async def show(self, request: Request) -> Response:
        """The form."""
        return door_page(self._console, request, to=request.query_params.get("to", "/"))

    async def sign_in(self, request: Request) -> Response:
        """Check name and password; a good pair gets a cookie."""
        written = await _written(request)
        to = written.get("to", "/")
        if from_elsewhere(request.headers, self._url):
            return door_page(self._console, request, Fault.FROM_ELSEWHERE)
        try:
            token = await self._checked(written.get("name", "").strip(), written.get("password", ""))
        except StoreError as error:
            log.warning("nobody can sign in", error=str(error))
            return door_page(self._console, request, Fault.DATABASE_AWAY, to=to)
        if token is None:
            return door_page(self._console, request, Fault.NO_MATCH, to=to)
        answer = RedirectResponse(own_path(to), status_code=HTTPStatus.SEE_OTHER)
        set_session(self._console, answer, token)
        return answer

    async def _checked(self, name: str, password: str) -> str | None:
        console, now = self._console, self._console.clock.now()
        async with console.database.transaction() as connection:
            found = await sessions.credentials(connection, name[:_LONGEST])
        password_hash = _NOBODYS_HASH if found is None or found.locked else found.password_hash
        # Checking takes 50 ms on purpose: not on the event loop, which the open pages share.
        right = await asyncio.to_thread(password_matches, password_hash, password[:_LONGEST])
        if found is None or found.locked:
            return None
        async with console.database.transaction() as connection:
            if not right:
                locked = await sessions.failed(connection, found.user_id)
                action = "lock" if locked else "refuse_sign_in"
                await audit.record(connection, f"user:{name}", action, "users", [name], now=now)
                return None
            lasts = timedelta(hours=console.config.session_hours)
            token = await sessions.begin(connection, found.user_id, lasts=lasts)
            if token is not None:
                await audit.record(connection, f"user:{name}", "sign_in", "users", [name], now=now)
        return token

    async def sign_out(self, request: Request) -> Response:
        """End the session, wherever its pages are open."""
        answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
        token = request.cookies.get(SESSION, "")
        if token and not from_elsewhere(request.headers, self._url):
            async with self._console.database.transaction() as connection:
                await sessions.finish(connection, session_of(token))
            answer.delete_cookie(SESSION)
        return answer

    async def language(self, request: Request) -> Response:
        """Another language for this account, or for the door."""
        written = await _written(request)
        answer = RedirectResponse(own_path(written.get("to", "/")), status_code=HTTPStatus.SEE_OTHER)
        wanted = written.get("language", "")
        if wanted in set(Language) and not from_elsewhere(request.headers, self._url):
            set_language(self._console, answer, Language(wanted))
            visitor = await visitor_of(self._console, request)
            if visitor is not None:
                async with self._console.database.transaction() as connection:
                    await sessions.set_language(connection, visitor.name, Language(wanted))
        return answer


async def _written(request: Request) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=10)
    return {name: value for name, value in form.items() if isinstance(value, str)}
