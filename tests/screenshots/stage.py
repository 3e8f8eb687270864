"""What is to be seen on the pictures: a simulated town on a private installation, brought from one scene to the next by
alarms that its devices really send.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from alerting.answers import Answer, give
from alerting.deployment import Deployment
from alerting.visits import mark
from carewatch.private import PrivateInstallation, running
from devices.model import DeviceKind, Hazard, Protocol
from domain.area import HomeState
from domain.consent import ConsentPurpose
from domain.incident import IncidentId, Outcome, SubjectKind
from domain.notification import AnswerKind, Via
from domain.people import Language, ResponderId
from domain.permissions import Role, Scope
from simulator.enrolment import records
from simulator.fleet.in_hand import DeviceInHand
from simulator.fleet.outfit import Device
from simulator.phone.remote import RemotePhone
from simulator.platform import Platform, SeenIncident
from simulator.responders import COUNTY
from simulator.town.telephone import move_in
from simulator.town.town import Town
from store.accounts import add_key, add_user, hash_password
from store.incidents import OwnAlarm, raise_own
from store.pool import Database, DatabaseClock, open_database
from store.registry import Noun, save

PASSWORD: Final = "eleven wild geese fly south"
_HOMES: Final = 70
_WITHIN_S: Final = 180.0
_TRACK: Final = 12  # positions of a wristband, a minute apart

_DEVICES: Final = """
SELECT d.id, d.organisation_id FROM devices d JOIN households h ON h.id = d.household_id WHERE h.code = ANY (%(homes)s)
"""
_SILENT: Final = """
INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, household_id,
                       device_key, area_id, opened_at, last_alarm_at, next_step_at)
SELECT d.mode, 'device', d.id::text, 'device_offline', 5, d.organisation_id, d.organisation_id, d.household_id, d.id,
       %(area)s, %(now)s, %(now)s, %(now)s::timestamptz + interval '1 day'
