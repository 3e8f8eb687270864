"""The head of every page: one line on a desk's screen, tidy on a tablet, reached by Tab in the order of reading."""

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk
from playwright.async_api import Page, expect

from domain.people import Language

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)

NAMES = {Language.EN: "wang.xiaoming.nightshift", Language.ZH: "li"}
# The parts of the head as (top, bottom) of a screen's pixels, and what sticks out or is cut off.
_LINES = """() => [...document.querySelectorAll(".brand, .top nav a, .signs li, .account > *")].map((one) => {
  const { top, bottom } = one.getBoundingClientRect();
  return [top, bottom];
})"""
_CUT_OFF = """() => [document.documentElement, ...document.querySelectorAll(".top, .top nav a, .signs li, .signs span")]
  .filter((one) => one.scrollWidth > one.clientWidth && getComputedStyle(one).display !== "inline")
  .map((one) => one.textContent)"""
_FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"


async def _lines(page: Page) -> int:
    """On how many lines the head stands: parts that overlap vertically are on one."""
    ends: list[float] = []
    for top, bottom in sorted(await page.evaluate(_LINES)):
        if ends and top < ends[-1] - 4:
            ends[-1] = max(ends[-1], bottom)
        else:
            ends.append(bottom)
    return len(ends)


@pytest.mark.parametrize("language", Language)
async def test_the_head_is_one_line_at_1280_and_two_on_a_tablet(duty_desk: Desk, language: Language) -> None:
    """In both languages, also with a long name and lanes that are late; nothing is cut off, nothing sticks out."""
    desk, night = duty_desk, duty_desk.night
    name = NAMES[language]
    await desk.account(name, language=language)
    await night.query(
        """INSERT INTO canaries (lane, published_at, committed_at)
           SELECT 'ingest-' || lane, care_now() - late, care_now() - late
           FROM (VALUES ('p00-alarm', interval '0 s'), ('p01-alarm', '11 min'), ('p00-telemetry', '23 h'))
                AS late (lane, late)"""
    )
    for width, lines in ((1440, 1), (1280, 1), (1024, 2), (820, 2)):
        async with desk.window(name, width=width) as page:
            await expect(page.locator(".signs .late")).to_have_count(2)
            assert await _lines(page) == lines, width
            assert await page.evaluate(_CUT_OFF) == [], width
            assert await barriers(page) == [], width


async def test_tab_goes_through_the_head_as_it_is_read(duty_desk: Desk) -> None:
    """The way past it first, then where one may go, then what belongs to the account."""
    desk = duty_desk
    await desk.account("li")
    async with desk.window("li", width=1024) as page:
        await expect(page.get_by_text("Nothing is open.")).to_be_visible()
        names = []
        for _ in range(9):
            await page.keyboard.press("Tab")
            names.append((await page.evaluate(_FOCUSED)).strip())
    assert names[0] == "To the content"
    assert [name.split("\n")[-1] for name in names[1:]] == [
        *("dashboardDesk", "mapMap", "historyHistory", "checklistInstructions"),
        *("中文", "Light or dark", "Keys", "Sign out"),
    ]
