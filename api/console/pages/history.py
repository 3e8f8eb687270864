"""Incidents that are over: found by date, hazard, severity, outcome and organisation, and taken along as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from nicegui import ui

from api.console.context import Console, rendered
from api.console.frame import RESPONSE_WITHIN_S, available, opened
from api.console.rows import ICONS
from api.console.sign_in import to_sign_in, visitor_of
from api.words import Words, noted
from devices.model import Hazard
from domain.incident import IncidentState, Outcome
from domain.permissions import Scope
from store import audit, desk
from store.incident_views import IncidentFilter, IncidentView, list_incidents
from store.sessions import Visitor

_PAGE: Final = 50
_BATCH: Final = 500
_MOST_EXPORTED: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked for, as it stands in the address; what makes no sense is left out."""

    since: date | None
    until: date | None
    hazard: str
    severity: str
    outcome: str
    organisation: str
    number: str
    before: int | None

    def address(self, path: str, **other: object) -> str:
        """``path`` with this question, and ``other`` instead of some of it."""
        asked = {
            "since": self.since,
            "until": self.until,
            "hazard": self.hazard,
            "severity": self.severity,
            "outcome": self.outcome,
            "organisation": self.organisation,
            "number": self.number,
        } | other
        written = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
        return f"{path}?{written}" if written else path

    def filter(self, zone: ZoneInfo) -> IncidentFilter:
        """The same for the store; days are those of ``zone``, the last one included."""
        return IncidentFilter(
            states=[IncidentState.RESOLVED.value],
            hazards=[self.hazard] if self.hazard else None,
            severity=int(self.severity) if self.severity else None,
            organisation=self.organisation or None,
            since=_midnight(self.since, zone) if self.since else None,
            until=_midnight(self.until + timedelta(days=1), zone) if self.until else None,
            outcome=self.outcome or None,
            number=int(self.number) if self.number else None,
        )


def question(asked: Mapping[str, str]) -> Question:
    """Read what stands in an address."""

    def one_of(name: str, allowed: set[str]) -> str:
        return value if (value := asked.get(name, "")) in allowed else ""

    def digits(name: str, most: int) -> str:
        value = asked.get(name, "").strip().lstrip("#")
        return value if value.isascii() and value.isdigit() and len(value) <= most else ""

    before = digits("before", 18)
    return Question(
        since=_day(asked.get("since", "")),
        until=_day(asked.get("until", "")),
        hazard=one_of("hazard", set(Hazard)),
        severity=one_of("severity", set("12345")),
        outcome=one_of("outcome", set(Outcome)),
        organisation=asked.get("organisation", "")[:64].replace("\x00", ""),
        number=digits("number", 5),
        before=int(before) if before else None,
    )


def register(console: Console) -> None:
    """``/history``."""

    @ui.page("/history", response_timeout=RESPONSE_WITHIN_S)
    @available
    async def history(request: Request) -> Any:
        page = await opened(console, request, noted("History"))
        if isinstance(page, Response):
            return page
        asked = question(request.query_params)
        zone = ZoneInfo(page.visitor.timezone)
        async with console.database.transaction() as connection:
            found = await list_incidents(
                connection, page.visitor.actor, asked.filter(zone), before=asked.before, limit=_PAGE + 1
            )
            organisations = await desk.organisations(connection, page.visitor.actor)
        names = {code: name for code, name, _ in organisations}
        more = len(found) > _PAGE
        with page.body:
            ui.html(
                rendered(
                    "history.html",
                    page.say,
                    asked=asked,
                    lines=[_line(one, page.say, zone, names) for one in found[:_PAGE]],
                    hazards=[(one.value, page.say.of(one)) for one in Hazard],
                    outcomes=[(one.value, page.say.of(one)) for one in Outcome],
                    organisations=organisations,
                    older=asked.address("/history", before=found[_PAGE - 1].id) if more else None,
                    newest=asked.address("/history") if asked.before else None,
                    export=asked.address("/history.csv"),
                ),
                sanitize=False,
            )
        page.start()
        return None


def router(console: Console) -> APIRouter:
    """``/history.csv``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/history.csv")
    async def export(request: Request) -> Response:
        visitor = await visitor_of(console, request)
        if visitor is None:
            return to_sign_in("/history")
        visitor.actor.need(Scope.READ)
        async with console.database.transaction() as connection:
            now = console.clock.now()
            await audit.record(connection, visitor.actor.id, "export", "incidents", ["history"], now=now)
        return StreamingResponse(
            _csv(console, visitor, question(request.query_params)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="incidents.csv"', "Cache-Control": "no-store"},
        )

    return routes


_COLUMNS: Final = (
    "id",
    "number",
    "mode",
    "hazard",
    "severity",
    "outcome",
    "organisation",
    "level",
    "community",
    "opened_at",
    "acknowledged_at",
    "on_scene_at",
    "resolved_at",
    "resolved_by",
    "alarms",
    "round",
)


async def _csv(console: Console, visitor: Visitor, asked: Question) -> AsyncIterator[str]:
    """The answer to a question as CSV, newest first; without names, addresses or notes."""
    yield "\ufeff" + _written([_COLUMNS])  # the mark by which spreadsheets know UTF-8
    wanted, before, left = asked.filter(ZoneInfo(visitor.timezone)), None, _MOST_EXPORTED
    while left > 0:
        async with console.database.transaction() as connection:
            found = await list_incidents(connection, visitor.actor, wanted, before=before, limit=min(_BATCH, left))
        if not found:
            return
        yield _written([[_cell(getattr(one, column)) for column in _COLUMNS] for one in found])
        before, left = found[-1].id, left - len(found)


def _written(lines: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    # A spreadsheet takes what begins like this for a formula. Source: OWASP, CSV injection.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One incident of the past, in words."""

    id: int
    number: int
    severity: int
    drill: bool
    icon: str
    hazard: str
    where: str
    opened: str
    accepted: str
    arrived: str
    lasted: str
    outcome: str
    closed_by: str


def _line(one: IncidentView, say: Words, zone: ZoneInfo, names: Mapping[str, str]) -> Line:
    organisation = names.get(one.organisation, one.organisation)
    return Line(
        id=one.id,
        number=one.number,
        severity=one.severity,
        drill=one.mode == "drill",
        icon=ICONS[one.hazard],
        hazard=say.of(Hazard(one.hazard)),
        where=organisation if one.community in (None, organisation) else f"{one.community} · {organisation}",
        opened=one.opened_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        accepted=_after(one.opened_at, one.acknowledged_at),
        arrived=_after(one.opened_at, one.on_scene_at),
        lasted=_after(one.opened_at, one.resolved_at),
        outcome=say.of(Outcome(one.outcome)) if one.outcome else "",
        closed_by=(one.resolved_by or "").removeprefix("user:"),
    )


def _after(start: datetime, end: datetime | None) -> str:
    """How long after ``start``: 4:05, 1:04:05; a dash if never."""
    if end is None:
        return "–"
    minutes, seconds = divmod(max(int((end - start).total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
