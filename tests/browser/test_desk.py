"""The desk in a real browser: what operators see, hear and do there, and what they must not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk, serving
from fixtures.nights import Night
from playwright.async_api import Page, expect

from devices.model import Hazard
from domain.incident import Outcome, SubjectKind
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


@asynccontextmanager
async def _without_faults(page: Page) -> AsyncIterator[None]:
    """Fail the test for an error in the page's script."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield
    assert faults == []


async def test_a_press_appears_sounds_is_heard_and_taken(duty_desk: Desk) -> None:
    """Two operators look on: what one does, the other sees; nobody reloads anything."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("wang", language=Language.ZH)
    async with desk.window("li") as li, desk.window("wang") as wang, _without_faults(li), _without_faults(wang):
        await expect(li.get_by_text("Nothing is open.")).to_be_visible()
        await expect(wang.get_by_text("没有未办结的事件。")).to_be_visible()
        incident = await night.raises()
        await night.passes()
        row = li.locator(f"[data-row='{incident}']")
        await expect(row).to_contain_text("SOS · Mrs 张")
        await expect(row).to_contain_text("daughter (call: Waiting)")
        await expect(li.locator("body")).to_have_attribute("data-sounding", "2")
        await expect(wang.locator(f"[data-row='{incident}']")).to_contain_text("呼救 · 张老人")

        await li.keyboard.press("s")
        await expect(li.locator("body")).to_have_attribute("data-sounding", "")
        await expect(wang.locator("body")).to_have_attribute("data-sounding", "2")

        await li.keyboard.press("ArrowDown")
        await expect(row.get_by_role("link")).to_be_focused()
        await li.keyboard.press("t")
        await expect(li.get_by_role("status")).to_contain_text("You look after it")
        await expect(row).to_contain_text("li looks after it; calls are paused")
        await expect(row.get_by_role("link")).to_be_focused()
        await expect(wang.locator(f"[data-row='{incident}']")).to_contain_text("li已接手")
        await expect(wang.locator("body")).to_have_attribute("data-sounding", "")
    assert await night.query("SELECT taken_by FROM incidents") == [("user:li",)]
    assert "taken by_operator" in await night.timeline(incident)


async def test_the_gravest_stands_first_and_what_ended_goes(duty_desk: Desk) -> None:
    """Fire above a fall, a fall above a battery; an acceptance shows who goes, an end takes the line away."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await night.raises(Hazard.LOW_BATTERY, subject=SubjectKind.DEVICE, home=3)
    fall = await night.raises(Hazard.FALL, home=2)
    smoke = await night.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD)
    await night.passes()
    async with desk.window("li") as li:
        grades = li.locator(".rows .grade b")
        await expect(grades).to_have_text(["1", "2", "5"])
        await night.says("neighbour", AnswerKind.ACCEPT, smoke)
        await night.passes()
        await desk.hint()
        await expect(li.locator(f"[data-row='{smoke}']")).to_contain_text("neighbour on the way")
        await night.says("nobody", AnswerKind.CLOSE, fall, outcome=Outcome.FALSE_ALARM, via=Via.CONSOLE, by="user:wang")
        await expect(grades).to_have_text(["1", "5"])
        assert await barriers(li) == []
        await li.locator("[data-theme-switch]").click()
        await expect(li.locator("body.body--dark")).to_be_attached()
        assert await barriers(li) == []
        await li.keyboard.press("?")
        await expect(li.get_by_role("dialog")).to_be_visible()
        assert await barriers(li) == []


async def test_one_town_neither_sees_nor_acts_on_another(duty_desk: Desk) -> None:
    """Not on the screen, and not by a message that a page would never send."""
    desk, night = duty_desk, duty_desk.night
    async with night.database.transaction() as connection:
        await save(
            connection,
            Noun.ORGANISATIONS,
            [{"code": "baisha", "kind": "town", "name": "Baisha Town", "parent": "county", "cell": "baisha"}],
            now=night.now,
        )
    await desk.account("zhao", organisation="baisha")
    await desk.account("sun", role=Role.ADMINISTRATOR)
    incident = await night.raises()
    await night.passes()
    async with desk.window("zhao") as zhao, desk.window("sun") as sun:
        await expect(zhao.get_by_text("Nothing is open.")).to_be_visible()
        await expect(sun.locator(f"[data-row='{incident}']")).to_be_visible()
        await expect(sun.locator("[data-act='take']")).to_have_count(0)
        await zhao.evaluate(f"emitEvent('carewatch', {{act: 'take', incident: {incident}}})")
        await expect(zhao.get_by_role("status")).to_contain_text("There is no such incident here.")
        await sun.evaluate(f"emitEvent('carewatch', {{act: 'take', incident: {incident}}})")
        await expect(sun.get_by_role("status")).to_contain_text("may look, but not do this")
    assert await night.query("SELECT taken_by FROM incidents") == [(None,)]


