"""The whole thread, with real OS processes: a press over MQTT, a call at the phone network, a key, a receipt."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from fixtures.town import DAUGHTER, SON, build_town

from carewatch.settings import Settings, load
from devices.native import Stage
from simulator.errors import Refused
from simulator.fleet.in_hand import DeviceInHand
from simulator.fleet.witness import Journey
from simulator.phone.control import CallView
from simulator.phone.people import Person
from simulator.phone.remote import RemotePhone
from store import incident_views, timeline
from store.incident_views import IncidentFilter
from store.pool import Database, open_database

WITHIN_S = 100.0
COMMAND = [sys.executable, "-P", "-m", "carewatch"]


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation, seen from outside."""

    settings: Settings
    process: subprocess.Popen[str]

    def kill(self, name: str) -> None:
        """Kill -9 one of its processes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip().isdigit()

    async def well(self, name: str) -> None:
        """Wait until a process says that it is well."""

        async def is_well() -> bool:
            try:
                async with httpx.AsyncClient(trust_env=False) as client:
                    return (await client.get(f"{self.settings.observe.url(name)}/health")).status_code == 200
            except httpx.HTTPError:
                return False

        await eventually(is_well)

    async def known(self, devices: int) -> None:
        """Wait until the alarm lane knows so many devices."""

        async def knows() -> bool:
            async with httpx.AsyncClient(trust_env=False) as client:
                said = (await client.get(f"{self.settings.observe.url('ingest-alarm')}/metrics")).text
            return re.search(rf"^carewatch_ingest_devices{{.*}} {devices}\.0$", said, re.MULTILINE) is not None

        await eventually(knows)


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not await holds():
        assert time.monotonic() < deadline_s, f"{holds} did not hold within {WITHIN_S:g} s"
        await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A private installation of real processes, for all stories of this file."""
    folder = tmp_path_factory.mktemp("installation")
    script = str(Path(__file__).with_name("installation.py"))
    with subprocess.Popen(
        [sys.executable, "-P", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        config = process.stdout.readline().strip()
        assert config, f"it did not start; see {folder / 'log'}"
        yield Installation(load(Path(config), environment=False), process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


@contextlib.asynccontextmanager
async def of_the_town(installation: Installation) -> AsyncIterator[tuple[Database, RemotePhone]]:
    """The town of the tests is enrolled; daughter and son are on the phone, played by hand."""
    assert installation.settings.twilio is not None
    async with (
        open_database(installation.settings.database_dsn, "test") as database,
        RemotePhone(installation.settings.twilio.base_url) as phone,
    ):
        async with database.transaction() as connection:
            town = await build_town(connection, homes=4, now=datetime.now(UTC))
        await phone.register(Person(number=DAUGHTER, name="daughter"))
        await phone.register(Person(number=SON, name="son"))
        await installation.known(len(town.devices))
        yield database, phone
        await end_calls(database, phone)


async def end_calls(database: Database, phone: RemotePhone) -> None:
    """Everybody puts the phone down, and the platform knows it: a call that goes on would be told of the next press."""
    for call in await phone.calls():
        with contextlib.suppress(Refused):  # it is over
            await phone.hang_up(call.sid)

    async def over() -> bool:
        async with database.transaction() as connection:
            live = await connection.execute("SELECT FROM calls WHERE live")
            return live.rowcount == 0

    await eventually(over)


async def ringing(phone: RemotePhone, number: str, before: int) -> CallView:
    """The call that rings at ``number``, the first after ``before`` earlier ones."""

    async def rings() -> bool:
        calls = await phone.calls(to=number)
        return len(calls) > before and calls[-1].status == "ringing"

    await eventually(rings)
    return (await phone.calls(to=number))[-1]


async def told(device: DeviceInHand, journey: Journey, stage: Stage) -> str | None:
    """Wait for a receipt, and return who it says is coming."""
    async with asyncio.timeout(WITHIN_S):
        async for receipt in device.receipts(journey):
            if receipt.stage is stage:
                return receipt.by
    return None


async def story(database: Database, home: str) -> tuple[str, list[str]]:
    """The state of the latest incident of a home, and the kinds of what happened."""
    async with database.transaction() as connection:
        [incident] = await incident_views.list_incidents(connection, None, IncidentFilter(household=home))
        return incident.state, [entry.kind for entry in await timeline.entries(connection, incident.id)]


async def test_a_press_becomes_a_call_and_its_key_a_receipt(installation: Installation) -> None:
    """Press, stored, call, key 1, receipt "daughter is coming", and all of it on the timeline, in this order."""
    async with (
        of_the_town(installation) as (database, phone),
        DeviceInHand(installation.settings.broker, "qinghe", "button-1") as button,
    ):
        journey = button.press()
        await told(button, journey, Stage.STORED)
        call = await ringing(phone, DAUGHTER, before=0)
        await phone.answer(call.sid)
        await phone.press(call.sid, "1")
        assert await told(button, journey, Stage.ACCEPTED) == "daughter"
        state, happened = await story(database, "home-1")
        assert state == "acknowledged"
        in_order = [
            kind for kind in happened if kind in ("opened", "ask", "called", "answered_call", "keyed", "accepted")
        ]
        assert in_order == ["opened", "ask", "called", "answered_call", "keyed", "accepted"]
        assert await phone.calls(to=SON) == []
        assert await phone.surprises() == []


async def test_who_presses_again_is_told_at_once_what_holds_already(installation: Installation) -> None:
    """While the daughter's phone rings: somebody is being called. Once she has accepted: she is coming; and nobody had
    to be called for either.
    """
    async with (
        of_the_town(installation) as (database, phone),
        DeviceInHand(installation.settings.broker, "qinghe", "button-4") as button,
    ):
        before = len(await phone.calls(to=DAUGHTER))
        button.press()
        call = await ringing(phone, DAUGHTER, before)
        await told(button, button.press(), Stage.NOTIFIED)
        await phone.answer(call.sid)
        await phone.press(call.sid, "1")
        await eventually(partial(_acknowledged, database, "home-4"))
        assert await told(button, button.press(), Stage.ACCEPTED) == "daughter"
        assert await phone.calls(to=SON) == []


async def _acknowledged(database: Database, home: str) -> bool:
    return (await story(database, home))[0] == "acknowledged"


@pytest.mark.parametrize(("victim", "home"), [("engine", 2), ("sender", 3)])
async def test_whoever_dies_while_the_phone_rings_the_call_is_not_lost_and_nobody_is_called_twice(
    installation: Installation, victim: str, home: int
) -> None:
    """Kill -9 of engine or sender during the call: her key counts, and she is not called a second time for it."""
    async with (
        of_the_town(installation) as (database, phone),
        DeviceInHand(installation.settings.broker, "qinghe", f"button-{home}") as device,
    ):
        before = len(await phone.calls(to=DAUGHTER))
        journey = device.press()
        call = await ringing(phone, DAUGHTER, before)
        installation.kill(victim)
        await phone.answer(call.sid)
        await phone.press(call.sid, "1")
        assert await told(device, journey, Stage.ACCEPTED) == "daughter"
        await installation.well(victim)
        state, happened = await story(database, f"home-{home}")
        assert state == "acknowledged"
        assert (happened.count("called"), happened.count("accepted")) == (1, 1)
        assert len(await phone.calls(to=DAUGHTER)) == before + 1


@pytest.mark.timeout(400)
def test_the_demo_helps_somebody_and_ends(tmp_path: Path) -> None:
    """Unattended, the demo sets itself up, shows a press that is accepted, sums up, and exits with 0."""
    shown = subprocess.run(
        [*COMMAND, "demo", "--folder", str(tmp_path / "demo"), "--minutes", "0.5"],
        capture_output=True,
        text=True,
        timeout=360,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"presses 1: coming", shown.stdout)
    accepted = re.search(r"accepted +(\d+)", shown.stdout)
    assert accepted is not None
    assert int(accepted[1]) >= 1
    assert shown.stderr == ""


@pytest.mark.timeout(400)
def test_the_drill_proves_the_whole_chain() -> None:
    """On a private installation the drill sees every stage, in order, and exits with 0."""
    shown = subprocess.run(
        [*COMMAND, "drill", "--embedded", "--json"], capture_output=True, text=True, timeout=360, check=False
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    said = json.loads(shown.stdout)
    assert (said["ok"], said["missing"]) == (True, [])
    chain = ["incident", "notified", "called", "accepted", "resolved"]
    assert sorted(chain, key=said["after_s"].__getitem__) == chain
