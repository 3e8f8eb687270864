"""Instructions in a real browser: read by operators at their incident, written by who may."""

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk
from playwright.async_api import expect

from devices.model import Hazard
from domain.people import Language
from domain.permissions import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)


async def test_words_are_written_seen_at_the_incident_and_restored(duty_desk: Desk) -> None:
    """The town's own words reach its operators in their language; what was typed survives somebody else's change."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("chen", role=Role.SUPERVISOR, organisation="town")
    await desk.account("wang", language=Language.ZH)
    incident = await night.raises(Hazard.SMOKE)
    async with desk.window("wang", path=f"/incidents/{incident}") as wang:
        await expect(wang.locator(".steps li").first).to_contain_text("家里有烟有火吗")
        async with desk.window("chen", path="/instructions") as chen, desk.window("chen", path="/instructions") as twin:
            assert await barriers(chen) == []
            await chen.locator("details#smoke > summary").click()
            await chen.locator("#smoke-zh-CN").fill("先叫她出门。\n<b>119</b>")
            await chen.locator("#smoke-en").fill("Ask her out first.\n<b>119</b>")
            assert await barriers(chen) == []
            await chen.locator("#smoke").get_by_role("button", name="Store").click()
            await expect(chen.get_by_role("status")).to_contain_text("operators see it from now on")
            await expect(chen.locator("#smoke > summary")).to_contain_text("Qinghe Town, version 1, chen")

            await wang.reload()
            await expect(wang.locator(".steps li")).to_have_text(["先叫她出门。", "<b>119</b>"])

            await twin.locator("details#smoke > summary").click()
            await twin.locator("#smoke-en").fill("typed meanwhile")
            await twin.locator("#smoke").get_by_role("button", name="Store").click()
            await expect(twin.get_by_role("status")).to_contain_text("Somebody else has changed it meanwhile")
            await expect(twin.locator("#smoke-en")).to_have_value("typed meanwhile")

            await chen.locator("#smoke").get_by_role("button", name="Back to what is inherited").click()
            await expect(chen.locator("#smoke > summary")).to_contain_text("as shipped")
            await expect(chen.locator("#smoke")).to_contain_text("back to what is inherited")
        await wang.reload()
        await expect(wang.locator(".steps li").first).to_contain_text("家里有烟有火吗")
        await wang.get_by_role("link", name="全部处置提示").click()
        await expect(wang.locator("details#smoke")).to_have_attribute("open", "")


async def test_operators_read_and_cannot_write(duty_desk: Desk) -> None:
    """No editor on their page; and what a script sends in their name is refused."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    async with desk.window("li", path="/instructions?organisation=heping") as li:
        await expect(li.locator("#organisation")).to_have_value("heping")
        await li.locator("details#gas > summary").click()
        await expect(li.locator("#gas li").first).to_be_visible()
        await expect(li.locator("textarea")).to_have_count(0)
        await li.evaluate(
            "emitEvent('carewatch', {act: 'write_instruction', hazard: 'gas', tag: 'x', zh: '不', en: 'no'})"
        )
        await expect(li.get_by_role("status")).to_contain_text("may look, but not do this")
    assert await night.query("SELECT 1 FROM instructions") == []
