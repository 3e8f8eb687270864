"""What taking the history along costs those who work meanwhile: the real console process on an embedded PostgreSQL, an
open desk in Chromium, and 50,000 incidents of the past.

    python -P -m benchmarks.exports [--homes 20000] [--past 50000] [--rounds 3] [--at-once 2]

First how fast the desk is with nobody exporting, then during exports, of CSV and XLSX, ``--at-once`` of each at the
same time: from the commit of a press to its row on the desk, and how long the console takes to answer a request that
asks nothing of the database (its health), every 20 ms: that is how long its event loop was not free.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, field

import httpx
from playwright.async_api import Page

from benchmarks.desk import ENDED, Desk, open_desk, press_and_see, standing, told
from benchmarks.engine_cycle import execute

_INCIDENTS = 30  # unresolved ones, of a night as they are
_BEFORE = 30  # presses before anybody exports
_PROBE_EVERY_S = 0.02
_PATIENCE_S = 600.0

_PAST = """
INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, household_id,
                       resident_id, state, outcome, resolved_by, opened_at, last_alarm_at, acknowledged_at, on_scene_at,
                       resolved_at)
SELECT 'live', 'resident', r.id::text, 'sos', 2, h.organisation_id, h.organisation_id, h.id, r.id, 'resolved',
       'assistance', 'user:li', at, at, at + interval '40 s', at + interval '9 min', at + interval '20 min'
FROM generate_series(1, %(past)s) AS n
CROSS JOIN LATERAL (SELECT now() - n * interval '13 min') AS opened (at)
JOIN households h ON h.id = 1 + n %% %(homes)s
JOIN LATERAL (SELECT id FROM residents WHERE household_id = h.id LIMIT 1) r ON true
"""


@dataclass
class _Watched:
    """What was seen of the console while something went on."""

    seen_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    most_mib: float = 0.0

    async def probe(self, desk: Desk) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_S) as client:
            url = desk.metrics_url.replace("/metrics", "/health")
            while True:
                began_s = time.perf_counter()
                (await client.get(url)).raise_for_status()
                self.answered_s.append(time.perf_counter() - began_s)
                self.most_mib = max(self.most_mib, desk.memory_mib())
                await asyncio.sleep(_PROBE_EVERY_S)

    def tell(self, when: str) -> None:
        told(f"{when}: commit of a press → its row on the desk", self.seen_s)
        told(f"{when}: the console answers", self.answered_s)
        print(f"{when}: at most {self.most_mib:.0f} MiB", flush=True)


async def _export(desk: Desk, cookies: dict[str, str], kind: str) -> None:
    began_s, size = time.perf_counter(), 0
    async with (
        httpx.AsyncClient(trust_env=False, cookies=cookies, timeout=_PATIENCE_S) as client,
        client.stream("GET", f"{desk.url}/history.{kind}") as answer,
    ):
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            size += len(piece)
    print(f"  {kind}: {time.perf_counter() - began_s:.1f} s, {size / 2**20:.1f} MiB", flush=True)


async def _watch(
    desk: Desk, page: Page, number: int, *, presses: int, exporting: asyncio.Future[list[None]] | None
) -> _Watched:
    """Press so often, and as long as somebody exports."""
    watched = _Watched()
    probing = asyncio.create_task(watched.probe(desk))
    while len(watched.seen_s) < presses or (exporting is not None and not exporting.done()):
        watched.seen_s.append(await press_and_see(desk, page, number + len(watched.seen_s)))
        await execute(desk.database, ENDED, left=_INCIDENTS)
    probing.cancel()
    if exporting is not None:
        await exporting
    return watched


async def main(options: argparse.Namespace) -> None:
    """Measure it once."""
    async with standing(options.homes, _INCIDENTS) as desk:
        await execute(desk.database, _PAST, past=options.past, homes=options.homes)
        page = await open_desk(desk)
        cookies = {one["name"]: one["value"] for one in await page.context.cookies()}
        print(f"{options.past:,} incidents of the past; the console: {desk.memory_mib():.0f} MiB", flush=True)
        number = 0
        before = await _watch(desk, page, number, presses=_BEFORE, exporting=None)
        before.tell("nobody exports")
        number += len(before.seen_s)
        during = _Watched()
        for _ in range(options.rounds):
            exporting = asyncio.gather(
                *(_export(desk, cookies, kind) for kind in ("csv", "xlsx") for _ in range(options.at_once))
            )
            one = await _watch(desk, page, number, presses=1, exporting=exporting)
            number += len(one.seen_s)
            during.seen_s += one.seen_s
            during.answered_s += one.answered_s
            during.most_mib = max(during.most_mib, one.most_mib)
        during.tell(f"{2 * options.at_once} exports at the same time")
        print(f"afterwards: {desk.memory_mib():.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("homes", 20_000), ("past", 50_000), ("rounds", 3), ("at-once", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asyncio.run(main(parser.parse_args()))
