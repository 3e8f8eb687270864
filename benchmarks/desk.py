"""What an open duty desk costs and how fast it is: thousands of incidents and a city of homes, the real console process
on an embedded PostgreSQL, and Chromium.

    python -P -m benchmarks.desk [--homes 100000] [--incidents 2000] [--pages 10] [--presses 40] [--readings 5760]

First a flood: first paint, from the commit of a press to its row on an open desk, memory of the console for each open
page. Then eight hours of a busy shift in a hurry, on one page: a console reads the queue every 5 s at least, which is
5,760 readings; as many are made here one after the other, and all the while somebody presses and an older incident
ends. Neither memory may grow after the first sixth; the exit code says whether it did. Only the console runs: no
engine, no lanes. ``--presses 0`` leaves the flood out, ``--readings 0`` the shift.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from alerting.deployment import Deployment
from benchmarks.engine_cycle import build_city, execute, execute_all
from carewatch.private import PrivateInstallation
from carewatch.processes import ProcessName
from carewatch.settings import PREFIX
from carewatch.supervise import Supervisor
from carewatch.system import not_serving, start_processes
from devices.model import Hazard
from domain.incident import SubjectKind
from domain.people import Language
from domain.permissions import Role
from store.accounts import add_user, hash_password
from store.incidents import OwnAlarm, raise_own
from store.migrate import migrate
from store.pool import Database, care_now, open_database
from store.wakeups import Bell, ring

_NAME = "li"
_PASSWORD = "eleven wild geese fly south"
_PAINTS = 9
_KEPT_S = 65.0  # what was sent is kept for a minute, for pages that reconnect
_PATIENCE_S = 60.0
_QUEUE_OF_A_SHIFT = 30
_TURN_S = 0.03
_LOOKS = 6  # at the memory, in the shift
_GROWTH = 1.1  # the last look beside the first: more than this is growth

_FLOOD = """
INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, household_id,
                       resident_id, opened_at, last_alarm_at, next_step_at)
    SELECT 'live', 'resident', r.id::text, k.hazard, k.severity, h.organisation_id, h.organisation_id, h.id, r.id,
           now() - n * interval '1 s', now() - n * interval '1 s', now() + interval '3 h'
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM households WHERE id % {every} = 1) h
    JOIN residents r ON r.household_id = h.id
    CROSS JOIN LATERAL (SELECT CASE WHEN n % 40 = 0 THEN 'smoke' WHEN n % 3 = 0 THEN 'water' ELSE 'vitals' END,
                               CASE WHEN n % 40 = 0 THEN 1 WHEN n % 3 = 0 THEN 4 ELSE 3 END) AS k (hazard, severity)
    ORDER BY n LIMIT {incidents};
INSERT INTO timeline (incident_id, at, kind, reason)
    SELECT id, opened_at, 'opened', hazard FROM incidents, generate_series(1, 4);
INSERT INTO notifications (incident_id, responder_id, contact_id, channel, address, language, purpose, circle, round,
                           step, severity, token, state, created_at, due_at, sent_at, delivered_at)
    SELECT i.id, c.responder_id, c.id, c.channel, c.address, 'en', 'ask', 'children', 0, 0, i.severity, i.id,
           'delivered', i.opened_at, i.opened_at, i.opened_at, i.opened_at
    FROM incidents i JOIN circle_members m ON m.household_id = i.household_id
    JOIN contacts c ON c.responder_id = m.responder_id;
"""

ENDED = """
UPDATE incidents SET state = 'resolved', outcome = 'false_alarm', resolved_by = 'benchmark', resolved_at = opened_at,
                     next_step_at = NULL
