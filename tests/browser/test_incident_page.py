"""The page of one incident and the history, in a real browser."""

import re
from datetime import timedelta

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk
from fixtures.town import NOON
from playwright.async_api import expect

from devices.model import Hazard
from domain.incident import Outcome
from domain.notification import AnswerKind, Via
from domain.people import Language
from domain.permissions import Role
from store.registry import Noun, save

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)


async def _seen_elsewhere(desk: Desk, *, consents: bool) -> None:
    """The wristband of the first home was last seen 1.6 km to the north-east."""
    night = desk.night
    await night.query(
        """INSERT INTO device_states (device_key, last_seen_at, lat, lon, accuracy_m, position_at)
           SELECT id, '2026-03-04 03:50Z', 36.0101, 114.0125, 12, '2026-03-04 03:50Z' FROM devices
           WHERE device_id = 'band-1'"""
    )
    if consents:
        written = {"resident": "zhang-1", "purpose": "location", "recipient": "duty_desk", "given_by": "resident"}
        async with night.database.transaction() as connection:
            await save(connection, Noun.CONSENTS, [written], now=NOON - timedelta(days=1))


async def test_an_incident_from_the_press_to_the_end_by_keyboard(duty_desk: Desk) -> None:
    """Two operators at one incident: each step of one is seen by the other at once, and nothing needs a mouse."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("wang", language=Language.ZH)
    await _seen_elsewhere(desk, consents=True)
    incident = await night.raises()
    await night.passes()
    async with desk.window("li") as li, desk.window("wang", path=f"/incidents/{incident}") as wang:
        await expect(li.locator(f"[data-row='{incident}']")).to_be_visible()
        await li.keyboard.press("ArrowDown")
        await li.keyboard.press("Enter")
        await expect(li.get_by_role("heading", name="SOS · Mrs 张 · 和平村")).to_be_visible()
        for told in (
            "张秀兰",
            "三组1号",
            "钥匙在东邻李家",
            "1.6 km north-east of home",
            "daughter is to be reached by call",
        ):
            await expect(li.locator("#main")).to_contain_text(told)
        await expect(li.locator(".leaflet-container")).to_be_visible()
        assert await barriers(li) == []

        await wang.keyboard.press("t")
        await expect(li.locator(".standing")).to_contain_text("wang looks after it; calls are paused")

        await li.keyboard.press("r")
        dialog = li.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        assert await barriers(li) == []
        await dialog.get_by_label("Who").select_option(label="neighbour (Kin and neighbours, neighbour)")
        await li.keyboard.press("Tab")
        await li.keyboard.type("on her bicycle")
        await dialog.get_by_role("button", name="Is going").press("Enter")
        await expect(li.get_by_role("status")).to_contain_text("somebody is on the way")
        await expect(wang.locator("#main")).to_contain_text("neighbour 正在前往")
        await expect(wang.locator("#main")).to_contain_text("on her bicycle")

        await wang.keyboard.press("a")
        await wang.get_by_role("dialog").locator("select").select_option(index=3)
        await wang.get_by_role("dialog").get_by_role("button", name="已到场").press("Enter")
        await expect(li.locator(".headline .state")).to_have_text("On scene")

        await li.keyboard.press("o")
        await li.get_by_role("dialog").get_by_label("Assistance").check()
        await li.get_by_role("dialog").get_by_role("button", name="It is over").press("Enter")
        await expect(li.locator(".headline .state")).to_have_text("Resolved")
        await expect(wang.locator(".headline")).to_contain_text("一般帮助")
        await li.keyboard.press("n")
        await li.get_by_role("dialog").get_by_label("Note").fill("<b>well</b> again")
        await li.get_by_role("dialog").get_by_role("button", name="Write").press("Enter")
        await expect(li.locator("q").first).to_have_text("<b>well</b> again")
        await li.keyboard.press("b")
        await expect(li.get_by_text("Nothing is open.")).to_be_visible()
    timeline = await night.timeline(incident)
    assert [one for one in timeline if one.split()[0] in ("taken", "accepted", "arrived", "resolved")] == [
        "taken by_operator",
        "accepted first",
        "arrived on_scene",
        "resolved assistance",
    ]
    views = await night.query(
        "SELECT actor, noun, noun_id FROM audit WHERE action = 'view' GROUP BY 1, 2, 3 ORDER BY 1, 2"
    )
    assert views == [
        (f"user:{name}", noun, noun_id)
        for name in ("li", "wang")
        for noun, noun_id in (("incidents", str(incident)), ("residents", "zhang-1"))
    ]


async def test_next_and_above_and_what_may_not_be_seen(duty_desk: Desk) -> None:
    """The next one is called without waiting; it is handed over; where she is stays hidden without her consent."""
    desk, night = duty_desk, duty_desk.night
    async with night.database.transaction() as connection:
        await save(
            connection,
            Noun.ORGANISATIONS,
            [{"code": "baisha", "kind": "town", "name": "Baisha Town", "parent": "county", "cell": "baisha"}],
            now=NOON,
        )
    await desk.account("li", organisation="town")
    await desk.account("zhao", organisation="baisha")
    await _seen_elsewhere(desk, consents=False)
    incident = await night.raises()
    await night.passes()
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await expect(li.locator("#main")).to_contain_text("may not be shown without her consent")
        assert "1.6 km" not in await li.locator("#main").inner_text()
        await li.keyboard.press("c")
        await expect(li.get_by_role("status")).to_contain_text("The next one is being called.")
        night.now += timedelta(seconds=30)
        assert await night.passes() == ["son voice"]
        await desk.hint()
        await expect(li.locator("tr.live").first).to_contain_text("son")
        await li.keyboard.press("h")
        await li.get_by_role("dialog").get_by_role("button", name="Hand over").press("Enter")
        await expect(li.locator("#main")).to_contain_text("Handed over by the desk: from 和平村 to Qinghe Town")
    async with desk.window("zhao", path=f"/incidents/{incident}") as zhao:
        await expect(zhao.get_by_role("heading")).to_have_text("There is no such incident here.")
        assert "张" not in await zhao.content()


async def test_somebody_else_is_called_by_keyboard(duty_desk: Desk) -> None:
    """Looked for by a part of the name, chosen with how to reach him; the plan's own call goes on, and nobody is called
    twice.
    """
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("sun", role=Role.ADMINISTRATOR)
    incident = await night.raises()
    await night.passes()
    await night.says("x", AnswerKind.TAKE, incident, via=Via.CONSOLE, by="user:wang")
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await li.keyboard.press("e")
        dialog = li.get_by_role("dialog")
        await expect(dialog.get_by_role("group", name="daughter")).to_contain_text("is being reached right now")
        await expect(dialog.get_by_role("group", name="county-desk")).to_be_visible()
        assert await barriers(li) == []
        await li.keyboard.type("cad")
        await expect(dialog.locator("fieldset")).to_have_count(1)
        await li.keyboard.press("Enter")
        await expect(dialog.get_by_label("call +8613900000005")).to_be_focused()
        await li.keyboard.press("Space")
        await li.keyboard.press("Enter")
        await expect(li.get_by_role("status")).to_contain_text("Is being reached now; the plan goes on beside it.")
        await expect(li.locator("tr.live").first).to_contain_text("cadre")
        await expect(li.locator("#main")).to_contain_text("li: cadre is to be reached by call (Village cadres)")
        await li.keyboard.press("e")
        await expect(dialog.get_by_role("group", name="cadre")).to_contain_text("is being reached right now")
        await li.keyboard.press("Escape")
        (contact,) = (await night.query("SELECT contact_id FROM notifications ORDER BY id DESC LIMIT 1"))[0]
        await li.evaluate(f"emitEvent('carewatch', {{act: 'call_else', incident: {incident}, contact: {contact}}})")
        await expect(li.get_by_role("status")).to_contain_text("is being reached that way right now")
    async with desk.window("sun", path=f"/incidents/{incident}") as sun:
        await expect(sun.locator("#call")).to_have_count(0)
        await sun.evaluate(f"emitEvent('carewatch', {{act: 'call_else', incident: {incident}, contact: {contact}}})")
        await expect(sun.get_by_role("status")).to_contain_text("may look, but not do this")
    assert await night.asked() == ["cadre voice"]
    acted = await night.query("SELECT actor FROM audit WHERE action = 'call_else'")
    assert ("user:li",) in acted


async def test_an_operator_is_connected_by_keyboard(duty_desk: Desk) -> None:
    """Her number is typed once and remembered; where the home has no telephone that is said."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    incident = await night.raises()
    await night.passes()
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await li.keyboard.press("l")
        dialog = li.get_by_role("dialog")
        await expect(dialog.get_by_role("group", name="The home")).to_contain_text("No telephone is known.")
        assert await barriers(li) == []
        await dialog.get_by_label("My telephone").fill("+86110")
        await dialog.get_by_role("group", name="neighbour").get_by_role("radio").check()
        await li.keyboard.press("Enter")
        await expect(dialog.get_by_role("alert")).to_contain_text("must be a whole number")
        await li.keyboard.press("Escape")
        await night.query("UPDATE residents SET phone = '+8613700000001' WHERE code = 'zhang-1'")
        await li.keyboard.press("l")
        await dialog.get_by_label("My telephone").fill("+86 138-0000-0009")
        await dialog.get_by_role("group", name="张秀兰").get_by_role("radio").check()
        await li.keyboard.press("Enter")
        await expect(li.get_by_role("status")).to_contain_text("Your telephone rings in a moment")
        await expect(li.locator("tr.live").first).to_contain_text("li")
        await expect(li.locator("#main")).to_contain_text("li wants to be connected with the resident")
        await li.keyboard.press("l")
        await expect(dialog.get_by_label("My telephone")).to_have_value("+86 138-0000-0009")
        await li.reload()
        await li.keyboard.press("l")
        await expect(dialog.get_by_label("My telephone")).to_have_value("+8613800000009")
    rows = await night.query("SELECT address, connect_to, operator FROM notifications WHERE purpose = 'connect'")
    assert rows == [("+8613800000009", "+8613700000001", "li")]


