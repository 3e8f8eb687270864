"""Homes press: how long until each press is stored, asked about, and the provider has the call.

    python -P -m benchmarks.presses [--presses N] [--per-s N] [--calls-per-s N] [--beside N]

The whole platform as ``carewatch up`` runs it, with the stand-in for the phone network. Times are counted from the
planned moment of each press, the last line from its commit, by PostgreSQL's own record. A thousand presses within one
second is what happens when the power of a district fails; 20 a second, for long, is what tells the delay of a call.

The stand-in has the first claim to the processors, if we may give it that: a phone network has machines of its own.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table

from alerting.deployment import Deployment
from benchmarks.publisher import Order
from benchmarks.rig import note_commits, speak
from benchmarks.usage import cpu_by_name_s, memory_by_name_mib
from carewatch.private import PrivateInstallation, running
from carewatch.processes import give_niceness
from devices.model import Hazard
from devices.native import encode_alarm
from simulator.phone.people import Answers, Person
from simulator.phone.remote import RemotePhone
from store.pool import open_database
from store.registry import Noun, save

_CONNECTIONS = 20
_SPEAKING = 1000
_GIVE_UP_S = 300.0
_FIRST = -15
"""Niceness."""

_MOMENTS = """
SELECT a.event_id, pg_xact_commit_timestamp(a.xmin), min(n.created_at), min(n.sent_at)
FROM alarms a
JOIN incident_alarms ia ON ia.alarm_id = a.id
LEFT JOIN notifications n ON n.incident_id = ia.incident_id
WHERE a.event_id LIKE 'press-%'
GROUP BY a.id
"""


def number(home: int) -> str:
    """The phone of a home's daughter."""
    return f"+86139{home:08d}"


async def enrol(dsn: str, homes: int) -> None:
    """Homes with a button and a daughter each."""
    now = datetime.now(UTC)
    rows: dict[Noun, list[dict[str, Any]]] = {noun: [] for noun in Noun}
    rows[Noun.ORGANISATIONS] = [{"code": "town", "kind": "town", "name": "Town", "cell": "town"}]
    rows[Noun.DEVICE_MODELS] = [
        {"model": "button", "kind": "call_button", "protocol": "native", "silent_after_s": 90000}
    ]
    for home in range(homes):
        code = f"{home:05d}"
        rows[Noun.HOUSEHOLDS].append({"code": code, "organisation": "town", "community": "c", "address": "a"})
        rows[Noun.RESIDENTS].append({"code": code, "household": code, "surname": "张"})
        rows[Noun.RESPONDERS].append({"code": code, "organisation": "town", "name": code})
        rows[Noun.CONTACTS].append({"responder": code, "channel": "voice", "address": number(home)})
        rows[Noun.CIRCLE_MEMBERS].append({"household": code, "circle": "children", "responder": code})
        rows[Noun.DEVICES].append(
            {"device_id": f"button-{code}", "cell": "town", "model": "button", "household": code, "resident": code}
        )
    async with open_database(dsn, "benchmark") as database, database.transaction() as connection:
        for noun in Noun:
            await save(connection, noun, rows[noun], now=now)


async def press(host: str, port: int, homes: Sequence[int], begin_s: float, gap_s: float) -> dict[str, float]:
    """Press for ``homes`` at their planned moments; returns these, in seconds since the epoch."""
    planned = {}
    async with aiomqtt.Client(host, port, max_concurrent_outgoing_calls=10_000) as client, asyncio.TaskGroup() as group:
        for home in homes:
            at = begin_s + home * gap_s
            await asyncio.sleep(max(at - time.time(), 0))
            payload = encode_alarm(event_id=f"press-{home}", hazard=Hazard.SOS, at=at)
            group.create_task(client.publish(f"care/town/button-{home:05d}/alarm", payload, qos=1, timeout=_GIVE_UP_S))
            planned[f"press-{home}"] = at
    return planned


def moments(dsn: str) -> dict[str, tuple[datetime | None, ...]]:
    """When each press was stored, asked about and called for."""
    with psycopg.connect(dsn) as connection:
        return {row[0]: row[1:] for row in connection.execute(_MOMENTS).fetchall()}


