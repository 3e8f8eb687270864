"""What is taken along from the console: the history as CSV and XLSX, one incident as PDF. With the visitor's rights,
and on the audit trail.
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from api.console.context import Console, rendered
from api.console.frame import available
from api.console.incident_view import load
from api.console.past import Question, question
from api.console.report import MOST_ATTEMPTS, report
from api.console.sign_in import to_sign_in, visitor_of
from api.words import Words, noted
from devices.model import Hazard
from domain.incident import Outcome
from domain.permissions import Scope
from store import audit, desk
from store.incident_views import IncidentView, list_incidents
from store.sessions import Visitor

MOST_EXPORTED: Final = 50_000
"""Incidents in one export, the newest."""
_BATCH: Final = 100  # pages wait while one is read: few at a time
_AT_ONCE: Final = 1  # files that are made at the same time: the pages share the processor with them
_PIECE: Final = 1 << 16  # bytes
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A spreadsheet takes what begins like this for a formula. Source: OWASP, CSV injection.
_LIKE_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def router(console: Console) -> APIRouter:
    """``/history.csv``, ``/history.xlsx`` and ``/incidents/{id}.pdf``."""
    downloads = _Downloads(console)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/history.csv", downloads.csv, methods=["GET"], response_class=Response)
    routes.add_api_route("/history.xlsx", downloads.xlsx, methods=["GET"], response_class=Response)
    routes.add_api_route("/incidents/{incident_id}.pdf", downloads.pdf, methods=["GET"], response_class=Response)
    return routes


class _Downloads:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._making = asyncio.Semaphore(_AT_ONCE)
        self.csv = available(self._csv)
        self.xlsx = available(self._xlsx)
        self.pdf = available(self._pdf)

    async def _csv(self, request: Request) -> Response:
        visitor = await self._exporting(request, "csv")
        if visitor is None:
            return to_sign_in("/history")
        text = _csv_text(_found(self._console, visitor, question(request.query_params)))
        return StreamingResponse(text, media_type="text/csv; charset=utf-8", headers=_headers("incidents.csv"))

    async def _xlsx(self, request: Request) -> Response:
        visitor = await self._exporting(request, "xlsx")
        if visitor is None:
            return to_sign_in("/history")
        async with self._making:
            found = _found(self._console, visitor, question(request.query_params))
            async with self._console.database.transaction() as connection:
                names = {code: name for code, name, _ in await desk.organisations(connection, visitor.actor)}
            book = await _xlsx_book(found, Words(visitor.language), ZoneInfo(visitor.timezone), names)
            file = await asyncio.to_thread(_saved, book)
        return StreamingResponse(_pieces(file), media_type=_XLSX, headers=_headers("incidents.xlsx"))

    async def _exporting(self, request: Request, kind: str) -> Visitor | None:
        """Who exports the history, noted on the audit trail; None if nobody is signed in."""
        visitor = await visitor_of(self._console, request)
        if visitor is None:
            return None
        visitor.actor.need(Scope.READ)
        now = self._console.clock.now()
        async with self._console.database.transaction() as connection:
            await audit.record(
                connection, visitor.actor.id, "export", "incidents", ["history"], now=now, detail={"format": kind}
            )
        return visitor

    async def _pdf(self, request: Request, incident_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Response:
        visitor = await visitor_of(self._console, request)
        if visitor is None:
            return to_sign_in(f"/incidents/{incident_id}")
        visitor.actor.need(Scope.READ)
        say, now, by = Words(visitor.language), self._console.clock.now(), visitor.actor.id
        async with self._console.database.transaction() as connection:
            view = await load(connection, visitor, say, incident_id, now=now, most_attempts=MOST_ATTEMPTS + 1)
            if view is None:
                body = rendered("missing.html", say, language=say.language.value)
                return HTMLResponse(body, status_code=404)
            detail = {"format": "pdf"}
            await audit.record(connection, by, "export", "incidents", [str(incident_id)], now=now, detail=detail)
            await audit.record(connection, by, "view", "residents", view.codes, now=now)
        printed_at = now.astimezone(ZoneInfo(visitor.timezone))
        async with self._making:
            paper = await asyncio.to_thread(report, view, say, printed_at=printed_at, printed_by=visitor.name)
        return Response(paper, media_type="application/pdf", headers=_headers(f"incident-{incident_id}.pdf"))


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


async def _found(console: Console, visitor: Visitor, asked: Question) -> AsyncIterator[list[IncidentView]]:
    """The answer to a question in batches, newest first."""
    wanted, before, left = asked.filter(ZoneInfo(visitor.timezone)), None, MOST_EXPORTED
    while left > 0:
        async with console.database.transaction() as connection:
            found = await list_incidents(connection, visitor.actor, wanted, before=before, limit=min(_BATCH, left))
        if not found:
            return
        yield found
        before, left = found[-1].id, left - len(found)


# CSV is for programs: names of fields as in the interface, moments with their zone. Neither holds personal text.

_CSV_COLUMNS: Final = (
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


async def _csv_text(batches: AsyncIterator[list[IncidentView]]) -> AsyncIterator[str]:
    yield "\ufeff" + _csv_lines([_CSV_COLUMNS])  # the mark by which spreadsheets know UTF-8
    async for found in batches:
        yield _csv_lines([_csv_cell(getattr(one, column)) for column in _CSV_COLUMNS] for one in found)


def _csv_lines(lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _csv_cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"'{value}" if isinstance(value, str) and value.startswith(_LIKE_A_FORMULA) else value


# XLSX is for people: words in their language, moments as their clocks show them.

_Value = str | int | datetime | None

_XLSX_COLUMNS: Final = (
    (noted("Number"), 9),
    (noted("Kind"), 9),
    (noted("Hazard"), 14),
    (noted("Severity"), 9),
    (noted("Outcome"), 14),
    (noted("Organisation"), 16),
    (noted("Handled by"), 16),
    (noted("Community"), 16),
    (noted("Opened"), 19),
    (noted("Accepted"), 19),
    (noted("On scene"), 19),
    (noted("Resolved"), 19),
    (noted("By"), 16),
    (noted("Alarms"), 9),
    (noted("Rounds"), 9),
    (noted("Id"), 9),
)


async def _xlsx_book(
    batches: AsyncIterator[list[IncidentView]], say: Words, zone: ZoneInfo, organisations: Mapping[str, str]
) -> Workbook:
    """A book that lies on disk while it is written, beside the event loop."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(say("History"))
    sheet.freeze_panes = "A2"
    for place, (_, width) in enumerate(_XLSX_COLUMNS, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.append([_heading(sheet, say(word)) for word, _ in _XLSX_COLUMNS])
    async for found in batches:
        await asyncio.to_thread(_append, sheet, found, say, zone, organisations)
    return book


def _saved(book: Workbook) -> IO[bytes]:
    """The book as a file without a name, which is gone once it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by _pieces
    book.save(file)
    file.seek(0)
    return file


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _heading(sheet: Any, word: str) -> Any:
    cell = WriteOnlyCell(sheet, word)
    cell.font = Font(bold=True)
    return cell


def _append(
    sheet: Any, found: Sequence[IncidentView], say: Words, zone: ZoneInfo, organisations: Mapping[str, str]
) -> None:
    for one in found:
        sheet.append([_xlsx_cell(sheet, value, zone) for value in _xlsx_row(one, say, organisations)])


def _xlsx_row(one: IncidentView, say: Words, organisations: Mapping[str, str]) -> tuple[_Value, ...]:
    return (
        one.number,
        say("Drill") if one.mode == "drill" else say("Live"),
        say.of(Hazard(one.hazard)),
        one.severity,
        say.of(Outcome(one.outcome)) if one.outcome else None,
        organisations.get(one.organisation, one.organisation),
        organisations.get(one.level, one.level),
        one.community,
        one.opened_at,
        one.acknowledged_at,
        one.on_scene_at,
        one.resolved_at,
        (one.resolved_by or "").removeprefix("user:"),
        one.alarms,
        one.round,
        one.id,
    )


def _xlsx_cell(sheet: Any, value: _Value, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        cell = WriteOnlyCell(sheet, value.astimezone(zone).replace(tzinfo=None, microsecond=0))
        cell.number_format = "yyyy-mm-dd hh:mm:ss"
    elif isinstance(value, str):
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type = "s"  # never a formula, whatever a name begins with
        cell.quotePrefix = value.startswith(_LIKE_A_FORMULA)  # nor after somebody has edited it
    else:
        cell = WriteOnlyCell(sheet, value)
    return cell
