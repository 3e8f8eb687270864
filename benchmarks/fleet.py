"""How many devices one process holds, and what each costs: against a bare broker, without the platform.

``python -P -m benchmarks.fleet [DEVICES] [PER_S] [mosquitto]``: connections from one process on this machine, KiB and
connects a second, then 20 s of publishing at the planned rate; prints one JSON object.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import msgspec
import uvloop

from carewatch.embedded.nats import NatsServer
from simulator.fleet.outfit import Device, Shares, equip
from simulator.lives.people import Life
from simulator.lives.village import settle
from simulator.load.crowd import generate_all
from simulator.load.generator import Job, connectable
from simulator.scenario import Phase

MOSQUITTO_PORT = 18_883
SECONDS = 20


def devices(count: int) -> tuple[Device, ...]:
    """So many native devices of a village."""
    homes = settle(1, count // 4, {Life.LIVING_ALONE: 1.0})
    found = (one for home in homes for one in connectable(equip(home, 1, Shares(zigbee2mqtt=0)).devices))
    return tuple(islice(found, count))


@asynccontextmanager
async def broker(folder: Path, kind: str) -> AsyncIterator[int]:
    """A broker of ``kind``; yields its port."""
    if kind == "nats-server":
        async with NatsServer(folder / "broker") as server:
            yield server.port
        return
    found = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {MOSQUITTO_PORT} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
    process = await asyncio.create_subprocess_exec(found, "-c", str(settings), stderr=asyncio.subprocess.DEVNULL)
    try:
        await asyncio.sleep(1)
        yield MOSQUITTO_PORT
    finally:
        process.terminate()
        await process.wait()


async def measure(count: int, per_s: float, kind: str) -> bytes:
    """Connect, publish, report."""
    phases = (
        Phase(kind="ramp_up", for_s=5, telemetry_per_s=per_s),
        Phase(kind="steady", for_s=SECONDS, telemetry_per_s=per_s),
    )
    with tempfile.TemporaryDirectory() as folder:
        async with broker(Path(folder), kind) as port:
            job = Job(
                devices=devices(count),
                host="127.0.0.1",
                port=port,
                passwords={},
                connects_per_s=2000,
                phases=phases,
                share=1.0,
                seed=1,
            )
            return msgspec.json.format(msgspec.json.encode(await generate_all(job)))


def main() -> None:
    """Print the report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    per_s = float(sys.argv[2]) if len(sys.argv) > 2 else 2000.0
    kind = sys.argv[3] if len(sys.argv) > 3 else "nats-server"
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(runner.run(measure(count, per_s, kind)) + b"\n")


if __name__ == "__main__":
    main()