async def beside(port: int, rate: int, for_s: float) -> None:
    """Other devices' telemetry, ``rate`` messages a second; 0: none, below: as much as the broker takes."""
    if not rate:
        return
    order = Order(
        port=port,
        name="beside",
        messages=1 << 40,
        for_s=for_s,
        devices=_SPEAKING,
        first_device=0,
        rate=max(rate, 0),
        topic="care/town/button-{:05d}/telemetry",
    )
    await speak(order)


async def measure(presses: int, per_s: float, calls_per_s: float, telemetry_per_s: int) -> None:
    """Run it once and print the percentiles."""
    with tempfile.TemporaryDirectory(prefix="carewatch-bench-") as folder:
        installation = PrivateInstallation(Path(folder), Deployment.CHAOS)
        written = installation.config.read_text().replace("calls_per_s = 20.0", f"calls_per_s = {calls_per_s}")
        installation.config.write_text(written + "\n[sender]\nat_once = 200\n")
        dsn = installation.settings.database_dsn
        await note_commits(installation.folder / "database")
        async with running(installation) as supervisor, RemotePhone(installation.phone_url) as phone:
            (stand_in,) = (one.pid for one in supervisor.statuses() if one.name == "phone")
            assert stand_in is not None
            give_niceness(stand_in, _FIRST)
            await enrol(dsn, presses)
            for home in range(presses):
                await phone.register(Person(number=number(home), temper=Answers(after_s=2, keys=("1",), listens_s=2)))
            await asyncio.sleep(3)  # the lanes read the registry once a second
            used_s, begin_s, gap_s = cpu_by_name_s(os.getpid()), time.time() + 2, 1.0 / per_s
            speaking = asyncio.create_task(
                beside(installation.settings.broker_port, telemetry_per_s, 2 + presses / per_s)
            )
            tasks = [
                press("127.0.0.1", installation.settings.broker_port, range(one, presses, _CONNECTIONS), begin_s, gap_s)
                for one in range(_CONNECTIONS)
            ]
            planned = {event: at for part in await asyncio.gather(*tasks) for event, at in part.items()}
            await speaking
            deadline_s = time.monotonic() + _GIVE_UP_S
            while sum(None not in row for row in moments(dsn).values()) < presses:
                assert time.monotonic() < deadline_s, "not every press was called for in time"
                await asyncio.sleep(1)
            show(
                planned,
                moments(dsn),
                f"{presses} presses, {per_s:g}/s, at most {calls_per_s:g} calls/s, {telemetry_per_s} beside",
            )
            show_use(used_s, presses)


def show(planned: dict[str, float], reached: dict[str, tuple[datetime | None, ...]], title: str) -> None:
    """Print what was measured."""
    table = Table(title=title)
    for column in ("", "p50 s", "p99 s", "p99.9 s", "worst s"):
        table.add_column(column, justify="right")

    def add(stage: str, delays: Sequence[float]) -> None:
        table.add_row(stage, *(f"{value:.3f}" for value in (*np.percentile(delays, (50, 99, 99.9)), max(delays))))

    found = {event: [moment.timestamp() for moment in row if moment is not None] for event, row in reached.items()}
    for place, stage in enumerate(("stored", "somebody asked", "provider has the call")):
        add(stage, [moments[place] - planned[event] for event, moments in found.items()])
    add("from stored to the provider", [moments[2] - moments[0] for moments in found.values()])
    Console().print(table)


def show_use(before_s: dict[str, float], presses: int) -> None:
    """Print what each process has used since ``before_s``, and what it holds."""
    table = Table("", "ms of processor a press", "MiB")
    memory = memory_by_name_mib(os.getpid())
    for name, used_s in sorted(cpu_by_name_s(os.getpid()).items()):
        spent_ms = (used_s - before_s.get(name, 0.0)) / presses * 1000
        table.add_row(name, f"{spent_ms:.1f}", f"{memory[name]:.0f}")
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=1000)
    parser.add_argument("--per-s", type=float, default=1000.0, help="presses a second")
    parser.add_argument("--calls-per-s", type=float, default=100.0, help="what the provider takes")
    parser.add_argument("--beside", type=int, default=0, help="messages of telemetry a second; -1: a flood")
    options = parser.parse_args()
    asyncio.run(measure(options.presses, options.per_s, options.calls_per_s, options.beside))
