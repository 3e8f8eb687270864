"""How many messages a second ingest stores, judged and acknowledged, with broker, database and publishers beside it.

The measure is a subscriber that only discards (``mosquitto_sub -q 1``), fed by the same broker in the same run.
"""

import argparse
import asyncio
import shutil
import sys
from asyncio.subprocess import DEVNULL

from benchmarks.publisher import Order
from benchmarks.rig import Rig, Stopwatch, cpu_s, rig
from ingest.config import LaneName

DEVICES = 2_000
PUBLISHERS = 2
STORED = "SELECT count(*) FROM readings"


def orders(broker_port: int, messages: int, name: str) -> list[Order]:
    """The same flood for whoever listens."""
    share = DEVICES // PUBLISHERS
    return [
        Order(port=broker_port, name=f"{name}-{n}", messages=messages // PUBLISHERS, devices=share,
              first_device=1 + n * share)
        for n in range(PUBLISHERS)
    ]  # fmt: skip


async def discarded(town: Rig, messages: int) -> float:
    """Messages a second that a subscriber which does nothing with them receives."""
    program = shutil.which("mosquitto_sub")
    assert program is not None, "mosquitto_sub is the measure: install mosquitto-clients"
    listening = [
        program,
        "-h",
        "127.0.0.1",
        "-p",
        str(town.broker.port),
        "-q",
        "1",
        "-c",
        "-i",
        "discarding",
        "-V",
        "311",
    ]
    listening += ["-t", "care/+/+/telemetry", "-C", str(messages)]
    process = await asyncio.create_subprocess_exec(*listening, stdout=DEVNULL)
    await asyncio.sleep(1.0)
    watch = Stopwatch()
    await asyncio.gather(town.publish(orders(town.broker.port, messages, "discard")), process.wait())
    return messages / watch.s


async def stored(town: Rig, messages: int) -> None:
    """Print what the telemetry lane stores, at what price."""
    async with town.lane(LaneName.TELEMETRY) as lane:
        before_s, watch = cpu_s(lane), Stopwatch()
        publishing = asyncio.create_task(town.publish(orders(town.broker.port, messages, "store")))
        await town.until(STORED, messages)
        rate, used_s = messages / watch.s, cpu_s(lane) - before_s
        await publishing
    say("stored and acknowledged", f"{rate:,.0f} msg/s")
    say("processor time of ingest", f"{used_s / messages * 1e6:.1f} µs a message")
    size = town.ask("SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits")[0]
    assert isinstance(size, int)
    say("on disk", f"{size / messages:.0f} bytes a reading, with its index")


async def caught_up(town: Rig, messages: int) -> None:
    """Print how fast what came while the lane was away is drained."""
    (before,) = town.ask(STORED)
    assert isinstance(before, int)
    await town.publish(orders(town.broker.port, messages, "meanwhile"))
    watch = Stopwatch()
    async with town.lane(LaneName.TELEMETRY):
        await town.until(STORED, before + messages)
        say("catch-up after an outage, start included", f"{messages / watch.s:,.0f} msg/s")


def say(what: str, figure: str) -> None:
    """One line of the result."""
    sys.stdout.write(f"{what:<44}{figure}\n")
    sys.stdout.flush()


async def main(messages: int) -> None:
    """Run all of it."""
    async with rig(devices=DEVICES) as town:
        say("mosquitto_sub that only discards", f"{await discarded(town, messages):,.0f} msg/s")
        await stored(town, messages)
        await caught_up(town, messages)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=200_000)
    asyncio.run(main(arguments.parse_args().messages))
