"""What the ways to sign in share: the page with the form, the cookies, and where one may be led afterwards."""

from datetime import timedelta
from enum import Enum
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from api.console.context import Console, rendered
from api.words import Words, noted
from domain.people import Language

SESSION: Final = "carewatch_session"
THEME: Final = "carewatch_theme"
_LANGUAGE: Final = "carewatch_language"  # of the sign-in page, where nobody is known yet
_A_YEAR_S: Final = 365 * 86400


class Fault(Enum):
    """Why somebody is not let in, with the status of the answer."""

    NO_MATCH = (
        HTTPStatus.UNAUTHORIZED,
        noted("Name and password do not match, or the account is locked: after 5 wrong passwords, for 15 minutes."),
    )
    FROM_ELSEWHERE = (HTTPStatus.FORBIDDEN, noted("Please sign in here."))
    DATABASE_AWAY = (
        HTTPStatus.SERVICE_UNAVAILABLE,
        noted("The database cannot be reached. Please try again in a moment."),
    )
    PROVIDER_AWAY = (
        HTTPStatus.SERVICE_UNAVAILABLE,
        noted("The sign-in provider cannot be reached just now. An account with a password works all the same."),
    )
    FLOW_OVER = (
        HTTPStatus.BAD_REQUEST,
        noted("That sign-in is over: it was used, took too long, or began in another browser. Please begin again."),
    )
    NOT_VOUCHED = (HTTPStatus.UNAUTHORIZED, noted("The sign-in provider did not confirm who you are."))
    NO_GRANT = (
        HTTPStatus.FORBIDDEN,
        noted("You are known to the sign-in provider, but have no rights here. Please ask your administrator."),
    )
    MANY_GRANTS = (
        HTTPStatus.FORBIDDEN,
        noted("The sign-in provider gives you more than one role here. Please ask your administrator."),
    )
    NAME_UNFIT = (
        HTTPStatus.FORBIDDEN,
        noted("Your name at the sign-in provider is taken here or cannot be used. Please ask your administrator."),
    )


def door_page(console: Console, request: Request, fault: Fault | None = None, *, to: str = "/") -> Response:
    """The form, with what went wrong."""
    say = door_words(request)
    body = rendered(
        "sign_in.html",
        say,
        language=say.language.value,
        to=own_path(to),
        fault=say(fault.value[1]) if fault is not None else "",
        dark=request.cookies.get(THEME) == "dark",
        provider=urlsplit(console.config.oidc_issuer).hostname if console.config.oidc_issuer else None,
    )
    return HTMLResponse(body, status_code=fault.value[0] if fault is not None else HTTPStatus.OK)


def door_words(request: Request) -> Words:
    """The language in which this browser was last at the door."""
    wanted = request.cookies.get(_LANGUAGE, "")
    return Words(Language(wanted) if wanted in set(Language) else Language.ZH)


def set_session(console: Console, answer: Response, token: str) -> None:
    """Give the browser the cookie of its session."""
    lasts = timedelta(hours=console.config.session_hours)
    _set_cookie(console, answer, SESSION, token, lasts.total_seconds())


def set_language(console: Console, answer: Response, language: Language) -> None:
    """Let the browser remember a language for the door."""
    _set_cookie(console, answer, _LANGUAGE, language.value, _A_YEAR_S)


def _set_cookie(console: Console, answer: Response, name: str, value: str, lasts_s: float) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=int(lasts_s),
        httponly=True,
        samesite="strict",  # no other site makes a browser bring it
        secure=console.config.console_url.startswith("https:"),
    )


def own_path(to: str) -> str:
    """``to`` if it is a path of ours, else the desk: nobody is led away to another site."""
    parts = urlsplit(to)
    ours = to.startswith("/") and not to.startswith("//") and not parts.scheme and not parts.netloc
    return to if ours and "\\" not in to and to.isprintable() else "/"