async def test_the_door_and_the_end_of_a_session(duty_desk: Desk) -> None:
    """Wrong, then right; when the session ends, the open page leads back to the door and does nothing."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    incident = await night.raises()
    await night.passes()
    context = await desk.browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await desk.sign_in(page, "li", "wrong wrong wrong")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await barriers(page) == []
    await desk.sign_in(page, "li")
    await expect(page.locator(f"[data-row='{incident}']")).to_be_visible()
    await night.query("UPDATE sessions SET ended_at = now()")
    await page.evaluate(f"emitEvent('carewatch', {{act: 'take', incident: {incident}}})")
    await expect(page.locator("#password")).to_be_visible()
    assert await night.query("SELECT taken_by FROM incidents") == [(None,)]
    await context.close()


async def test_a_message_to_the_console_arrives_when_an_operator_sees_it(duty_desk: Desk) -> None:
    """Sent is not delivered: it is once somebody who may act has it on the screen."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("sun", role=Role.ADMINISTRATOR)
    await night.raises()
    await night.passes()
    await night.query(
        "UPDATE notifications SET channel = 'console', address = 'desk', state = 'sending', lease_until = now()"
    )
    await night.query("UPDATE notifications SET state = 'sent', sent_at = now(), lease_until = NULL")
    async with desk.window("sun") as sun:
        await expect(sun.locator("[data-row]")).to_contain_text("console: Sent")
        assert await night.query("SELECT state FROM notifications") == [("sent",)]
    async with desk.window("li") as li:
        await expect(li.locator("[data-row]")).to_contain_text("console: Delivered")
    assert await night.query("SELECT state FROM notifications") == [("delivered",)]


async def test_a_page_without_its_console_says_that_it_stands_still(
    duty_desk: Desk, desk_dsn: str, tmp_path: Path
) -> None:
    """The process dies: the operator is told, in the page that is still on the screen."""
    await duty_desk.account("li")
    async with serving(desk_dsn, tmp_path) as own:
        desk = replace(duty_desk, url=own.url)
        async with desk.window("li") as li:
            await expect(li.get_by_text("Nothing is open.")).to_be_visible()
            await expect(li.locator("[data-offline]")).to_be_hidden()
            own.process.kill()
            await own.process.wait()
            await expect(li.locator("[data-offline]")).to_be_visible()


async def _flood(night: Night, *, count: int = 2000) -> None:
    """So many incidents of sources that nobody knows: every fortieth a fire, the others mild, in two communities."""
    await night.query(
        """INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id,
                                  opened_at, last_alarm_at, next_step_at)
           SELECT 'live', 'source', 'flood-' || n, h.hazard, h.severity, o.id, o.id, at, at, at + interval '1 hour'
           FROM generate_series(1, %s) AS n
           JOIN organisations o ON o.code = CASE n %% 2 WHEN 0 THEN 'heping' ELSE 'town' END
           CROSS JOIN LATERAL (SELECT CASE WHEN n %% 40 = 0 THEN 'smoke' WHEN n %% 3 = 0 THEN 'water' ELSE 'vitals' END,
                                      CASE WHEN n %% 40 = 0 THEN 1 WHEN n %% 3 = 0 THEN 4 ELSE 3 END,
                                      %s - n * interval '1 second') AS h (hazard, severity, at)""",
        *(count, night.now),
    )


async def test_a_flood_is_folded_and_a_press_in_it_is_seen_and_heard(duty_desk: Desk) -> None:
    """Two thousand wait: fires stay whole on top, the others are counted and can be opened, a new fall is seen at once,
    and what is drawn stays small.
    """
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await _flood(night)
    async with desk.window("li") as li, _without_faults(li):
        await expect(li.locator(".flood")).to_contain_text(
            "2000 unresolved: 50 hazards to life stand one by one, 1950 milder ones in groups."
        )
        await expect(li.locator(".rows > [data-row]")).to_have_count(50)
        await expect(li.locator(".group .what .count")).to_have_text(["667", "633", "333", "317"])
        await expect(li.locator("body")).to_have_attribute("data-sounding", "1")
        assert len(await li.locator("[data-sound-keys]").get_attribute("data-sound-keys") or "") < 20
        assert await barriers(li) == []
        await li.keyboard.press("s")
        await expect(li.locator("body")).to_have_attribute("data-sounding", "")

        fall = await night.raises(Hazard.FALL)
        await night.passes()
        await expect(li.locator(".alert")).to_contain_text("1 to be heard")
        await expect(li.locator("body")).to_have_attribute("data-sounding", "2")
        await expect(li.locator(f"[data-row='{fall}']")).to_be_visible()

        waters = li.locator(".group", has_text="Water leak").get_by_role("button").first
        await waters.focus()
        await li.keyboard.press("Enter")
        await expect(li.locator(".unfolded [data-row]")).to_have_count(50)
        await expect(waters).to_be_focused()
        await expect(waters).to_have_attribute("aria-expanded", "true")
        assert await barriers(li) == []
        await li.keyboard.press("ArrowDown")
        await li.keyboard.press("t")
        await expect(li.get_by_role("status")).to_contain_text("You look after it")
        await expect(li.locator(".group .doing").nth(2)).to_contain_text("1 are looked after")
        await li.locator(".more [data-part^='live-']").click()
        await expect(li.locator(".unfolded [data-row]")).to_have_count(100)
        await waters.click()
        await expect(li.locator(".unfolded")).to_have_count(0)

        await night.query(
            """UPDATE incidents SET state = 'resolved', outcome = 'false_alarm', resolved_by = 'user:li',
                                    resolved_at = opened_at, next_step_at = NULL
               WHERE id %% 100 <> 1"""
        )
        await desk.hint()
        await expect(li.locator(".flood")).to_have_count(0)
        await expect(li.locator(".rows > [data-row]")).to_have_count(21)
