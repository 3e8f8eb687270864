"""A disk that is full: shown, waited for, and nothing lost, with a real file system that has no room left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import device, lane_config, running, until, until_rows
from fixtures.town import NOON, build_town

from carewatch.embedded.postgres import PostgresServer
from carewatch.supervise import Supervisor
from ingest.config import LaneName
from store.migrate import migrate
from store.pool import open_database

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 192 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192M,mode=0755", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is; returns the file that holds it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


@pytest.mark.timeout(300)
async def test_a_full_disk_is_told_waited_for_and_loses_nothing(
    small_disk: Path, broker_url: str, clock: HandClock
) -> None:
    """While there is no room nothing is acknowledged; when there is, everything is committed, with nobody's hand."""
    server = PostgresServer(small_disk / "pg")
    async with Supervisor() as supervisor:
        await supervisor.bring_up(server)
        migrate(server.dsn)
        async with open_database(server.dsn, "test") as database, database.transaction() as connection:
            await build_town(connection, homes=1)
        alarm, telemetry = (lane_config(server.dsn, broker_url, lane) for lane in LaneName)
        async with (
            running(alarm, clock) as first,
            running(telemetry, clock) as second,
            device(broker_url, "band-1") as band,
        ):
            ballast = fill(small_disk)
            sent = 0
            while second.health.conditions["database"].ok or sent < 500:
                assert sent < 100_000, "the disk is full and the lane says nothing of it"
                await band.publish(
                    "care/qinghe/band-1/telemetry", b'{"at": %d, "steps": 1}' % (NOON.timestamp() - sent), qos=1
                )
                sent += 1
            await band.publish(
                "care/qinghe/button-1/alarm", b'{"id": "press-1", "hazard": "sos", "state": "raised"}', qos=1
            )
            assert "database" in second.health.conditions
            ballast.unlink()
            await until(lambda: first.serving and second.serving, within_s=120)
            async with open_database(server.dsn, "test") as database:
                await until_rows(database, "SELECT count(*) FROM readings", [(sent,)], within_s=120)
                await until_rows(database, "SELECT sum(alarms)::int FROM incidents", [(1,)], within_s=120)
            await until(lambda: first.health.ok and second.health.ok, within_s=120)
