"""The embedded broker lets in whom it should, and only those."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt
from fixtures.town import NOON, build_town

from carewatch.settings import Settings, load
from carewatch.supervise import Supervisor
from carewatch.system import start_servers
from store.credentials import new_credential, set_credentials
from store.pool import open_database


async def admitted(settings: Settings, user: str, password: str) -> bool:
    """True if the broker lets this user in."""
    try:
        async with aiomqtt.Client(
            "127.0.0.1",
            urlsplit(settings.broker).port or 0,
            identifier=user,
            username=user,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V311,
        ):
            return True
    except aiomqtt.MqttError:
        return False


async def test_a_device_comes_in_with_the_password_it_was_given_within_seconds(tmp_path: Path) -> None:
    """With broker_password nobody is let in but CareWatch, and each device from the moment it has a password."""
    folder = tmp_path / "own"
    settings = load(folder=folder, environment=False, broker_port=0, broker_password="a long enough one")
    credential = new_credential("button-1")
    async with Supervisor() as supervisor:
        users = await start_servers(settings, supervisor)
        assert users is not None
        keeping = asyncio.create_task(users.keep())
        async with open_database(settings.database_dsn, "test") as database, database.transaction() as connection:
            await build_town(connection, now=NOON)
        assert await admitted(settings, "platform", "a long enough one")
        assert not await admitted(settings, "button-1", credential.password)
        async with open_database(settings.database_dsn, "test") as database, database.transaction() as connection:
            assert await set_credentials(connection, [credential]) == {"button-1"}
        deadline_s = time.monotonic() + 60
        while not await admitted(settings, "button-1", credential.password):
            assert time.monotonic() < deadline_s
        assert not await admitted(settings, "button-1", "another password")
        keeping.cancel()
