"""How many messages a second ingest stores, judged and acknowledged, with broker, database and publishers beside it.

    python -P -m benchmarks.ingest_flood [--messages N] [--rounds N] [--devices N] [--broker mosquitto]

The measure is a subscriber that only discards (``mosquitto_sub -q 1``), fed by the same broker in the same run, by
turns; which of both comes first changes from round to round. What one subscriber has left at the broker is thrown away
before the next one is measured. All native devices speak.
"""

import argparse
import asyncio
import resource
import shutil
import sys
from asyncio.subprocess import DEVNULL
from dataclasses import dataclass
from statistics import median

from benchmarks.brokers import Kind
from benchmarks.publisher import Order
from benchmarks.rig import Rig, Stopwatch, Storing, rig
from benchmarks.usage import cpu_s, memory_mib
from ingest.config import LaneName

PUBLISHERS = 2
_LANE = "ingest-p00-telemetry"
_DISCARDING = "discarding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """What one turn came to: messages a second, and processor time in µs a message by process."""

    per_s: float
    costs_us: dict[str, float]


def orders(town: Rig, messages: int, name: str) -> list[Order]:
    """The same flood for whoever listens."""
    share = town.devices // PUBLISHERS
    return [
        Order(port=town.broker.port, name=f"{name}-{n}", messages=messages // PUBLISHERS, devices=share,
              first_device=1 + n * share)
        for n in range(PUBLISHERS)
    ]  # fmt: skip


async def discarded(town: Rig, messages: int) -> Flood:
    """What a subscriber that does nothing with them receives."""
    program = shutil.which("mosquitto_sub")
    assert program is not None, "mosquitto_sub is the measure: make system"
    argv = [program, "-h", "127.0.0.1", "-p", str(town.broker.port), "-V", "311"]
    argv += ["-q", "1", "-c", "-i", _DISCARDING, "-t", "care/#"]
    await (await asyncio.create_subprocess_exec(*argv, "-E")).wait()  # the broker has a session for it now
    process = await asyncio.create_subprocess_exec(*argv, "-C", str(messages), stdout=DEVNULL)
    watch, broker_s, ended_s = Stopwatch(), cpu_s(town.broker.pid), _ended_s()
    try:
        spoken_s = await town.publish(orders(town, messages, "discard"))
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    took_s = watch.s
    spent = {"broker": cpu_s(town.broker.pid) - broker_s, "publishers": spoken_s}
    spent["subscriber"] = _ended_s() - ended_s - spoken_s
    await town.broker.forget(_DISCARDING)
    return Flood(per_s=messages / took_s, costs_us={name: one / messages * 1e6 for name, one in spent.items()})


def _ended_s() -> float:
    """Processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def stored(town: Rig, messages: int, turn: int) -> Flood:
    """What the telemetry lane stores; memory is told after the first turn."""
    database = town.database.pid
    assert database is not None
    async with town.lane(LaneName.TELEMETRY) as lane:
        first = Storing(town, orders(town, town.devices, f"first-{turn}"))
        await town.publish(first.orders)  # it has met every device: a flood that lasts
        await first.done()
        storing = Storing(town, orders(town, messages, f"store-{turn}"))
        pids = {"broker": town.broker.pid, "ingest": lane.pid, "database": database}
        began_s, watch = {name: cpu_s(pid) for name, pid in pids.items()}, Stopwatch()
        publishing = asyncio.create_task(town.publish(storing.orders))
        await storing.done()
        took_s = watch.s
        spent = {name: cpu_s(pid) - began_s[name] for name, pid in pids.items()}
        spent["publishers"] = await publishing
        storing.check()
        if turn == 0:
            memory = ", ".join(f"{name} {memory_mib(pid):.0f} MiB" for name, pid in pids.items())
            say("memory in the flood", memory)
    await town.broker.forget(_LANE)
    return Flood(per_s=messages / took_s, costs_us={name: one / messages * 1e6 for name, one in spent.items()})


async def caught_up(town: Rig, messages: int) -> float:
    """How many messages a second are drained of what came while the lane was away, its start included."""
    storing = Storing(town, orders(town, messages, "meanwhile"))
    await town.publish(storing.orders)
    watch = Stopwatch()
    async with town.lane(LaneName.TELEMETRY):
        await storing.done()
        took_s = watch.s
        storing.check()
    return messages / took_s


def say(what: str, figure: str) -> None:
    """One line of the result."""
    sys.stdout.write(f"{what:<46}{figure}\n")
    sys.stdout.flush()


def told(flood: Flood) -> str:
    """A turn in words."""
    costs = ", ".join(f"{name} {cost:.1f}" for name, cost in sorted(flood.costs_us.items()))
    return f"{flood.per_s:>8,.0f} msg/s; µs a message: {costs}"


async def main(messages: int, rounds: int, devices: int, kind: Kind) -> None:
    """Run all of it."""
    async with rig(devices=devices, kind=kind) as town:
        say("broker", kind)
        say("registered devices", f"{devices:,} native, all of which speak, and as many foreign")
        pairs = []
        for turn in range(rounds):
            if turn % 2:
                store = await stored(town, messages, turn)
                discard = await discarded(town, messages)
            else:
                discard = await discarded(town, messages)
                store = await stored(town, messages, turn)
            say("mosquitto_sub that only discards", told(discard))
            say("stored, judged and acknowledged", told(store))
            pairs.append((store.per_s, discard.per_s))
        say("stored, median of the rounds", f"{median(one for one, _ in pairs):,.0f} msg/s")
        ratios = sorted(store / discard for store, discard in pairs)
        say(
            "stored / discarded, by round", ", ".join(f"{one:.2f}" for one in ratios) + f"; median {median(ratios):.2f}"
        )
        async with town.lane(LaneName.TELEMETRY):
            pass  # a session to keep what comes
        drained = [await caught_up(town, messages) for _ in range(rounds)]
        say("catch-up after an outage, start included", ", ".join(f"{one:,.0f}" for one in drained) + " msg/s")
        size = town.ask("SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits")[0]
        assert isinstance(size, int)
        rows = town.ask("SELECT count(*) FROM readings")[0]
        assert isinstance(rows, int)
        say("on disk", f"{size / rows:.0f} bytes a reading, with its index")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=400_000, help="in each turn")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--devices", type=int, default=20_000, help="buttons, and as many smoke alarms")
    arguments.add_argument("--broker", type=Kind, choices=list(Kind), default=Kind.NATS)
    options = arguments.parse_args()
    asyncio.run(main(options.messages, options.rounds, options.devices, options.broker))