async def test_operators_see_who_else_has_the_incident_open(duty_desk: Desk) -> None:
    """By name, while they have; each sees the other and nobody herself."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("wang", language=Language.ZH)
    incident, elsewhere = await night.raises(), await night.raises(home=2)
    await night.passes()
    async with (
        desk.window("li", path=f"/incidents/{incident}") as li,
        desk.window("wang", path=f"/incidents/{elsewhere}") as wang,
    ):
        await expect(wang.locator(".headline")).to_be_visible()
        await wang.goto(f"{desk.url}/incidents/{incident}")
        await expect(li.locator(".others")).to_have_text("group Also looking at this: wang")
        await expect(wang.locator(".others")).to_contain_text("也在查看此事件： li")
        assert await barriers(li) == []
        await wang.goto(f"{desk.url}/")
        await expect(li.locator(".others")).to_have_text("")


async def test_the_history_is_found_again_and_taken_along(duty_desk: Desk) -> None:
    """By hazard, day, outcome and organisation; as CSV without names, and without formulas."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li", organisation="town")
    await night.query("UPDATE households SET community = '=1+1' WHERE code = 'home-2'")
    ended = []
    for home, hazard, outcome in ((1, Hazard.SOS, Outcome.ASSISTANCE), (2, Hazard.FALL, Outcome.FALSE_ALARM)):
        incident = await night.raises(hazard, home=home)
        await night.passes()
        await night.says("x", AnswerKind.CLOSE, incident, outcome=outcome, via=Via.CONSOLE, by="user:wang")
        ended.append(incident)
    await night.raises(Hazard.FALL, home=3)
    async with desk.window("li", path="/history") as li:
        lines = li.locator("table.history tbody tr")
        await expect(lines).to_have_count(2)
        assert await barriers(li) == []
        await li.get_by_label("Hazard").select_option("sos")
        await li.get_by_role("button", name="Search").click()
        await expect(lines).to_have_count(1)
        await expect(lines).to_contain_text("Assistance")
        await expect(lines).to_contain_text("wang")
        await li.get_by_label("Hazard").select_option("")
        await li.get_by_label("From").fill("2026-03-05")
        await li.get_by_role("button", name="Search").click()
        await expect(li.get_by_text("Nothing was found.")).to_be_visible()
        answer = await li.request.get(f"{desk.url}/history.csv?outcome=false_alarm")
        rows = (await answer.text()).removeprefix("\ufeff").splitlines()
        await li.get_by_label("From").fill("2026-03-04")
        await li.get_by_role("button", name="Search").click()
        await li.get_by_role("link", name=re.compile("SOS #")).click()
        await expect(li.locator(".headline")).to_contain_text("Assistance")
    assert len(rows) == 2
    assert rows[1].startswith(f"{ended[1]},")
    assert ",'=1+1," in rows[1]
    assert "张" not in rows[1]
    async with night.database.transaction() as connection:
        cursor = await connection.execute("SELECT actor FROM audit WHERE action = 'export'")
        assert await cursor.fetchall() == [("user:li",)]
