"""``/r/{token}``: the responder page. The token of a notification is the whole right to see and to answer.

Reading never changes an incident, because links are opened by previews and scanners, too. Answers are posted; a post
that another site has triggered is refused.
"""

import base64
import hashlib
import re
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alerting.answers import Answer, Given, give
from api.origin import from_elsewhere
from api.palette import SEVERITY_COLOURS
from api.responder.view import expired, view
from api.services import Services
from api.words import Words, noted
from domain.incident import IncidentId, Outcome, Refused
from domain.notification import AnswerKind, NotificationId, Via
from domain.people import Language, ResponderId
from store import links
from store.errors import StoreError
from store.links import Linked
from store.wakeups import Bell, ring

log = structlog.get_logger(__name__)

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_ANSWERS: Final = {
    kind.value: kind for kind in (AnswerKind.ACCEPT, AnswerKind.DECLINE, AnswerKind.ARRIVE, AnswerKind.CLOSE)
}
_LONGEST_NOTE: Final = 2000  # characters
_OTHER: Final = {Language.ZH: (Language.EN, "English"), Language.EN: (Language.ZH, "中文")}
_OUTCOMES: Final = tuple(outcome for outcome in Outcome if outcome is not Outcome.RECOVERED)

_templates: Final = Environment(
    loader=PackageLoader("api.responder"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE: Final = _templates.get_template("style.css").render().replace("\n", "") + "".join(
    f".severity-{severity}{{background:{colour.surface};color:{colour.text}}}"
    for severity, colour in SEVERITY_COLOURS.items()
)
_HEADERS: Final = {
    # The style stands in the page and is allowed by its digest: one request on a slow line, and nothing else runs.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
    # The address is a secret, so no other site may learn it; browsers that do not know the second word keep to the
    # first. Ourselves we let know it, since otherwise a browser hides from us where a post comes from.
    "Referrer-Policy": "no-referrer, same-origin",
}

_TOLD: Final = {
    AnswerKind.ACCEPT.value: noted("Thank you for going."),
    AnswerKind.DECLINE.value: noted("All right, we will ask somebody else."),
    AnswerKind.ARRIVE.value: noted("Good, we have noted that you are there."),
    AnswerKind.CLOSE.value: noted("Thank you, we have noted how it ended."),
    Refused.ALREADY_GIVEN.value: noted("You have told us so already."),
    Refused.ALREADY_RESOLVED.value: noted("This had been resolved before your answer came."),
    Refused.NOT_ACCEPTED.value: noted("Only who is going can tell us this."),
    Refused.OUTCOME_NEEDED.value: noted("Please choose how it ended."),
    Refused.ONLY_THE_SYSTEM.value: noted("Please choose how it ended."),
}
_WARNINGS: Final = frozenset(refused.value for refused in Refused) - {Refused.ALREADY_GIVEN.value}


def router(services: Services) -> APIRouter:
    """``GET`` and ``POST /r/{token}``."""
    page = _Page(services)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/r/{token}", page.show, methods=["GET"], response_class=HTMLResponse)
    routes.add_api_route("/r/{token}", page.answer, methods=["POST"], response_class=HTMLResponse)
    return routes


class _Page:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: Request, token: str) -> Response:
        """The page; changes nothing but the audit trail."""
        wanted = request.query_params.get("lang")
        try:
            return await self._shown(token, wanted, request.query_params.get("told", ""))
        except StoreError as error:
            return _not_now(error, wanted)

    async def _shown(self, token: str, wanted: str | None, told: str) -> Response:
        now = self._services.clock.now()
        if not _TOKEN.fullmatch(token):
            return _unknown(wanted)
        async with self._services.database.transaction() as connection:
            linked = await links.find(connection, token)
            if linked is None:
                return _unknown(wanted)
            language = _language(wanted, linked)
            if expired(linked, now):
                return _gone(language)
            say = Words(language)
            shown = await view(connection, linked, say, now=now)
        return _html(
            "incident.html",
            language,
            title=f"{shown.hazard} · {shown.where}",
            view=shown,
            action=f"?lang={language.value}",
            told=say(_TOLD[told]) if told in _TOLD else "",
            told_is_warning=told in _WARNINGS,
            outcomes=[(outcome.value, say.of(outcome)) for outcome in _OUTCOMES],
        )

    async def answer(self, request: Request, token: str) -> Response:
        """Take an answer and lead back to the page, which tells what has happened since."""
        wanted = request.query_params.get("lang")
        # Who holds the token may do all that it allows; but a page that somebody else wrote must not do it with her
        # browser, say by a form that submits itself to a forwarded link.
        if from_elsewhere(request.headers, self._services.config.public_url):
            say = Words(_known(wanted) or Language.ZH)
            return _notice(
                HTTPStatus.FORBIDDEN,
                say,
                say("Not taken"),
                say("Please open the link in your message and answer there."),
            )
        form = await request.form(max_files=0, max_fields=10)
        written = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            return await self._answered(token, wanted, written)
        except StoreError as error:
            return _not_now(error, wanted)

    async def _answered(self, token: str, wanted: str | None, written: dict[str, str]) -> Response:
        now = self._services.clock.now()
        kind = _ANSWERS.get(written.get("do", ""))
        if not _TOKEN.fullmatch(token):
            return _unknown(wanted)
        async with self._services.database.transaction() as connection:
            linked = await links.find(connection, token)
            if linked is None:
                return _unknown(wanted)
            language = _language(wanted, linked)
            if expired(linked, now):
                return _gone(language)
            if kind is None:
                return _back(token, language, "")
            given = await give(connection, _answer(linked, kind, written), now=now)
        await ring(self._services.database, Bell.ENGINE, Bell.STREAM)
        return _back(token, language, _outcome_of(kind, given))


def _answer(linked: Linked, kind: AnswerKind, written: dict[str, str]) -> Answer:
    closing = kind is AnswerKind.CLOSE
    outcome = written.get("outcome", "") if closing else ""
    return Answer(
        incident_id=IncidentId(linked.incident_id),
        kind=kind,
        via=Via.LINK,
        by=f"responder:{linked.responder_id}",
        responder_id=ResponderId(linked.responder_id),
        notification_id=NotificationId(linked.notification_id),
        outcome=Outcome(outcome) if outcome in _OUTCOMES else None,
        note=written.get("note", "").replace("\x00", "").strip()[:_LONGEST_NOTE] if closing else "",
    )


def _outcome_of(kind: AnswerKind, given: Given) -> str:
    return kind.value if given.refused is None else given.refused.value


def _known(wanted: str | None) -> Language | None:
    return Language(wanted) if wanted in set(Language) else None


def _language(wanted: str | None, linked: Linked) -> Language:
    return _known(wanted) or Language(linked.language)


def _back(token: str, language: Language, told: str) -> Response:
    told_too = f"&told={told}" if told else ""
    return RedirectResponse(f"/r/{token}?lang={language.value}{told_too}", status_code=HTTPStatus.SEE_OTHER)


def _unknown(wanted: str | None) -> Response:
    say = Words(_known(wanted) or Language.ZH)
    return _notice(
        HTTPStatus.NOT_FOUND,
        say,
        say("There is nothing behind this link"),
        say("Perhaps a piece of it is missing. Please open it once more from your message, or call the duty desk."),
    )


def _gone(language: Language) -> Response:
    say = Words(language)
    return _notice(
        HTTPStatus.GONE,
        say,
        say("This link is no longer valid"),
        say("The matter is over, and nothing is to be done here. Thank you."),
    )


def _not_now(error: StoreError, wanted: str | None) -> Response:
    log.warning("the responder page could not be served", error=str(error), retryable=error.retryable)
    say = Words(_known(wanted) or Language.ZH)
    return _notice(
        HTTPStatus.SERVICE_UNAVAILABLE,
        say,
        say("Not just now"),
        say("We could not do this. Please try again in a moment; if it is urgent, call the duty desk."),
    )


def _notice(status: HTTPStatus, say: Words, title: str, text: str) -> Response:
    return _html("notice.html", say.language, status=status, title=title, text=text)


def _html(template: str, language: Language, *, status: HTTPStatus = HTTPStatus.OK, **shown: Any) -> Response:
    other, other_name = _OTHER[language]
    body = _templates.get_template(template).render(
        say=Words(language),
        language=language.value,
        other=other.value,
        other_name=other_name,
        style=Markup(_STYLE),  # noqa: S704 - our own file, nothing in it comes from outside
        **shown,
    )
    return HTMLResponse(body, status_code=status, headers=_HEADERS)
