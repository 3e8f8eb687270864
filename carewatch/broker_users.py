"""Who may come in at the embedded broker: CareWatch itself, and every device in use that has a password."""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from carewatch.embedded.nats import NatsServer
from carewatch.importing.broker_files import PlatformUser, write_nats_users
from carewatch.settings import Settings
from store.credentials import BrokerUser, broker_users
from store.errors import StoreError
from store.pool import open_database

log = structlog.get_logger(__name__)

_LOOK_EVERY_S: Final = 5.0


class BrokerUsers:
    """The users file of the embedded broker, kept in step with the devices."""

    def __init__(self, settings: Settings, broker: NatsServer, file: Path) -> None:
        self._settings = settings
        self._broker = broker
        self._file = file
        self._written: list[BrokerUser] | None = None

    async def write(self) -> bool:
        """Write the file if anything has changed; whether it had. Raises StoreError."""
        login = self._settings.broker_login
        assert login is not None
        async with (
            open_database(self._settings.database_dsn, "carewatch broker users", size=1) as database,
            database.transaction() as connection,
        ):
            users = await broker_users(connection)
        if users == self._written:
            return False
        growing = self._file.with_suffix(".new")
        write_nats_users(growing, users, PlatformUser(*login))
        growing.replace(self._file)
        self._written = users
        return True

    async def keep(self) -> None:
        """Let devices in, and out, within seconds of the change; never ends by itself."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                if await self.write():
                    self._broker.reload()
                    log.info("the broker has new users")
            except StoreError as error:
                log.warning("the broker's users could not be looked at", error=str(error))
