"""A launcher to be killed: starts both servers in a folder, says so in one line of JSON, and waits.

Run as `python launcher.py FOLDER`.
"""

import asyncio
import json
import sys
from pathlib import Path

from carewatch.embedded.nats import NatsServer
from carewatch.embedded.postgres import PostgresServer


async def main(folder: Path) -> None:
    async with PostgresServer(folder / "postgres") as postgres, NatsServer(folder / "broker") as broker:
        said = {"dsn": postgres.dsn, "url": broker.url, "pids": [postgres.pid, broker.pid]}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
