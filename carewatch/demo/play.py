"""The demo from its first second to its summary."""

import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from alerting.deployment import Deployment
from carewatch.admission import found
from carewatch.demo.figures import Tally
from carewatch.demo.telling import SettingUp, Teller
from carewatch.private import STEPS, PrivateInstallation, running
from carewatch.supervise import stop_on_signals
from devices.model import DeviceKind
from devices.native import Stage
from domain.people import Language
from domain.permissions import Role
from simulator.attendance import Attendance
from simulator.clock import AcceleratedClock
from simulator.enrolment import Record, records
from simulator.phone.remote import RemotePhone
from simulator.platform import Platform, SeenIncident
from simulator.responders import COUNTY
from simulator.scenario import Journey
from simulator.town.living import Living
from simulator.town.story import Happening, Kind
from simulator.town.telephone import listen, move_in
from simulator.town.town import Town
from store.accounts import add_user, every_user, hash_password
from store.pool import DatabaseClock, open_database

HOMES: Final = 30
USER: Final = "demo"
_JOURNEY: Final = Journey(median_s=15, spread=0.3, on_scene_s=12)
"""In a village one is there soon; and whoever looks on wants to see the end."""
_LOOKS_BACK: Final = timedelta(days=30)
"""What an earlier demo in the same folder has left open is attended to as well."""


class Demo:
    """A town on a private installation, told as a story on ``console``."""

    def __init__(self, console: Console, folder: Path, *, seed: int, console_port: int | None) -> None:
        ports = {} if console_port is None else {"console": console_port}
        self._console = console
        self._teller = Teller(console)
        self._installation = PrivateInstallation(folder, Deployment.DEMO, **ports)
        self._clock = AcceleratedClock()
        self._town = Town.drawn(seed, HOMES)
        self._tally = Tally()
        self._began_s = time.monotonic()
        self._helped_s: float | None = None

    async def play(self, minutes: float | None) -> bool:
        """Set everything up and play for ``minutes``, or until a signal asks to stop; whether anybody was helped.

        Raises EmbeddedServerError, NotServing, StoreError or SimulatorError.
        """
        async with stop_on_signals() as stop:
            playing = asyncio.create_task(self._play(minutes))
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                self._console.print("ending in good order …")
            for task in (playing, stopped):
                task.cancel()
            outcome, _ = await asyncio.gather(playing, stopped, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome
        self._teller.sum_up(self._tally)
        return self._helped_s is not None

    async def _play(self, minutes: float | None) -> None:
        settings = self._installation.settings
        async with AsyncExitStack() as stack:
            enrolled = records(self._town.outfits, self._town.responders, desk_may_see=True)
            living = Living(self._town, settings.broker, self._clock, self._tell)
            steps = STEPS + len(enrolled) + len(self._town.responders) + living.connections
            with SettingUp(self._console, steps) as setting_up:
                await stack.enter_async_context(running(self._installation, step=setting_up.step))
                key, password = await self._admit(enrolled[0].body)
                platform = await stack.enter_async_context(Platform(settings.public_url, key))
                phone = await stack.enter_async_context(RemotePhone(self._installation.phone_url))
                await stack.enter_async_context(living)
                await self._move_in(setting_up, platform, phone, living, enrolled)
            self._introduce(password)
            attendance = Attendance(
                platform,
                self._clock,
                datetime.now(UTC) - _LOOKS_BACK,
                _JOURNEY,
                self._town.seed,
                self._attended(living),
            )
            acts = (listen(self._town, phone, self._tell), living.live_quietly(), living.suffer(), attendance.run())
            await _together(acts, minutes)

    async def _admit(self, county: Mapping[str, Any]) -> tuple[str, str]:
        """An API key for the town, and the password of the console's user; the folder remembers the password."""
        remembered = self._installation.folder / "console-password"
        async with open_database(self._installation.settings.database_dsn, "carewatch demo", size=1) as database:
            now = await DatabaseClock(database).refresh()
            async with database.transaction() as connection:
                key = await found(connection, county, name="demo", now=now)
                if USER not in {account.name for account in await every_user(connection)}:
                    remembered.touch(mode=0o600)
                    remembered.write_text(secrets.token_urlsafe(9))
                    await add_user(
                        connection,
                        name=USER,
                        organisation=COUNTY,
                        role=Role.SUPERVISOR,
                        language=Language.ZH,
                        password_hash=hash_password(remembered.read_text()),
                    )
        return key, remembered.read_text()

    async def _move_in(
        self,
        setting_up: SettingUp,
        platform: Platform,
        phone: RemotePhone,
        living: Living,
        enrolled: Sequence[Record],
    ) -> None:
        await platform.enrol(enrolled, lambda done: setting_up.advance("enrolling the town"))
        setting_up.done(f"{HOMES} homes with {sum(1 for _ in self._town.devices())} devices are enrolled")
        await move_in(self._town, phone, lambda: setting_up.advance("putting people at their phones"))
        setting_up.begin("connecting devices")
        await living.connect(setting_up.reached)
        setting_up.done(f"{living.connections} devices are connected")

    def _introduce(self, password: str) -> None:
        settings = self._installation.settings
        device = next(one.device_id for one, _ in self._town.devices() if one.model.kind is DeviceKind.CALL_BUTTON)
        here = f"{_command()} --config {self._installation.config}"
        lines = (
            f"The town lives ({time.monotonic() - self._began_s:.0f} s after the start). Ctrl-C ends it.",
            f"  console           {settings.console.console_url}   user {USER}   password {password}",
            f"  REST interface    {settings.public_url}/api/v1/openapi.json",
            f"  press a button    {here} send {device}",
            f"  look at incidents {here} incidents",
            "",
        )
        for line in lines:
            self._console.print(line, markup=False, soft_wrap=True)

    def _tell(self, happening: Happening) -> None:
        self._tally.take(happening)
        self._teller.tell(happening)
        if self._helped_s is None and happening.stage is Stage.ACCEPTED:
            self._helped_s = time.monotonic() - self._began_s
            self._console.print(f"first accepted {self._helped_s:.0f} s after the start", style="bold green")

    def _attended(self, living: Living) -> Callable[[SeenIncident, str, str], None]:
        names = {one.code: one.name for one in self._town.responders}

        def attended(incident: SeenIncident, deed: str, who: str) -> None:
            home = incident.household
            name, resident = names.get(who, who), self._town.who(home)
            arrived = deed == "arrive"
            self._tell(
                Happening(
                    at=self._clock.now(),
                    kind=Kind.ARRIVAL if arrived else Kind.OUTCOME,
                    text=f"{name} is with {resident}" if arrived else f"{name} says how it ended: assistance",
                    home=home,
                    stage=Stage.ACCEPTED if arrived else Stage.RESOLVED,
                )
            )
            if home is not None and not arrived:
                living.calm(home)

        return attended


def _command() -> str:
    """How this program is called from a shell in this folder."""
    script = Path(sys.executable).with_name("carewatch")
    if not script.exists():
        return f"{sys.executable} -P -m carewatch"
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)


async def _together(acts: Iterable[Coroutine[Any, Any, None]], minutes: float | None) -> None:
    """Let ``acts``, which never end by themselves, go on for ``minutes``, or until one of them fails."""
    tasks = [asyncio.create_task(act) for act in acts]
    try:
        limit_s = None if minutes is None else minutes * 60
        done, _ = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
