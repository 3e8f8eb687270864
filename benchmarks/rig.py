"""What benchmarks of ingest stand on: broker, database, a town of devices, lanes and publishers, each a process."""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import psycopg

from benchmarks.brokers import Broker, Kind, broker
from benchmarks.publisher import Order
from carewatch.embedded.postgres import PostgresServer
from ingest.config import LaneName
from store.migrate import migrate

_TOWN = """
INSERT INTO organisations (code, kind, name, cell) VALUES ('town', 'town', 'Town', 'town');
INSERT INTO device_models VALUES ('bench', 'call_button', 'native', '1 h'), ('z', 'smoke_alarm', 'zigbee2mqtt', '1 h');
INSERT INTO households (code, organisation_id, community, address)
SELECT 'home-' || n, (SELECT id FROM organisations), 'c', 'a' FROM generate_series(1, {0}) n;
INSERT INTO devices (device_id, cell, organisation_id, model, household_id, address, registered_at,
                     bound_at)
SELECT 'device-' || h.id, 'town', h.organisation_id, 'bench', h.id, NULL, now(), now() FROM households h
UNION ALL
SELECT 'smoke-' || h.id, 'town', h.organisation_id, 'z', h.id, 'zigbee2mqtt/smoke-' || h.id, now(), now()
FROM households h;
"""

_STORED = "SELECT count(*) FROM readings"


class Rig:
    """Broker and database of one benchmark, on this machine alone."""

    def __init__(self, broker: Broker, database: PostgresServer, devices: int) -> None:
        self.broker = broker
        self.database = database
        self.devices = devices

    def ask(self, query: str) -> tuple[object, ...]:
        """The first row that ``query`` finds."""
        with psycopg.connect(self.database.dsn, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row

    async def until(self, query: str, wanted: object) -> None:
        """Return once ``query`` finds ``wanted``."""
        async with await psycopg.AsyncConnection.connect(self.database.dsn, autocommit=True) as connection:
            while (await (await connection.execute(query.encode())).fetchone()) != (wanted,):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # it changes in another process: there is no event to wait for

    @asynccontextmanager
    async def lane(self, lane: LaneName) -> AsyncIterator[Process]:
        """A lane at work; a canary of its own has come through, so that it hears what is published from now on."""
        config = {"dsn": self.database.dsn, "broker_url": self.broker.url, "lane": lane}
        argv = [sys.executable, "-P", "-m", "benchmarks.lane", msgspec.json.encode(config).decode()]
        (began,) = self.ask("SELECT now()::text")
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.DEVNULL)
        try:
            await self.until(f"SELECT count(*) FROM leases WHERE name = 'ingest-p00-{lane}' AND until > now()", 1)
            heard = f"lane = 'ingest-p00-{lane}' AND committed_at > '{began}'"
            await self.until(f"SELECT count(*) FROM canaries WHERE {heard}", 1)
            yield process
        finally:
            process.terminate()
            await process.wait()

    async def publish(self, orders: Sequence[Order]) -> float:
        """Have publishers speak, each in a process of its own, until the broker has everything; what processor time
        they took, in seconds.
        """

        return sum(await asyncio.gather(*(speak(order) for order in orders)))


async def speak(order: Order) -> float:
    """Have a process of its own carry out ``order``; what processor time it took, in seconds."""
    argv = [sys.executable, "-P", "-m", "benchmarks.publisher", msgspec.json.encode(order).decode()]
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    return float(said)


class Storing:
    """Knows when what was ordered from its making on is stored: once the last reading of each publisher is, for a lane
    commits in the order in which it hears. To count them all time and again would cost the database more than storing.
    """

    def __init__(self, town: Rig, orders: Sequence[Order]) -> None:
        self._town = town
        self.orders = orders
        last = [f"device-{one.first_device + (one.messages - 1) % one.devices}" for one in orders]
        keys = town.ask("SELECT array_agg(id) FROM devices WHERE device_id IN ('{}')".format("', '".join(last)))[0]
        self._query = (
            f"SELECT count(*) FROM readings WHERE device_key = ANY ('{{{', '.join(map(str, _listed(keys)))}}}')"
        )
        self._wanted = self._count(self._query) + sum((one.messages - 1) // one.devices + 1 for one in orders)
        self._all_wanted = self._count(_STORED) + sum(one.messages for one in orders)

    def _count(self, query: str) -> int:
        (found,) = self._town.ask(query)
        assert isinstance(found, int)
        return found

    async def done(self) -> None:
        """Return once the last is stored."""
        await self._town.until(self._query, self._wanted)

    def check(self) -> None:
        """Count them, once: none may be missing."""
        assert self._count(_STORED) == self._all_wanted


def _listed(found: object) -> list[object]:
    assert isinstance(found, list)
    return found


async def note_commits(folder: Path) -> None:
    """Make the database in ``folder``, which is to keep the time of each commit."""
    async with PostgresServer(folder):
        (folder / "cluster" / "operator.conf").write_text("track_commit_timestamp = on\n")


@asynccontextmanager
async def rig(*, devices: int, kind: Kind = Kind.NATS) -> AsyncIterator[Rig]:
    """Broker and database, durable, with a town of ``devices`` buttons and as many foreign smoke alarms."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="carewatch-bench-")))
        await note_commits(folder / "pg")
        database = await stack.enter_async_context(PostgresServer(folder / "pg"))
        serving = await stack.enter_async_context(broker(folder / "broker", kind))
        migrate(database.dsn)
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            connection.execute(_TOWN.format(devices).encode())
            connection.execute("ANALYZE")
        yield Rig(serving, database, devices)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()

    @property
    def s(self) -> float:
        """So far."""
        return time.monotonic() - self._begun_s
