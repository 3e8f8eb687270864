"""How many devices one process holds, and what each costs: against a bare broker, without the platform.

``python -P -m benchmarks.fleet [DEVICES] [PER_S] [mosquitto]``: connections from one process on this machine, KiB and
connects a second, then 20 s of publishing at the planned rate; prints one JSON object.
"""

import asyncio
import sys
import tempfile
from itertools import islice
from pathlib import Path

import msgspec
import uvloop

from benchmarks.brokers import Kind, broker
from simulator.fleet.outfit import Device, Shares, equip
from simulator.lives.people import Life
from simulator.lives.village import settle
from simulator.load.crowd import generate_all
from simulator.load.generator import Job, connectable
from simulator.scenario import Phase

SECONDS = 20


def devices(count: int) -> tuple[Device, ...]:
    """So many native devices of a village."""
    homes = settle(1, count // 4, {Life.LIVING_ALONE: 1.0})
    found = (one for home in homes for one in connectable(equip(home, 1, Shares(zigbee2mqtt=0)).devices))
    return tuple(islice(found, count))


async def measure(count: int, per_s: float, kind: Kind) -> bytes:
    """Connect, publish, report."""
    phases = (
        Phase(kind="ramp_up", for_s=5, telemetry_per_s=per_s),
        Phase(kind="steady", for_s=SECONDS, telemetry_per_s=per_s),
    )
    with tempfile.TemporaryDirectory() as folder:
        async with broker(Path(folder) / "broker", kind) as serving:
            job = Job(
                devices=devices(count),
                host="127.0.0.1",
                port=serving.port,
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
    kind = Kind(sys.argv[3]) if len(sys.argv) > 3 else Kind.NATS
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(runner.run(measure(count, per_s, kind)) + b"\n")


if __name__ == "__main__":
    main()
