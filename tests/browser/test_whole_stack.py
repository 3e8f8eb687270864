"""The desk before the whole stack: presses come over MQTT, phones ring; the console may be slow or dead meanwhile."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fixtures.browsers import PATIENCE_MS
from fixtures.consoles import Desk
from fixtures.nights import Night
from fixtures.town import DAUGHTER, Town, build_town
from playwright.async_api import Browser, expect

from alerting.deployment import Deployment
from carewatch.private import PrivateInstallation, running
from carewatch.processes import ProcessName
from carewatch.supervise import Supervisor
from simulator.fleet.in_hand import DeviceInHand
from simulator.phone.people import Answers, Person
from simulator.phone.remote import RemotePhone
from store.pool import open_database

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)

_WITHIN_S = 60.0


@dataclass(frozen=True)
class _Stack:
    desk: Desk
    supervisor: Supervisor
    broker: str

    def console(self) -> int:
        """The process that serves the console now."""
        pid = next(one.pid for one in self.supervisor.statuses() if one.name == ProcessName.CONSOLE)
        assert pid is not None
        return pid

    async def press(self, home: int) -> None:
        """Press the button of a home; the broker has it."""
        async with DeviceInHand(self.broker, "qinghe", f"button-{home}") as button:
            journey = button.press()
            await anext(button.receipts(journey))

    async def accepted(self, home: int) -> None:
        """Return once the daughter has said, on the phone, that she goes to this home."""
        async with asyncio.timeout(_WITHIN_S):
            while not await self._is_accepted(home):  # noqa: ASYNC110 - another process does it: there is no event
                await asyncio.sleep(0.1)

    async def _is_accepted(self, home: int) -> bool:
        rows = await self.desk.night.query(
            """SELECT n.id FROM incidents i JOIN households h ON h.id = i.household_id
               JOIN notifications n ON n.incident_id = i.id AND n.answer = 'accept' AND n.channel = 'voice'
               WHERE h.code = %s AND i.state = 'acknowledged'""",
            f"home-{home}",
        )
        return bool(rows)


@asynccontextmanager
async def _stack(folder: Path, browser: Browser) -> AsyncIterator[_Stack]:
    """Every process of an installation, and a daughter who answers the phone and accepts."""
    installation = PrivateInstallation(folder, Deployment.SIMULATION)
    settings = installation.settings
    towns: list[Town] = []

    async def prepare() -> None:
        async with open_database(settings.database_dsn, "test") as database, database.transaction() as connection:
            towns.append(await build_town(connection, homes=3, now=datetime.now(UTC)))

    async with (
        running(installation, prepare=prepare) as supervisor,
        RemotePhone(installation.phone_url) as phone,
        open_database(settings.database_dsn, "test") as database,
    ):
        await phone.register(Person(number=DAUGHTER, temper=Answers(after_s=1, keys=("1",) * 9, listens_s=1)))
        desk = Desk(Night(database, towns[0]), settings.console.console_url, browser)
        yield _Stack(desk, supervisor, settings.broker)


def _stands_still(pid: int) -> bool:
    """Whether a process is stopped. Source: proc(5), /proc/[pid]/stat, state T."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def test_a_press_over_mqtt_is_seen_and_heard_and_no_call_waits_for_the_console(
    tmp_path: Path, browser: Browser
) -> None:
    """A press appears on the open desk and sounds. The console is stopped, then killed: presses are called for, the
    TwiML of their calls is answered and the acceptance counts before it serves again; then the desk shows it.
    """
    async with _stack(tmp_path, browser) as stack:
        desk = stack.desk
        await desk.account("li")
        async with desk.window("li") as li:
            await expect(li.get_by_text("Nothing is open.")).to_be_visible()
            await stack.press(1)
            rows = li.locator("[data-row]")
            await expect(rows).to_contain_text("SOS · Mrs 张")
            await expect(li.locator("body")).to_have_attribute("data-sounding", "2")
            await stack.accepted(1)
            await expect(rows).to_contain_text("daughter on the way")
            await expect(li.locator("body")).to_have_attribute("data-sounding", "")

            stopped = stack.console()
            os.kill(stopped, signal.SIGSTOP)
            try:
                await stack.press(2)
                await stack.accepted(2)
                assert _stands_still(stopped)
                assert await rows.count() == 1
            finally:
                os.kill(stopped, signal.SIGCONT)
            await expect(rows).to_have_count(2)

            os.kill(stopped, signal.SIGKILL)
            await stack.press(3)
            await stack.accepted(3)
            await expect(rows).to_have_count(3)
            assert stack.console() != stopped
