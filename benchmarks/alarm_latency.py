"""How long an alarm takes from its publishing to its commit, and to the receipt that tells, while telemetry floods in.

Half of the telemetry is on topics of a foreign protocol, which may carry alarms too. When an alarm was committed is
PostgreSQL's own record; the receipt goes through the broker once more.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

import msgspec
import numpy as np
import psycopg
import uvloop

from benchmarks.brokers import Kind
from benchmarks.publisher import Order
from benchmarks.rig import Rig, Stopwatch, rig
from devices.model import Hazard
from devices.native import decode_receipt, encode_alarm
from ingest.config import Broker, LaneName
from ingest.session import BrokerSession, Message, connect

DEVICES = 20_000
PRESSES_A_SECOND = 40.0
RATES = (0, 2_000, 10_000, -1)
"""Telemetry messages a second; -1: as many as the broker takes."""
_WORST_CASE_S = 30.0
_NO_END = 1 << 40


class Presser:
    """Presses buttons and waits for receipts."""

    def __init__(self) -> None:
        self._pressed: dict[str, float] = {}
        self.took_s: list[float] = []

    def hear(self, _: BrokerSession, messages: Sequence[Message]) -> None:
        """A receipt for each press, or several."""
        now = time.perf_counter()
        for message in messages:
            pressed = self._pressed.pop(decode_receipt(message.payload).id, None)  # type: ignore[union-attr]
            if pressed is not None:
                self.took_s.append(now - pressed)

    async def press(self, town: Rig, name: str, for_s: float) -> int:
        """Press for some seconds; return how many presses stayed without a receipt."""
        broker = Broker(host="127.0.0.1", port=town.broker.port, tls=False, ca_file=None, username=None, password=None)
        session = await connect(broker, f"presser-{name}", self.hear, clean=True, keep_alive_s=60)
        await session.subscribe(["care/town/+/receipt"])
        watch, number = Stopwatch(), 0
        while watch.s < for_s:
            event_id, device = f"{name}-{number}", 1 + number % DEVICES
            payload = encode_alarm(event_id=event_id, hazard=Hazard.SOS, at=time.time())
            self._pressed[event_id] = time.perf_counter()
            await session.publish_surely(f"care/town/device-{device}/alarm", payload)
            number += 1
            await asyncio.sleep(max(0.0, number / PRESSES_A_SECOND - watch.s))
        watch = Stopwatch()
        while self._pressed and watch.s < _WORST_CASE_S:  # noqa: ASYNC110 - they come in another callback
            await asyncio.sleep(0.05)
        await session.leave()
        return len(self._pressed)


def flood(town: Rig, rate: int, for_s: float) -> list[Order]:
    """Telemetry at ``rate``: half native, half on topics that may carry alarms."""
    if rate == 0:
        return []
    native = Order(
        port=town.broker.port,
        name=f"native-{rate}",
        messages=_NO_END,
        for_s=for_s,
        devices=DEVICES,
        rate=max(rate, 0) / 2,
    )
    foreign = msgspec.structs.replace(native, name=f"foreign-{rate}", topic="zigbee2mqtt/smoke-{}", smoke=True)
    return [native, foreign]


def took_to_commit(town: Rig, name: str) -> list[float]:
    """Seconds from the publishing of each alarm to its commit."""
    took = "extract(epoch FROM pg_xact_commit_timestamp(xmin)) - extract(epoch FROM at)"
    query = f"SELECT {took} FROM alarms WHERE event_id LIKE '{name}-%'"
    with psycopg.connect(town.database.dsn) as connection:
        return [float(row[0]) for row in connection.execute(query.encode())]


def percentiles(seconds: Sequence[float], *ranks: float) -> list[str]:
    """In milliseconds, fit to be shown."""
    return [f"{value * 1000:.1f}" for value in np.percentile(seconds, ranks)]


def say(name: str, *figures: object) -> None:
    """One line of the table."""
    sys.stdout.write(f"{name:<16}" + "".join(f"{figure:>12}" for figure in figures) + "\n")
    sys.stdout.flush()


async def main(for_s: float, rates: Sequence[int], kind: Kind) -> None:
    """One line for each rate."""
    say("telemetry", "presses", "p50, ms", "p99, ms", "p99.9, ms", "receipt p50", "receipt p99", "unanswered")
    async with rig(devices=DEVICES, kind=kind) as town, town.lane(LaneName.ALARM), town.lane(LaneName.TELEMETRY):
        met = flood(town, -1, _WORST_CASE_S)
        await town.publish([msgspec.structs.replace(one, messages=DEVICES, name=f"first-{one.name}") for one in met])
        await town.until("SELECT count(*) FROM readings", 2 * DEVICES)  # the lanes have met every device
        for rate in rates:
            presser = Presser()
            publishing = asyncio.create_task(town.publish(flood(town, rate, for_s + 1)))
            await asyncio.sleep(1.0 if rate else 0.0)
            unanswered = await presser.press(town, f"at{rate}", for_s)
            await publishing
            committed = percentiles(took_to_commit(town, f"at{rate}"), 50, 99, 99.9)
            told = percentiles(presser.took_s, 50, 99)
            name = "none" if rate == 0 else "flood" if rate < 0 else f"{rate:,} msg/s"
            say(name, len(presser.took_s), *committed, *told, unanswered)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=52.0, help="for each rate, with 40 alarms in each")
    arguments.add_argument("--rates", type=int, nargs="+", default=RATES, help="messages a second; -1: a flood")
    arguments.add_argument("--broker", type=Kind, choices=list(Kind), default=Kind.NATS)
    options = arguments.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(options.seconds, options.rates, options.broker))
