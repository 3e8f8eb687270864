"""A private installation to be tried from outside: says when it serves, kills what it is told to kill, ends when its
standard input does.

Run as `python installation.py FOLDER`. Lines on standard input: the name of a process, which gets kill -9.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from alerting.deployment import Deployment
from carewatch.logging import LogConfig, configure_logging
from carewatch.private import PrivateInstallation, running


async def main(folder: Path) -> None:
    installation = PrivateInstallation(folder, Deployment.SIMULATION)
    with (installation.logs / "installation.log").open("w") as log:
        configure_logging(LogConfig(), to=log)
        async with running(installation) as supervisor:
            sys.stdout.write(f"{installation.config}\n")
            sys.stdout.flush()
            while line := await asyncio.to_thread(sys.stdin.readline):
                pid = next(one.pid for one in supervisor.statuses() if one.name == line.strip())
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                sys.stdout.write(f"{pid}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
