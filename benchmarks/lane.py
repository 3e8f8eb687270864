"""A lane as `carewatch run` would run it, for benchmarks: ``python -P -m benchmarks.lane <config as JSON>``."""

import asyncio
import signal
import sys

import uvloop

from carewatch.processes import PROCESSES, ProcessName
from domain.health import Health
from ingest.config import IngestConfig
from ingest.lane import run
from store.pool import DatabaseClock, open_database


async def serve(config: IngestConfig) -> None:
    """Serve until SIGTERM."""
    PROCESSES[ProcessName(f"ingest-{config.lane}")].prioritise()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_database(config.dsn, "benchmark clock") as database:
        await run(config, DatabaseClock(database), stop, Health())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(IngestConfig.model_validate_json(sys.argv[1])))