WHERE id IN (SELECT id FROM incidents WHERE state <> 'resolved' ORDER BY id DESC OFFSET %(left)s)
"""

_SEEN = """
window.seen = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll("[data-row]")) {
    const id = row.dataset.row;
    if (id in window.seen) continue;
    window.seen[id] = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => { window.seen[id] = performance.now(); }));
  }
}).observe(document, { childList: true, subtree: true });
"""
"""Notes when each row was painted: the second frame after it came begins when the first has been drawn."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A console process, what it looks at, and a browser."""

    database: Database
    url: str
    metrics_url: str
    pid: int
    browser: Browser
    homes: int

    async def signed_in(self) -> BrowserContext:
        """A browser of its own that has signed in."""
        context = await self.browser.new_context(viewport={"width": 1400, "height": 900})
        context.set_default_timeout(_PATIENCE_S * 1000)
        page = await context.new_page()
        await page.goto(f"{self.url}/sign-in?to=/history")
        await page.locator("#name").fill(_NAME)
        await page.locator("#password").fill(_PASSWORD)
        await page.locator("form[action='/sign-in'] button").click()
        await page.locator(".signs").wait_for()
        await page.close()
        return context

    async def press(self, number: int) -> tuple[int, float]:
        """Somebody whose home is quiet presses: the incident, and when that was committed, in seconds since the epoch.
        The desk is rung for as the alarm lane does.
        """
        home = number % self.homes // 50 * 50 + 7
        rows = await execute(
            self.database,
            """SELECT h.organisation_id, h.id, r.id FROM households h JOIN residents r ON r.household_id = h.id
               WHERE h.id = %(home)s""",
            home=home,
        )
        organisation, household, resident = rows[0]
        alarm = OwnAlarm(
            source=f"home-{home}",
            identity=f"press-{number}",
            hazard=Hazard.SOS,
            subject_kind=SubjectKind.RESIDENT,
            subject_id=str(resident),
            organisation_id=organisation,
            household_id=household,
            resident_id=resident,
            reason="sos",
            evidence={},
        )
        async with self.database.transaction() as connection:
            raised = await raise_own(connection, alarm, now=await care_now(connection))
        committed_s = time.time()
        assert raised is not None
        await ring(self.database, Bell.STREAM)
        return raised[0], committed_s

    def memory_mib(self) -> float:
        """What the console process holds. Source: proc(5), VmRSS."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    async def readings(self) -> int:
        """How often the console has read the queue."""
        async with httpx.AsyncClient(trust_env=False) as client:
            said = (await client.get(self.metrics_url)).text
        found = re.search(r"^carewatch_console_readings_total (\S+)", said, re.MULTILINE)
        assert found is not None
        return int(float(found[1]))


@asynccontextmanager
async def standing(homes: int, incidents: int) -> AsyncIterator[Desk]:
    """A city in a flood, its console and a browser."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with tempfile.TemporaryDirectory(prefix="carewatch-bench-") as folder:
        installation = PrivateInstallation(Path(folder), Deployment.CHAOS)
        settings = installation.settings
        async with Supervisor() as supervisor, async_playwright() as playwright:
            await supervisor.bring_up(settings.embedded_database())
            await asyncio.to_thread(migrate, settings.database_dsn)
            async with open_database(settings.database_dsn, "benchmark") as database:
                await build_city(database, homes)
                await execute_all(database, _FLOOD.format(every=homes // incidents, incidents=incidents))
                async with database.transaction() as connection:
                    assert await add_user(
                        connection,
                        name=_NAME,
                        organisation="city",
                        role=Role.OPERATOR,
                        language=Language.ZH,
                        password_hash=hash_password(_PASSWORD),
                    )
                names = [ProcessName.CONSOLE]
                await start_processes(
                    supervisor, installation.words, names=names, env=environment, logs=installation.logs
                )
                assert not await not_serving(settings, names)
                pid = next(one.pid for one in supervisor.statuses() if one.name == ProcessName.CONSOLE)
                assert pid is not None
                browser = await playwright.chromium.launch(
                    executable_path="/usr/bin/chromium",
                    args=["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
                )
                metrics = f"{settings.observe.url(ProcessName.CONSOLE)}/metrics"
                yield Desk(database, settings.console.console_url, metrics, pid, browser, homes)
                await browser.close()


async def _first_paint(desk: Desk) -> None:
    context = await desk.signed_in()
    await context.add_init_script(_SEEN)
    first, rows = [], []
    for _ in range(_PAINTS):
        page = await context.new_page()
        await page.goto(desk.url)
        await page.wait_for_function("Object.values(window.seen).some((at) => at)")
        rows.append(await page.evaluate("Math.min(...Object.values(window.seen).filter((at) => at))"))
        first.append(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        await page.close()
    await context.close()
    print(f"first paint: {statistics.median(first):.0f} ms; with its rows: {statistics.median(rows):.0f} ms (medians)")


async def press_and_see(desk: Desk, page: Page, number: int) -> float:
    """Seconds from the commit of the ``number``-th press to its row on ``page``; some time passes after it."""
    incident, committed_s = await desk.press(number * 50)
    seen = await page.wait_for_function(f"window.seen[{incident}]")
    origin_s = float(await page.evaluate("performance.timeOrigin")) / 1000
    delay_s = origin_s + float(await seen.json_value()) / 1000 - committed_s
    await asyncio.sleep(0.3 + number * 0.618 % 1)  # at any moment of the console's turn
    return delay_s


def told(what: str, delays_s: Sequence[float]) -> None:
    """Print how long something took."""
    p50, p95 = np.percentile(delays_s, (50, 95))
    print(f"{what}, {len(delays_s)} times: p50 {p50:.3f} s, p95 {p95:.3f} s, worst {max(delays_s):.3f} s", flush=True)


async def open_desk(desk: Desk) -> Page:
    """One more operator before the desk."""
    context = await desk.signed_in()
    await context.add_init_script(_SEEN)
    page = await context.new_page()
    await page.goto(desk.url)
    await page.locator("[data-row]").first.wait_for()
    return page


async def flood(desk: Desk, presses: int, pages: int) -> None:
    """First paint, latency and memory with everything open."""
    print(f"the console with nobody looking: {desk.memory_mib():.0f} MiB")
    await _first_paint(desk)
    first = await open_desk(desk)
    delays = [await press_and_see(desk, first, number) for number in range(presses)]
    told("commit of a press → its row on the desk", delays)
    before_mib = desk.memory_mib()
    opened = [await open_desk(desk) for _ in range(pages)]
    until_s = time.monotonic() + _KEPT_S
    while time.monotonic() < until_s:
        presses += 1
        await desk.press(presses * 50)
        await asyncio.sleep(2)
    after_mib = desk.memory_mib()
    print(
        f"memory of the console with {pages} more desks, of sessions of their own: {before_mib:.0f} → "
        f"{after_mib:.0f} MiB, {(after_mib - before_mib) / pages:.1f} MiB each"
    )
    for page in (first, *opened):
        await page.context.close()


@dataclass(frozen=True, slots=True)
class Look:
    """What console and page hold at one moment."""

    console_mib: float
    page_mib: float
    nodes: int


async def _look(desk: Desk, devtools: CDPSession, readings: int) -> Look:
    await devtools.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in (await devtools.send("Performance.getMetrics"))["metrics"]}
    look = Look(desk.memory_mib(), found["JSHeapUsedSize"] / 2**20, int(found["Nodes"]))
    print(f"  {readings:>6,} readings: console {look.console_mib:.1f} MiB, heap of the page {look.page_mib:.2f} MiB, "
          f"{look.nodes:,} nodes", flush=True)  # fmt: skip
    return look


async def shift(desk: Desk, readings: int) -> bool:
    """Whether neither console nor page grew in as many readings."""
    await execute(desk.database, ENDED, left=_QUEUE_OF_A_SHIFT)
    context = await desk.signed_in()
    page = await context.new_page()
    await page.goto(desk.url)
    await page.locator("[data-row]").first.wait_for()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Performance.enable")
    begin, begin_s, looks, number = await desk.readings(), time.monotonic(), list[Look](), 1_005_000
    await _look(desk, devtools, 0)
    made = 0
    while made < readings:
        for _ in range(50):
            number += 50
            await desk.press(number)
            await execute(desk.database, ENDED, left=_QUEUE_OF_A_SHIFT)
            await asyncio.sleep(_TURN_S)
        await page.keyboard.press("s")
        made = await desk.readings() - begin
        if made >= readings * (len(looks) + 1) / _LOOKS:
            looks.append(await _look(desk, devtools, made))
    await context.close()
    first, last = looks[0], looks[-1]
    grew = [
        name for name in ("console_mib", "page_mib", "nodes") if getattr(last, name) > _GROWTH * getattr(first, name)
    ]
    print(
        f"{made:,} readings in {time.monotonic() - begin_s:.0f} s: {', '.join(grew) + ' grew' if grew else 'no growth'}"
    )
    return not grew


async def main(options: argparse.Namespace) -> bool:
    """Measure it once; false if something grew."""
    async with standing(options.homes, options.incidents) as desk:
        print(f"{options.homes:,} homes, {options.incidents:,} open incidents", flush=True)
        if options.presses:
            await flood(desk, options.presses, options.pages)
        return options.readings == 0 or await shift(desk, options.readings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("homes", 100_000), ("incidents", 2000), ("pages", 10), ("presses", 40), ("readings", 5760)):
        parser.add_argument(f"--{name}", type=int, default=default)
    sys.exit(0 if asyncio.run(main(parser.parse_args())) else 1)
