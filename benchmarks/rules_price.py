"""What the rules cost the whole system: telemetry stored, judged and acknowledged, with every rule on and with all off.

    python -P -m benchmarks.rules_price [--messages N] [--rounds N]

Wristbands speak, the devices that most rules hear: position, pulse, battery. Both rates are measured in turn, in the
same run on the same broker and database, from lanes that have met every device. Off means what an operator would do: a
new version of every rule with ``enabled: false``, and the lane started anew.
"""

import argparse
import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

import msgspec
import psycopg

from alerting.rulebook import add_default_rules, amend, default_rules
from alerting.rules.spec import write_rule
from benchmarks.publisher import Order
from benchmarks.rig import Rig, Stopwatch, Storing, rig
from benchmarks.usage import cpu_s
from ingest.config import LaneName
from store.pool import open_database

_DEVICES = 2_000
_PUBLISHERS = 2
_WRISTBANDS = """
UPDATE households SET lat = 36, lon = 114;
INSERT INTO residents (code, household_id, surname) SELECT 'r-' || id, id, 'Zhang' FROM households;
INSERT INTO device_models VALUES ('band', 'wristband', 'native', '1 h');
UPDATE devices d SET model = 'band', resident_id = r.id FROM residents r
WHERE r.household_id = d.household_id AND d.model = 'bench'
"""


@dataclass(slots=True)
class Measured:
    """Messages a second and processor time of the lane, of each round."""

    rates: list[float] = field(default_factory=list)
    used_us: list[float] = field(default_factory=list)


async def switch(town: Rig, *, on: bool) -> None:
    """A new version of every rule: as it is shipped, or the same switched off."""
    async with open_database(town.database.dsn, "benchmark") as database, database.transaction() as connection:
        now = datetime.now(UTC)
        await add_default_rules(connection, now=now)
        for rule in default_rules():
            stated = write_rule(rule if on else msgspec.structs.replace(rule, enabled=False))
            await amend(connection, rule.name, stated, by="benchmark", now=now)


def orders(town: Rig, messages: int, name: str) -> list[Order]:
    """Each publisher speaks for its share of the wristbands."""
    share = _DEVICES // _PUBLISHERS
    return [
        Order(port=town.broker.port, name=f"{name}-{n}", messages=messages // _PUBLISHERS, devices=share,
              first_device=1 + n * share)
        for n in range(_PUBLISHERS)
    ]  # fmt: skip


async def one_round(town: Rig, messages: int, name: str, into: Measured) -> None:
    """Publish to a lane at work until everything is stored."""
    async with town.lane(LaneName.TELEMETRY) as lane:
        first = Storing(town, orders(town, _DEVICES, f"first-{name}"))
        await town.publish(first.orders)
        await first.done()
        storing = Storing(town, orders(town, messages, name))
        used_s, watch = cpu_s(lane.pid), Stopwatch()
        publishing = asyncio.create_task(town.publish(storing.orders))
        await storing.done()
        into.rates.append(messages / watch.s)
        into.used_us.append((cpu_s(lane.pid) - used_s) / messages * 1e6)
        await publishing
        storing.check()


async def main(messages: int, rounds: int) -> None:
    """Alternate, and print every round and the medians."""
    found = {True: Measured(), False: Measured()}
    async with rig(devices=_DEVICES) as town:
        with psycopg.connect(town.database.dsn, autocommit=True) as connection:
            connection.execute(_WRISTBANDS.encode())
            connection.execute("ANALYZE")
        for number in range(rounds):
            for on in (False, True) if number % 2 == 0 else (True, False):
                await switch(town, on=on)
                await one_round(town, messages, f"round-{number}-{on}", found[on])
                what = f"round {number + 1}, rules {'on' if on else 'off'}"
                _say(what, found[on].rates[-1], found[on].used_us[-1])
    on_rate, off_rate = median(found[True].rates), median(found[False].rates)
    _say("all rules on, median", on_rate, median(found[True].used_us))
    _say("all rules off, median", off_rate, median(found[False].used_us))
    print(f"{'the rules cost':<32}{1 - on_rate / off_rate:.1%} of the rate")


def _say(what: str, rate: float, used_us: float) -> None:
    print(f"{what:<32}{rate:>8,.0f} msg/s{used_us:>8.1f} µs of ingest a message", flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=120_000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    asyncio.run(main(options.messages, options.rounds))