FROM devices d WHERE d.id = ANY (%(devices)s)
"""

NAMES: Final = {Language.EN: "li.hong", Language.ZH: "li-hong"}
"""One operator for each language."""


class Stage:
    """The installation, and its town."""

    def __init__(self, installation: PrivateInstallation, platform: Platform, town: Town) -> None:
        self.console_url = installation.settings.console.console_url
        self.public_url = installation.settings.public_url
        self._dsn = installation.settings.database_dsn
        self._broker = installation.settings.broker
        self._platform = platform
        self._town = town
        self._began = datetime.now(UTC) - timedelta(minutes=1)
        self._used: set[str] = set()

    async def press(
        self, hazard: Hazard, kind: DeviceKind, *, answered: bool | None = None, times: int = 1
    ) -> list[str]:
        """Devices of ``kind`` in homes that nothing has happened to raise an alarm; those homes, by code. Where
        ``answered``, the first who is called accepts at once; where not, not; None: whichever.
        """
        chosen = list(self._fresh(kind, answered))[:times]
        assert len(chosen) == times, f"the town has {len(chosen)} homes for {times} of {hazard}"
        for device in chosen:
            self._used.add(device.home)
            async with DeviceInHand(self._broker, device.cell, device.device_id) as in_hand:
                in_hand.press(hazard)
                await self.incident(device.home)
        return [device.home for device in chosen]

    def _fresh(self, kind: DeviceKind, answered: bool | None) -> Iterator[Device]:
        for device, outfit in self._town.devices():
            fits = device.model.kind is kind and device.model.protocol is Protocol.NATIVE
            wanted = answered is None or self._town.comes_at_once(outfit) is answered
            if fits and wanted and device.home not in self._used:
                yield device

    async def walks(self, home: str) -> None:
        """The wristband of this home has been carried away from it, and says so; the duty desk may know where to."""
        place = next(outfit.home.place for outfit in self._town.outfits if outfit.home.code == home)
        worn = [one for one, _ in self._town.devices() if one.home == home and one.model.kind is DeviceKind.WRISTBAND]
        consents = [
            {"resident": one.resident, "purpose": purpose.value, "recipient": "duty_desk", "given_by": "resident"}
            for one in worn
            for purpose in (ConsentPurpose.LOCATION, ConsentPurpose.HEALTH)
        ]
        async with self._database() as database, database.transaction() as connection:
            await save(connection, Noun.CONSENTS, consents, now=datetime.now(UTC))
        for device in worn:
            async with DeviceInHand(self._broker, device.cell, device.device_id) as in_hand:
                for step in range(_TRACK):
                    await in_hand.measure(
                        {
                            "lat": place.lat + step * 2.2e-4,
                            "lon": place.lon + step * 1.1e-4,
                            "accuracy_m": 12.0,
                            "heart_rate_bpm": 72 + 3 * step,
                            "battery_pct": 64.0,
                        }
                    )

    async def incident(self, home: str, *states: str) -> int:
        """The newest incident of ``home``, once it stands in one of ``states``."""

        def there(found: Sequence[SeenIncident]) -> int | None:
            return next((one.id for one in found if one.household == home), None)

        return await self._until(there, states)

    async def end(self, home: str, outcome: Outcome) -> None:
        """Whoever goes is there, and it is over."""
        incident = await self.incident(home, "acknowledged")
        who = (await self._platform.whole(incident)).participations[0].responder
        async with self._database() as database, database.transaction() as connection:
            row = await (await connection.execute("SELECT id FROM responders WHERE code = %s", (who,))).fetchone()
            assert row is not None
            for kind in (AnswerKind.ARRIVE, AnswerKind.CLOSE):
                answer = Answer(
                    incident_id=IncidentId(incident),
                    kind=kind,
                    via=Via.CONSOLE,
                    by=f"user:{NAMES[Language.EN]}",
                    responder_id=ResponderId(row[0]),
                    outcome=outcome if kind is AnswerKind.CLOSE else None,
                )
                assert not (await give(connection, answer, now=datetime.now(UTC))).refused

    def _database(self) -> AbstractAsyncContextManager[Database]:
        return open_database(self._dsn, "screenshots", size=1)

    async def goes_dark(self, states: Sequence[HomeState]) -> int:
        """As many homes that nothing has happened to as there are ``states`` fall silent together, and an operator
        has learned so of each; the area incident. A town this small is too few for the engine to find one by itself.
        """
        homes = [one.home.code for one in self._town.outfits if one.home.code not in self._used][: len(states)]
        self._used.update(homes)
        now, by = datetime.now(UTC), f"user:{NAMES[Language.EN]}"
        async with self._database() as database, database.transaction() as connection:
            cursor = await connection.execute(_DEVICES, {"homes": homes})
            devices = await cursor.fetchall()
            alarm = OwnAlarm(
                source="areas",
                identity="dark",
                hazard=Hazard.AREA_OUTAGE,
                subject_kind=SubjectKind.ORGANISATION,
                subject_id=str(devices[0][1]),
                organisation_id=devices[0][1],
                reason="silent_together",
                evidence={"devices": len(devices), "homes": len(homes)},
            )
            raised = await raise_own(connection, alarm, now=now)
            assert raised is not None
            keys = [device for device, _ in devices]
            await connection.execute(_SILENT, {"devices": keys, "area": raised[0], "now": now})
            for home, state in zip(homes, states, strict=True):
                if state is not HomeState.NOT_ASKED:
                    assert await mark(connection, raised[0], home, state, by=by, now=now) is None
        return raised[0]

    async def waiting(self, count: int) -> None:
        """Until so many are unresolved."""
        await self._until(lambda found: len(found) if len(found) >= count else None, ("open", "acknowledged"))

    async def _until(self, there: Callable[[Sequence[SeenIncident]], int | None], states: Sequence[str]) -> int:
        async with asyncio.timeout(_WITHIN_S):
            while True:
                found = there(await self._platform.incidents(self._began, states))
                if found is not None:
                    return found
                await asyncio.sleep(0.2)

    async def link(self, home: str, answer: AnswerKind | None = None) -> str:
        """The page of a message about the newest incident of ``home`` that was answered so, or not yet."""
        incident = await self.incident(home)
        async with self._database() as database, database.transaction() as connection:
            cursor = await connection.execute(
                """SELECT token FROM notifications
                   WHERE incident_id = %s AND responder_id IS NOT NULL AND answer IS NOT DISTINCT FROM %s
                   ORDER BY id LIMIT 1""",
                (incident, answer),
            )
            row = await cursor.fetchone()
        assert row is not None
        return f"{self.public_url}/r/{row[0]}"


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Everything set up below ``folder`` and running, until the block ends."""
    installation = PrivateInstallation(folder, Deployment.SIMULATION)
    town = Town.drawn(1, _HOMES)
    enrolled = records(town.outfits, town.responders, desk_may_see=True)
    async with running(installation):
        key = await _admit(installation.settings.database_dsn, enrolled[0].body)
        async with (
            Platform(installation.settings.public_url, key) as platform,
            RemotePhone(installation.phone_url) as phone,
        ):
            await platform.enrol(enrolled)
            await move_in(town, phone)
            yield Stage(installation, platform, town)


async def _admit(dsn: str, county: dict[str, Any]) -> str:
    """The accounts of the pictures, and a key for the town."""
    async with open_database(dsn, "screenshots", size=1) as database:
        now = await DatabaseClock(database).refresh()
        async with database.transaction() as connection:
            await save(connection, Noun.ORGANISATIONS, [county], now=now)
            made = await add_key(connection, name="screenshots", organisation=COUNTY, scopes=list(Scope), now=now)
            for language, name in NAMES.items():
                assert await add_user(
                    connection,
                    name=name,
                    organisation=COUNTY,
                    role=Role.SUPERVISOR,
                    language=language,
                    password_hash=hash_password(PASSWORD),
                )
    assert made is not None
    return made[1]
