"""Keys in quick succession, and what is typed in a dialog while the page goes on."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fixtures.browsers import PATIENCE_MS
from fixtures.consoles import Desk, serving
from playwright.async_api import expect

from domain.notification import AnswerKind, Via
from store.registry import Noun, save

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)

_OPEN = "[...document.querySelectorAll('dialog[open]')].map((one) => one.id).join()"
_DIALOGS = {"r": "name", "e": "call", "l": "connect", "a": "arrive", "o": "close", "n": "note", "h": "hand-over"}


async def test_each_key_opens_its_dialog_however_quickly_they_follow(duty_desk: Desk) -> None:
    """Open, type, Escape, the next one: two hundred times without a pause, while news draws the page again."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    incident = await night.raises()
    await night.passes()
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await expect(li.locator(".timeline li").first).to_be_visible()
        missed = []
        for round_ in range(30):
            await night.says("son", (AnswerKind.ACCEPT, AnswerKind.DECLINE)[round_ % 2], incident)
            await desk.hint()
            for key, dialog in _DIALOGS.items():
                await li.keyboard.press(key)
                await li.keyboard.press("x")
                if await li.evaluate(_OPEN) != dialog:
                    missed.append((round_, key))
                await li.keyboard.press("Escape")
        assert missed == []
        assert await li.evaluate(_OPEN) == ""
        await expect(li.locator("[data-key]:focus")).to_have_count(1)  # not thrown out of the page


async def test_what_is_typed_stays_while_the_page_goes_on(duty_desk: Desk) -> None:
    """Somebody else acts, the circle changes, the act is refused: dialog, choice and note are still there."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    incident = await night.raises()
    await night.passes()
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await expect(li.locator(".timeline li").first).to_be_visible()
        await li.keyboard.press("r")
        dialog = li.get_by_role("dialog")
        await dialog.get_by_label("Who").select_option(label="neighbour (Kin and neighbours, neighbour)")
        await dialog.get_by_label("Note").fill("comes by bicycle")
        async with night.database.transaction() as connection:
            cousin = {"code": "cousin", "organisation": "heping", "name": "cousin"}
            await save(connection, Noun.RESPONDERS, [cousin], now=night.now)
            member = {"household": "home-1", "responder": "cousin", "circle": "kin_neighbours", "relation": "cousin"}
            await save(connection, Noun.CIRCLE_MEMBERS, [member], now=night.now)
        await night.says("x", AnswerKind.TAKE, incident, via=Via.CONSOLE, by="user:wang")
        await desk.hint()
        await expect(li.locator(".standing")).to_contain_text("wang looks after it")
        await expect(dialog.get_by_label("Who").locator("option")).to_contain_text(["–", "cousin (Kin"])
        await expect(dialog.get_by_label("Who")).to_have_value(str(night.town.responders["neighbour"]))
        await expect(dialog.get_by_label("Note")).to_have_value("comes by bicycle")
        await night.says("neighbour", AnswerKind.ACCEPT, incident)
        await dialog.get_by_role("button", name="Is going").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("That had been said before.")
        await expect(dialog.get_by_label("Note")).to_have_value("comes by bicycle")
        await dialog.get_by_label("Who").select_option(label="cousin (Kin and neighbours, cousin)")
        await dialog.get_by_role("button", name="Is going").click()
        await expect(dialog).to_be_hidden()
        await expect(li.locator("#main")).to_contain_text("cousin is on the way")
        await li.keyboard.press("r")
        await expect(dialog.get_by_label("Note")).to_have_value("")


async def test_what_is_typed_outlives_the_console(duty_desk: Desk, desk_dsn: str, tmp_path: Path) -> None:
    """The process is killed while somebody writes, and started again: the page comes back with her dialog and note."""
    night = duty_desk.night
    await duty_desk.account("li")
    incident = await night.raises()
    await night.passes()
    async with AsyncExitStack() as consoles:
        first = await consoles.enter_async_context(serving(desk_dsn, tmp_path))
        desk = replace(duty_desk, url=first.url)
        async with desk.window("li", path=f"/incidents/{incident}") as li:
            await expect(li.locator(".timeline li").first).to_be_visible()
            await li.keyboard.press("o")
            dialog = li.get_by_role("dialog")
            await dialog.get_by_label("Assistance").check()
            await dialog.get_by_label("Note").fill("她摔倒了，没有受伤")
            first.process.kill()
            await first.process.wait()
            await expect(dialog.get_by_role("alert")).to_contain_text("No connection to the console")
            port = urlsplit(first.url).port
            await li.evaluate("window.before = true")
            await consoles.enter_async_context(serving(desk_dsn, tmp_path, port=port))
            await li.wait_for_function("!window.before && document.querySelector('dialog[open]')")
            await expect(dialog.get_by_label("Assistance")).to_be_checked()
            await expect(dialog.get_by_label("Note")).to_have_value("她摔倒了，没有受伤")
            await dialog.get_by_role("button", name="It is over").click()
            await expect(li.locator(".headline .state")).to_have_text("Resolved")
            await li.reload()
            await expect(li.locator(".headline .state")).to_have_text("Resolved")
            assert await li.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('draft'))") == []
