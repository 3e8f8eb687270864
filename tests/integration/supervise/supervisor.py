"""A supervisor to be stopped or killed: keeps a database and two idle programs, tells their ids, and obeys signals.

Run as `python supervisor.py FOLDER`.
"""

import asyncio
import json
import sys
from pathlib import Path

from carewatch.embedded.postgres import PostgresServer
from carewatch.supervise import Program, Supervisor, stop_on_signals

IDLE = "import time; time.sleep(600)"


async def main(folder: Path) -> None:
    async with stop_on_signals() as stop, Supervisor() as supervisor:
        await supervisor.bring_up(PostgresServer(folder / "postgres"))
        for name in ("ingest", "engine"):
            await supervisor.bring_up(Program(name, [sys.executable, "-c", IDLE]))
        sys.stdout.write(json.dumps({status.name: status.pid for status in supervisor.statuses()}) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
