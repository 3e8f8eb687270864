"""What a reading costs PostgreSQL while the partition of a day fills: processor time, write-ahead log, index.

    python -P -m benchmarks.filling [--readings N] [--devices N] [--batch N]

Batches of readings of devices in any order go into an empty durable database as a lane brings them, without pause. What
packing costs here is not counted.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.usage import cpu_s
from carewatch.embedded.postgres import PostgresServer
from devices.model import Reading
from ingest.commit_thread import SyncConnection
from ingest.packing import days_of, digest_of, quantities, row
from store import partitions, readings
from store.migrate import migrate
from store.pool import conninfo

_STEPS = 10
_SIZES = """
SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, sum(pg_relation_size(i.indexrelid))
FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid
WHERE h.inhparent = 'readings'::regclass
"""


class Day:
    """Readings of one moment after another, all on the same day, each of some device."""

    def __init__(self, devices: int, readings_in_all: int) -> None:
        self._draw = random.Random(1)
        self._devices = devices
        self._at_us = 1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000
        self._gap_us = 86_000_000_000 // readings_in_all

    def batch(self, size: int) -> list[bytes]:
        """The next ``size`` rows."""
        rows = []
        for _ in range(size):
            self._at_us += self._gap_us
            said = quantities(
                Reading(
                    at=self._at_us / 1e6, seq=self._at_us % 100_000, lat=36 + self._draw.random() / 1e5, lon=114.0,
                    accuracy_m=12.5, heart_rate_bpm=float(self._draw.randrange(60, 90)), battery_pct=80.0, worn=True,
                )
            )  # fmt: skip
            device_key = self._draw.randrange(self._devices) + 1
            rows.append(row(device_key, self._at_us, digest_of(said), self._at_us, said))
        return rows


async def main(readings_in_all: int, devices: int, batch: int) -> None:
    """Fill it, and print a line for each tenth."""
    with tempfile.TemporaryDirectory(prefix="carewatch-bench-") as folder:
        async with PostgresServer(Path(folder) / "pg") as server:
            migrate(server.dsn)
            with psycopg.connect(conninfo(server.dsn, "filling"), autocommit=True) as connection:
                day = Day(devices, readings_in_all)
                partitions.ensure_partitions(connection, days_of(day.batch(1)))
                fill(connection, server, day, batch, readings_in_all // _STEPS)


def fill(connection: SyncConnection, server: PostgresServer, day: Day, batch: int, step: int) -> None:
    """Store ``step`` readings and say what they cost, ten times."""
    assert server.pid is not None
    sys.stdout.write(f"{'readings stored':>16}{'us a reading':>14}{'log, bytes':>12}{'index, bytes a reading':>24}\n")
    for tenth in range(1, _STEPS + 1):
        began_s, began_log = cpu_s(server.pid), sizes(connection)[0]
        for first in range(0, step, batch):
            rows = day.batch(min(batch, step - first))
            with connection.transaction():
                readings.copy(connection, rows)
        time.sleep(0.1)  # what PostgreSQL's own processes have begun
        spent_s, (log, index) = cpu_s(server.pid) - began_s, sizes(connection)
        sys.stdout.write(
            f"{tenth * step:>16,}{spent_s / step * 1e6:>14.2f}{(log - began_log) / step:>12.0f}"
            f"{index / (tenth * step):>24.0f}\n"
        )
        sys.stdout.flush()


def sizes(connection: SyncConnection) -> tuple[int, int]:
    """Bytes of log written since the beginning, and of index."""
    found = connection.execute(_SIZES.encode()).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--readings", type=int, default=10_000_000)
    arguments.add_argument("--devices", type=int, default=20_000)
    arguments.add_argument("--batch", type=int, default=2_000)
    options = arguments.parse_args()
    asyncio.run(main(options.readings, options.devices, options.batch))
