"""Incidents that are over: found by date, hazard, severity, outcome, organisation, home and people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from api.console.context import Console, rendered
from api.console.exports import MOST_EXPORTED
from api.console.frame import RESPONSE_WITHIN_S, available, opened
from api.console.past import question
from api.console.rows import ICONS, after
from api.words import Words, noted
from devices.model import Hazard
from domain.incident import Outcome
from store import audit, desk
from store.incident_views import IncidentView, list_incidents

_PAGE: Final = 50


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
            if asked.personal:
                seen, by, now = [str(one.id) for one in found[:_PAGE]], page.visitor.actor.id, console.clock.now()
                await audit.record(connection, by, "search", "incidents", seen, now=now)
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
                    exports=[(kind, asked.address(f"/history.{kind.lower()}")) for kind in ("CSV", "XLSX")],
                    most=MOST_EXPORTED,
                ),
                sanitize=False,
            )
        page.start()
        return None


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
        accepted=after(one.opened_at, one.acknowledged_at),
        arrived=after(one.opened_at, one.on_scene_at),
        lasted=after(one.opened_at, one.resolved_at),
        outcome=say.of(Outcome(one.outcome)) if one.outcome else "",
        closed_by=(one.resolved_by or "").removeprefix("user:"),
    )
