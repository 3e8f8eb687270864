"""What is taken along from the console: by whom, what of it, and that nothing in it does harm."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fixtures.doors import browser_before, console_of, enters
from fixtures.nights import Night
from fixtures.town import NOON
from openpyxl import load_workbook
from pypdf import PdfReader

from alerting.answers import note
from api.console import exports
from devices.model import Hazard
from domain.incident import IncidentId, Outcome
from domain.notification import AnswerKind, Via
from domain.people import Language
from store.registry import Noun, save


@dataclass
class Shelf:
    """A night of which two incidents are over, and a client that is nobody yet."""

    night: Night
    client: httpx.AsyncClient
    ended: list[IncidentId]


@pytest.fixture
async def shelf(night: Night, dsn: str) -> AsyncIterator[Shelf]:
    """An SOS that ended with assistance, of three attempts and a note; a fall that was a false alarm."""
    async with night.database.transaction() as connection:
        await save(
            connection,
            Noun.ORGANISATIONS,
            [{"code": "baisha", "kind": "town", "name": "Baisha Town", "parent": "county", "cell": "baisha"}],
            now=NOON,
        )
    await night.query("UPDATE households SET community = '=HYPERLINK(\"http://evil\")' WHERE code = 'home-2'")
    ended = []
    for home, hazard, outcome in ((1, Hazard.SOS, Outcome.ASSISTANCE), (2, Hazard.FALL, Outcome.FALSE_ALARM)):
        incident = await night.raises(hazard, home=home)
        await night.passes(timedelta(seconds=70))
        await night.says("daughter", AnswerKind.ACCEPT, incident)
        async with night.database.transaction() as connection:
            await note(connection, incident, "钥匙换了地方，在西邻王家", by="user:wang", now=night.now)
        await night.says("daughter", AnswerKind.CLOSE, incident, outcome=outcome, via=Via.CONSOLE, by="user:wang")
        ended.append(incident)
    async with browser_before(exports.router(console_of(night, dsn))) as client:
        yield Shelf(night, client, ended)


async def _rows(shelf: Shelf, address: str = "/history.xlsx") -> list[tuple[Any, ...]]:
    answer = await shelf.client.get(address)
    assert answer.status_code == 200
    return list(load_workbook(io.BytesIO(answer.content)).worksheets[0].values)


async def test_a_workbook_has_types_a_frozen_head_and_no_formula(shelf: Shelf) -> None:
    """Moments are moments on the clock of the place, numbers are numbers; what looks like a formula stays text."""
    await enters(shelf.night, shelf.client, "li")
    answer = await shelf.client.get("/history.xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert sheet.freeze_panes == "A2"
    head, fall, sos = list(sheet.iter_rows())
    assert [cell.value for cell in head[:5]] == ["Number", "Kind", "Hazard", "Severity", "Outcome"]
    assert [cell.value for cell in fall[2:5]] == ["Fall", 2, "False alarm"]
    assert str(sos[8].value) == "2026-03-04 12:00:00"
    assert sos[8].number_format == "yyyy-mm-dd hh:mm:ss"
    assert isinstance(sos[8].value, datetime)
    assert str(fall[7].value).startswith("=HYPERLINK")
    assert fall[7].data_type == "s"
    assert fall[7].quotePrefix
    assert fall[12].value == "wang"
    assert "张" not in str(list(sheet.values))


async def test_a_workbook_speaks_the_language_of_who_asks(shelf: Shelf) -> None:
    """An office in Qinghe reads Chinese."""
    await enters(shelf.night, shelf.client, "li", language=Language.ZH)
    head, fall, _ = await _rows(shelf)
    assert head[2:5] == ("险情", "级别", "结果")
    assert fall[2:5] == ("跌倒", 2, "误报")


async def test_both_exports_hold_what_the_question_finds(shelf: Shelf) -> None:
    """The same address as the page's, with another ending."""
    await enters(shelf.night, shelf.client, "li")
    for asked, found in (
        ("hazard=sos", [0]),
        ("outcome=false_alarm", [1]),
        ("severity=1", []),
        ("since=2026-03-05", []),
        ("since=0001-01-01&until=9999-12-31", [0, 1]),
        ("about=home-1", [0]),
        ("about=张秀兰", [0, 1]),
        ("about=三组2", [1]),
        ("about=%25", []),
        ("responder=daughter", [0, 1]),
        ("responder=cadre", []),
        ("organisation=baisha", []),
        (f"number={(await _number(shelf, 1))}", [1]),
    ):
        wanted = [int(shelf.ended[one]) for one in reversed(found)]
        assert [row[-1] for row in (await _rows(shelf, f"/history.xlsx?{asked}"))[1:]] == wanted, asked
        text = (await shelf.client.get(f"/history.csv?{asked}")).text.removeprefix("\ufeff")
        assert [int(row["id"]) for row in csv.DictReader(io.StringIO(text))] == wanted, asked


