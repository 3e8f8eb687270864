"""What is wrong with an installation, and how to mend it."""

import asyncio

from carewatch.doctor import broker, database, machine
from carewatch.doctor.finding import Finding
from carewatch.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; takes some seconds."""
    of_broker, of_database, of_processes, of_provider = await asyncio.gather(
        broker.look(settings.broker),
        database.look(settings.database_dsn),
        machine.processes(settings),
        machine.provider(settings),
    )
    return [
        *machine.deployment(settings),
        *of_broker,
        *of_database,
        machine.disk(settings.folder),
        *of_processes,
        of_provider,
    ]
