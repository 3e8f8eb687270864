"""Whatever dies, hangs or is taken away: nothing acknowledged is lost, nothing counts twice, nobody has to help."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import device, lane_config, lane_process, rows, running, until, until_rows
from fixtures.town import NOON, build_town

from carewatch.embedded.nats import NatsServer
from carewatch.embedded.postgres import PostgresServer
from devices.model import Hazard
from devices.native import encode_alarm
from ingest.config import LaneName
from store import leases
from store.errors import Displaced, mapping
from store.migrate import migrate
from store.pool import Database, conninfo, open_database

AT = NOON.timestamp()


def press(number: int) -> bytes:
    """One press of a button."""
    return encode_alarm(event_id=f"e{number}", hazard=Hazard.SOS, at=AT + number)


@pytest.mark.usefixtures("town")
async def test_killed_between_commit_and_acknowledgement_everything_comes_again_and_counts_once(
    database: Database, dsn: str, broker_url: str
) -> None:
    """Alarms with ids and readings with times; the first process never acknowledges, and is killed. The next one sees
    that it is dead, and does not wait for its lease to run out.
    """
    now = time.time()
    alarm, telemetry = (lane_config(dsn, broker_url, lane, lease_s=600.0) for lane in LaneName)
    async with lane_process(alarm, "deaf") as first, lane_process(telemetry, "deaf") as second:
        await until_rows(database, "SELECT count(*) FROM canaries", [(2,)])
        async with device(broker_url, "button-1") as button:
            for number in range(50):
                await button.publish("care/qinghe/button-1/alarm", press(number), qos=1)
            for number in range(500):
                payload = json.dumps({"at": now - number, "steps": number}).encode()
                await button.publish("care/qinghe/band-1/telemetry", payload, qos=1)
        await until_rows(database, "SELECT count(*) FROM alarms", [(50,)])
        await until_rows(database, "SELECT count(*) FROM readings", [(500,)])
        for killed in (first, second):
            killed.kill()
            await killed.wait()
    async with lane_process(alarm), lane_process(telemetry):
        await until_rows(database, "SELECT count(*), min(repeats) >= 1 FROM alarms", [(50, True)])
        async with device(broker_url, "band-2") as band:
            await band.publish("care/qinghe/band-2/telemetry", json.dumps({"at": now, "steps": 1}).encode(), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(501,)])
    assert await rows(database, "SELECT alarms FROM incidents") == [(50,)]


@pytest.mark.usefixtures("town")
async def test_a_partition_that_changes_hands_again_and_again_loses_and_doubles_nothing(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """The one without the lease stands by, says so, and takes over; its predecessor does not fight for the session."""
    config = lane_config(dsn, broker_url, LaneName.ALARM, lease_s=1.0)
    async with running(config, clock) as first, running(config, clock, standby=True) as second:
        async with device(broker_url, "button-1") as button:
            for number in range(200):
                await button.publish("care/qinghe/button-1/alarm", press(number), qos=1)
                if number in {50, 120}:
                    async with database.transaction() as connection:
                        await connection.execute(
                            "UPDATE leases SET until = '-infinity', fence = fence + 1, holder = 'nobody'"
                            " WHERE name = %s",
                            (config.client_id,),
                        )
                    await until(lambda: first.serving or second.serving)
        await until_rows(database, "SELECT count(*), sum(alarms)::int FROM incidents", [(1, 200)])
        await until(lambda: first.serving != second.serving)
    found = await rows(database, "SELECT fence >= 4 FROM leases")
    assert found == [(True,)]


async def test_once_a_lease_is_taken_over_nothing_of_its_former_holder_is_committed(
    database: Database, dsn: str
) -> None:
    """Whoever takes it waits for what is being written under it, and lets nothing begin after that."""
    async with database.transaction() as connection:
        old = await leases.take(connection, "p", "old", for_s=0.0)
        assert old is not None
    with psycopg.connect(conninfo(dsn, "old")) as writing:
        leases.hold(writing, old)

        async def take_over() -> leases.Lease | None:
            async with database.transaction() as connection:
                return await leases.take(connection, "p", "new", for_s=60.0)

        taking = asyncio.create_task(take_over())
        blocked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await until_rows(database, blocked, [(1,)])
        writing.commit()
        new = await taking
        assert new is not None
        assert new.fence > old.fence
        with pytest.raises(Displaced), mapping():
            leases.hold(writing, old)
    with pytest.raises(Displaced):
        async with database.transaction() as connection:
            await leases.renew(connection, old, for_s=60.0)
    async with database.transaction() as connection:
        assert await leases.take(connection, "p", "third", for_s=1.0) is None
        await leases.give_back(connection, new)
        assert await leases.take(connection, "p", "third", for_s=1.0) is not None


async def test_a_database_that_is_down_is_told_waited_for_and_then_gets_everything(
    tmp_path: Path, broker_url: str, clock: HandClock
) -> None:
    """Messages flow on; the broker keeps what cannot be committed."""
    server = PostgresServer(tmp_path / "pg", durable=False)
    await server.start()
    try:
        migrate(server.dsn)
        async with open_database(server.dsn, "test") as database, database.transaction() as connection:
            await build_town(connection, homes=3)
        await _through_an_outage(server, broker_url, clock)
    finally:
        await server.stop()


async def _through_an_outage(server: PostgresServer, broker_url: str, clock: HandClock) -> None:
    """Both lanes at work, 300 readings and 60 presses, and the database gone for a part of them."""
    alarm, telemetry = (lane_config(server.dsn, broker_url, lane) for lane in LaneName)
    async with (
        running(alarm, clock) as first,
        running(telemetry, clock) as second,
        device(broker_url, "band-1") as band,
    ):
        for number in range(300):
            if number == 100:
                await server.stop()
            if number == 200:
                await until(lambda: not (first.health.conditions["database"].ok or second.serving))
                await server.start()
            await band.publish("care/qinghe/band-1/telemetry", b'{"at": %d, "steps": 1}' % (AT - number), qos=1)
            if number % 5 == 0:
                await band.publish("care/qinghe/button-1/alarm", press(number), qos=1)
        await until(lambda: first.serving and second.serving)
        await until(lambda: first.health.ok and second.health.ok)
        async with open_database(server.dsn, "test") as database:
            await until_rows(database, "SELECT count(*) FROM readings", [(300,)])
            await until_rows(database, "SELECT sum(alarms)::int FROM incidents", [(60,)])


@pytest.mark.usefixtures("town")
async def test_a_broker_that_is_down_is_told_and_waited_for(
    database: Database, dsn: str, tmp_path: Path, clock: HandClock
) -> None:
    """It comes back, and so do we, with nothing to be done by anybody."""
    broker = NatsServer(tmp_path / "broker")
    await broker.start()
    try:
        async with running(lane_config(dsn, broker.url, LaneName.ALARM), clock) as lane:
            async with device(broker.url, "button-1") as button:
                await button.publish("care/qinghe/button-1/alarm", press(1), qos=1)
            await broker.stop()
            await until(lambda: not lane.health.conditions["broker"].ok)
            await broker.start()
            await until(lambda: lane.serving)
            async with device(broker.url, "button-1") as button:
                await button.publish("care/qinghe/button-1/alarm", press(2), qos=1)
            await until_rows(database, "SELECT alarms FROM incidents", [(2,)])
    finally:
        await broker.stop()


class DeafProxy:
    """Stands between lane and broker, and can stop passing anything on while both connections stay open."""

    def __init__(self, broker_url: str) -> None:
        self._port = urlsplit(broker_url).port
        self.passing = asyncio.Event()
        self.passing.set()
        self.accepted = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        self.accepted += 1
        far, on = await asyncio.open_connection("127.0.0.1", self._port)
        for reader, writer in ((near, on), (far, back)):
            task = asyncio.create_task(self._pass_on(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self.passing.wait()
                writer.write(data)
                await writer.drain()
            await self.passing.wait()  # the end of a connection is not passed on either
        except OSError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def deaf_proxy(broker_url: str) -> AsyncIterator[tuple[DeafProxy, str]]:
    """Such a proxy, and its address."""
    proxy = DeafProxy(broker_url)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await proxy.close()
        server.close()
        await server.wait_closed()


@pytest.mark.usefixtures("town")
async def test_a_half_open_connection_is_noticed_and_replaced(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Nobody closes it, nothing comes through: the keep-alive ends it, and the lane connects anew."""
    async with (
        deaf_proxy(broker_url) as (proxy, url),
        running(lane_config(dsn, url, LaneName.ALARM, keep_alive_s=1), clock) as lane,
    ):
        proxy.passing.clear()
        await until(lambda: not lane.health.conditions["broker"].ok)
        assert "no sign of life" in lane.health.conditions["broker"].reason
        before = proxy.accepted
        proxy.passing.set()
        await until(lambda: proxy.accepted > before and lane.serving)
        async with device(broker_url, "button-1") as button:
            await button.publish("care/qinghe/button-1/alarm", press(1), qos=1)
        await until_rows(database, "SELECT alarms FROM incidents", [(1,)])