async def _number(shelf: Shelf, which: int) -> int:
    return int((await shelf.night.query("SELECT number FROM incidents WHERE id = %s", shelf.ended[which]))[0][0])


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            Language.ZH,
            ("张秀兰", "三组1号", "一般帮助", "daughter", "子女", "无人接听", "在西邻王家", "已办结", "第1页，共1页"),
        ),
        (Language.EN, ("张秀兰", "三组1号", "Assistance", "daughter", "Children", "no answer", "Page 1 of 1")),
    ],
)
async def test_an_incident_on_paper_tells_all_of_it_in_both_languages(
    shelf: Shelf, language: Language, told: tuple[str, ...]
) -> None:
    """Who, where, whom we called and what came of it, every entry, the ending; and not how to get in."""
    incident = await shelf.night.raises(Hazard.SOS, home=1)
    await shelf.night.passes()
    await shelf.night.becomes("daughter", "failed", "no_answer")
    await shelf.night.passes(timedelta(seconds=5))
    await shelf.night.says("son", AnswerKind.ACCEPT, incident)
    await shelf.night.says("son", AnswerKind.CLOSE, incident, outcome=Outcome.ASSISTANCE)
    async with shelf.night.database.transaction() as connection:
        await note(connection, incident, "钥匙换了地方，在西邻王家", by="user:wang", now=shelf.night.now)
    await enters(shelf.night, shelf.client, "li", language=language)
    answer = await shelf.client.get(f"/incidents/{incident}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    text = "".join(_printed(answer.content).split())
    assert [word for word in told if "".join(word.split()) not in text] == []
    assert "东邻李家" not in text
    entries = await shelf.night.query("SELECT count(*) FROM timeline WHERE incident_id = %s", incident)
    assert text.count("2026-03-04") >= entries[0][0]


def _printed(pdf: bytes) -> str:
    """The text of a PDF, as whoever searches or reads it aloud gets it."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\x00", "")  # of codes of two bytes


async def test_a_long_story_is_cut_at_its_beginning_and_says_so(shelf: Shelf) -> None:
    """An incident of weeks, with thousands of entries, still becomes a paper."""
    await shelf.night.query(
        """INSERT INTO timeline (incident_id, at, kind, reason, actor, detail)
           SELECT %s, '2026-03-05Z', 'resumed', 'pause_over', 'system', '{}' FROM generate_series(1, 2100)""",
        shelf.ended[0],
    )
    await enters(shelf.night, shelf.client, "li")
    text = _printed((await shelf.client.get(f"/incidents/{shelf.ended[0]}.pdf")).content)
    assert "Earlier ones are left out here" in text
    assert text.count("The pause is over") == 2000


async def test_whoever_takes_something_along_is_on_the_audit_trail(shelf: Shelf) -> None:
    """Every export, and for a paper the people on it."""
    await enters(shelf.night, shelf.client, "li")
    for address in ("/history.csv", "/history.xlsx", f"/incidents/{shelf.ended[0]}.pdf"):
        assert (await shelf.client.get(address)).status_code == 200
    trail = await shelf.night.query("SELECT actor, action, noun, noun_id, detail FROM audit ORDER BY id")
    assert trail == [
        ("user:li", "export", "incidents", "history", {"format": "csv"}),
        ("user:li", "export", "incidents", "history", {"format": "xlsx"}),
        ("user:li", "export", "incidents", str(shelf.ended[0]), {"format": "pdf"}),
        ("user:li", "view", "residents", "zhang-1", {}),
    ]
