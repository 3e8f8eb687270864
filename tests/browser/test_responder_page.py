"""The responder page on a phone, without script."""

import asyncio

import pytest
from fixtures.browsers import PATIENCE_MS
from fixtures.clocks import HandClock
from fixtures.nights import Night
from fixtures.town import NOON
from playwright.async_api import Browser, expect

from api.app import run
from api.services import WebConfig
from domain.health import Health

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

_TOUCHABLE_PX = 44  # Source: WCAG 2.2, success criterion 2.5.5, target size (enhanced)


async def test_a_daughter_goes_arrives_and_says_how_it_ended(
    desk_night: Night, desk_dsn: str, browser: Browser
) -> None:
    """From the link to the end with her thumb: every target is large, nothing is wider than the screen."""
    night = desk_night
    await night.raises()
    await night.passes()
    rows = await night.query("SELECT token FROM notifications")
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run(WebConfig(dsn=desk_dsn, port=0), HandClock(NOON), stop, Health(), listening=url.set_result)
        )
        try:
            await _walk(browser, f"{await url}/r/{rows[0][0]}?lang=en", night)
        finally:
            stop.set()


async def _walk(browser: Browser, link: str, night: Night) -> None:
    context = await browser.new_context(
        viewport={"width": 360, "height": 640}, java_script_enabled=False, is_mobile=True, has_touch=True
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(link)
    await expect(page.get_by_role("heading", name="SOS")).to_be_visible()
    going = page.get_by_role("button", name="I am going")
    box = await going.bounding_box()
    assert box is not None
    assert box["height"] >= _TOUCHABLE_PX
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    await going.tap()
    await expect(page.get_by_text("张秀兰")).to_be_visible()
    await page.get_by_role("button", name="I have arrived").tap()
    await expect(page.get_by_role("status")).to_contain_text("you are there")
    await page.get_by_label("False alarm").check()
    await page.get_by_label("Note").fill("She sat on the button.")
    await page.get_by_role("button", name="It is over").tap()
    await expect(page.get_by_text("This has been resolved: False alarm.")).to_be_visible()
    assert await night.query("SELECT state, outcome FROM incidents") == [("resolved", "false_alarm")]
    await context.close()
