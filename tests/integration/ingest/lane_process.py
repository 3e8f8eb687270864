"""A lane as a process of its own, which a test may kill: ``lane_process.py <config as JSON> [deaf]``.

``deaf``: everything is committed and nothing acknowledged, as if it died between the two, again and again.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence

import uvloop

from domain.health import Health
from ingest.config import IngestConfig
from ingest.lane import run
from ingest.session import BrokerSession
from store.pool import DatabaseClock, open_database


def _withhold(_: BrokerSession, __: Sequence[int]) -> None:
    """Acknowledge nothing."""


async def main(config: IngestConfig) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_database(config.dsn, "test lane clock") as database:
        await run(config, DatabaseClock(database), stop, Health())


if __name__ == "__main__":
    if sys.argv[2:] == ["deaf"]:
        BrokerSession.acknowledge = _withhold  # type: ignore[method-assign, assignment]  # dies just there
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(IngestConfig.model_validate_json(sys.argv[1])))
