"""An operator of one town before everything that the console has, while another town is in need: every page, download,
route and act, found by asking the console itself, so that a new one cannot be forgotten. The interface for programs and
its stream are gone over in ``tests/integration/api``.
"""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from fixtures.browsers import PATIENCE_MS
from fixtures.consoles import Desk
from playwright.async_api import Page, expect

from api.console.actions import Act
from devices.model import Hazard
from domain.area import HomeState
from domain.incident import Outcome, SubjectKind
from domain.notification import AnswerKind
from domain.permissions import Role
from store.registry import Noun, save

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)

_ROUTES = """
import json
from nicegui import core
from api.console.context import Console
from api.console.process import build_app
from api.console.settings import ConsoleConfig
console = Console(None, None, ConsoleConfig(dsn="", oidc_issuer="https://id.example", oidc_client_id="x"), None)

def routes(router):
    for one in router.routes:
        yield from routes(one.original_router) if hasattr(one, "original_router") else (one,)

found = [*routes(build_app(console)), *routes(core.app)]
print(json.dumps(sorted((method, one.path) for one in found for method in getattr(one, "methods", None) or ())))
"""

SECRETS = (
    "张",
    "秀兰",
    "home-1",
    "zhang-",
    "daughter",
    "grid-worker",
    "三组",
    "+86139",
    "李家",
    "和平村",
    "Qinghe Town",
)
"""What of the one town nobody of another may read; "neighbour" is a word of the shipped instructions, too."""

ASKED = "?about=张&responder=daughter&organisation=town&household=home-1&number=1"
"""What somebody might ask for who wants to know all the same."""

VIEW = "south=35&west=113&north=37&east=115&zoom=9"
"""What the routes of the map ask for: all of the county."""


@pytest.fixture(scope="session")
def routes() -> list[tuple[str, str]]:
    """Methods and paths of the console, but for what NiceGUI itself and the provider's way need."""
    printed = subprocess.run([sys.executable, "-P", "-c", _ROUTES], capture_output=True, check=True, timeout=120).stdout
    found = [(method, path) for method, path in json.loads(printed) if method not in ("HEAD", "OPTIONS")]
    own = [(method, path) for method, path in found if not path.startswith(("/_nicegui", "/sign-in/provider"))]
    assert {("GET", "/"), ("GET", "/history.csv"), ("POST", "/sign-in")} <= set(own)
    return own


async def _two_towns(desk: Desk) -> dict[str, str]:
    """Zhao watches over Baisha, where all is quiet; in Qinghe two homes are in need, and one incident is over.
    Returns what may stand in a path.
    """
    night = desk.night
    async with night.database.transaction() as connection:
        baisha = {"code": "baisha", "kind": "town", "name": "Baisha Town", "parent": "county", "cell": "baisha"}
        await save(connection, Noun.ORGANISATIONS, [baisha], now=night.now)
    await desk.account("zhao", organisation="baisha", role=Role.SUPERVISOR)
    over = await night.raises(Hazard.FALL, home=2)
    await night.passes()
    await night.says("daughter", AnswerKind.CLOSE, over, outcome=Outcome.ASSISTANCE)
    await night.raises(Hazard.SMOKE, home=3, subject=SubjectKind.HOUSEHOLD)
    incident = await night.raises()
    await night.passes(timedelta(seconds=70))
    home = str(night.town.households["home-1"])
    return {"incident_id": str(incident), "over": str(over), "household_id": home}


async def _dump(desk: Desk) -> list[Any]:
    """Everything that an act might change, but for the audit trail."""
    tables = "incidents timeline notes participations notifications calls"
    return [
        await desk.night.query(f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text")
        for table in tables.split()
    ]


def _leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


async def test_no_route_answers_with_anything_of_another_town(duty_desk: Desk, routes: list[tuple[str, str]]) -> None:
    """404 for what is elsewhere, as if it were not there; nothing of it in any list or download."""
    numbers = await _two_towns(duty_desk)
    async with duty_desk.window("zhao") as zhao:
        for incident in (numbers["incident_id"], numbers["over"]):
            for method, pattern in routes:
                if method != "GET" or pattern.startswith("/static"):
                    continue
                path = pattern.replace(":path}", "}").format_map(numbers | {"incident_id": incident})
                for asked in (f"?{VIEW}", f"{ASKED}&{VIEW}") if pattern.startswith("/map/") else ("", ASKED):
                    answer = await zhao.request.get(f"{duty_desk.url}{path}{asked}")
                    where = f"{path}{asked}: {answer.status}"
                    assert answer.status == (404 if "_id}" in pattern else 200), where
                    body = (await answer.body()).decode("utf-8", "replace")
                    assert [secret for secret in _leaked(body) if secret not in asked] == [], where


async def test_no_page_is_told_anything_of_another_town(duty_desk: Desk, routes: list[tuple[str, str]]) -> None:
    """Neither on the screen nor in any message of the connection that keeps it up to date."""
    await _two_towns(duty_desk)
    async with duty_desk.window("zhao") as zhao:
        received: list[str] = []
        zhao.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(str(frame))))
        for method, pattern in routes:
            no_page = pattern.startswith(("/static", "/sign-in", "/map/")) or "{" in pattern or "." in pattern
            if method != "GET" or no_page:
                continue
            received.clear()
            await zhao.goto(f"{duty_desk.url}{pattern}")
            await expect(zhao.locator(".signs li").first).to_be_visible()
            await duty_desk.night.raises(Hazard.SOS, home=1)  # a new event: everything is told again
            await duty_desk.hint()
            await zhao.wait_for_function("() => document.querySelectorAll('.signs li').length > 0")
            assert _leaked(await zhao.content()) == [], pattern
            assert _leaked("".join(received)) == [], pattern
            assert received, pattern


