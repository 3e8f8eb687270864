"""A console that stands still in the middle of what an operator does keeps nobody from being called."""

import asyncio
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures.browsers import PATIENCE_MS
from fixtures.consoles import Desk, serving
from fixtures.nights import Night
from playwright.async_api import expect

from domain.notification import AnswerKind
from store.errors import Contended

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)


async def _one_waits_to_write_the_trail(night: Night) -> None:
    async with asyncio.timeout(60):
        waits = False
        while not waits:
            await asyncio.sleep(0.05)
            waits = bool(
                await night.query(
                    """SELECT pid FROM pg_stat_activity
                       WHERE application_name = 'carewatch console' AND wait_event_type = 'Lock'
                         AND query LIKE 'INSERT INTO audit%%'"""
                )
            )


async def test_a_console_frozen_in_an_act_holds_its_incident_for_seconds(
    duty_desk: Desk, desk_dsn: str, tmp_path: Path
) -> None:
    """Frozen between two statements of a transaction that has the incident: answers and the engine go on soon, what
    it had begun is undone, and once it goes on, so can its operator.
    """
    night = duty_desk.night
    await duty_desk.account("li")
    incident = await night.raises()
    assert await night.passes() == ["daughter voice"]
    async with serving(desk_dsn, tmp_path) as own:
        desk = replace(duty_desk, url=own.url)
        async with desk.window("li", path=f"/incidents/{incident}") as li:
            await expect(li.locator("[data-act='take']")).to_be_enabled()
            try:
                async with night.database.transaction() as gate:
                    await gate.execute("LOCK TABLE audit IN SHARE MODE")
                    await li.keyboard.press("t")
                    await _one_waits_to_write_the_trail(night)
                    own.process.send_signal(signal.SIGSTOP)
                with pytest.raises(Contended):
                    await night.query("SELECT FROM incidents WHERE id = %s FOR NO KEY UPDATE NOWAIT", incident)
                async with asyncio.timeout(30):
                    await night.says("daughter", AnswerKind.DECLINE, incident)
                    assert await night.passes(timedelta(seconds=1)) == ["son voice"]
                assert await night.query("SELECT taken_by FROM incidents") == [(None,)]
            finally:
                own.process.send_signal(signal.SIGCONT)
            await expect(li.get_by_role("status")).to_contain_text("Please try again in a moment.")
            await li.keyboard.press("t")
            await expect(li.get_by_role("status")).to_contain_text("You look after it")
    assert await night.query("SELECT taken_by FROM incidents") == [("user:li",)]
