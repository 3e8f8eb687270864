"""How a command gets at the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import typer
import uvloop

from carewatch.commands.shared import settings_of
from store.pool import Database, DatabaseClock, open_database

T = TypeVar("T")


def with_database(context: typer.Context, name: str, work: Callable[[Database, datetime], Awaitable[T]]) -> T:
    """Do ``work`` on the database of the settings, at care time now. Raises SettingsFault, StoreError."""
    dsn = settings_of(context).database_dsn

    async def connected() -> T:
        async with open_database(dsn, f"carewatch {name}", size=2) as database:
            return await work(database, await DatabaseClock(database).refresh())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(connected())