async def _sends(page: Page, what: dict[str, Any]) -> None:
    """What no page would send."""
    await page.evaluate("what => emitEvent('carewatch', what)", what)


@pytest.mark.parametrize("act", list(Act))
async def test_no_act_reaches_another_town(duty_desk: Desk, act: Act) -> None:
    """Whatever an operator may do to an incident here, it does not exist for one of elsewhere; nothing has changed."""
    desk, numbers = duty_desk, await _two_towns(duty_desk)
    before = await _dump(desk)
    daughter = desk.night.town.responders["daughter"]
    async with desk.window("zhao") as zhao:
        for incident in (numbers["incident_id"], numbers["over"]):
            await zhao.goto(desk.url)  # without the answer to the one before
            await expect(zhao.locator(".signs li").first).to_be_visible()
            sent = {
                "act": act.value,
                "incident": incident,
                "responder": daughter,
                "outcome": Outcome.FALSE_ALARM.value,
                "note": "mine now",
                "contact": "1",
                "whom": "home",
                "own_number": "+8613800000009",
                "household": "home-1",
                "state": HomeState.FINE.value,
            }
            await _sends(zhao, sent)
            await expect(zhao.get_by_role("status")).to_contain_text("There is no such incident here.")
            assert _leaked(await zhao.content()) == []
    assert await _dump(desk) == before
    assert await desk.night.query("SELECT count(*) FROM audit WHERE noun = 'incidents'") == [(0,)]


async def test_seeing_is_not_believed_of_a_foreign_desk(duty_desk: Desk) -> None:
    """A message to the duty desk of one town has not arrived because somebody of another has a page open."""
    desk = duty_desk
    await _two_towns(desk)
    await desk.night.query(
        """UPDATE notifications SET channel = 'console', address = 'desk', state = 'sending', lease_until = now()
           WHERE state = 'pending'"""
    )
    await desk.night.query(
        "UPDATE notifications SET state = 'sent', sent_at = now(), lease_until = NULL WHERE state = 'sending'"
    )
    async with desk.window("zhao") as zhao:
        await expect(zhao.locator(".signs li").first).to_be_visible()
        await desk.night.raises(Hazard.SOS, home=1)
        await desk.hint()
        await zhao.evaluate("emitEvent('carewatch', {act: 'shown', shown: true})")
        await zhao.evaluate("emitEvent('carewatch', {act: 'hear'})")
        await _sends(zhao, {"act": Act.TAKE.value, "incident": "1"})
        await expect(zhao.get_by_role("status")).to_contain_text("There is no such incident here.")
    assert await desk.night.query("SELECT count(*) FROM notifications WHERE state = 'delivered'") == [(0,)]


async def test_no_form_of_another_site_does_anything(duty_desk: Desk, routes: list[tuple[str, str]]) -> None:
    """Every route that changes something refuses what another site has triggered, even if the cookie came along."""
    desk = duty_desk
    await desk.account("li")
    async with desk.window("li") as li:
        before = await desk.night.query("SELECT u.language, s.* FROM users u JOIN sessions s ON s.user_id = u.id")
        changing = [path for method, path in routes if method not in ("GET",)]
        assert {"/sign-in", "/sign-out", "/language"} <= set(changing)
        for path in changing:
            for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
                form: dict[str, str | float | bool] = {"name": "li", "password": "x", "language": "zh-CN", "to": "/"}
                answer = await li.request.post(f"{desk.url}{path}", headers=headers, form=form, max_redirects=0)
                assert answer.status in (303, 403), path
                assert "set-cookie" not in answer.headers, path
        after = await desk.night.query("SELECT u.language, s.* FROM users u JOIN sessions s ON s.user_id = u.id")
        assert after == before
        await li.reload()
        await expect(li.locator(".signs li").first).to_be_visible()


async def test_nothing_is_open_to_whoever_is_not_signed_in(duty_desk: Desk, routes: list[tuple[str, str]]) -> None:
    """Every page and download leads to the door, which shows nothing; what scripts ask for is refused."""
    numbers = await _two_towns(duty_desk)
    context = await duty_desk.browser.new_context()
    for method, pattern in routes:
        if method != "GET" or pattern.startswith(("/static", "/sign-in")):
            continue
        path = pattern.format_map(numbers)
        answer = await context.request.get(f"{duty_desk.url}{path}?{VIEW}", max_redirects=0)
        if pattern.startswith("/map/"):
            assert answer.status == 401, path
            assert _leaked(await answer.text()) == [], path
            continue
        assert answer.status == 303, path
        assert answer.headers["location"].startswith("/sign-in?"), path
    await context.close()
