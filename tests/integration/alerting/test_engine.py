"""The engine as a process: all its loops at once, on the database's own clock."""

import asyncio

from fixtures.lanes import until, until_rows
from fixtures.nights import Night

from alerting.engine import EngineConfig, run
from domain.health import Health
from store.pool import DatabaseClock


async def test_every_loop_runs_and_says_so(night: Night, dsn: str) -> None:
    """Two engines on one database: each of their loops is well, a press is asked about once, watches are there."""
    healths = [Health(), Health()]
    clock = DatabaseClock(night.database)
    night.now = await clock.refresh()
    await night.raises()
    stop = asyncio.Event()
    engines = [asyncio.create_task(run(EngineConfig(dsn=dsn), clock, stop, health)) for health in healths]
    names = ("escalation", "supervision", "auditor", "together", "coverage", "absence", "upkeep", "clock")
    loops = {f"loop:{name}" for name in names}
    await until(lambda: all(set(health.conditions) == loops and health.ok for health in healths))
    await until_rows(night.database, "SELECT count(*) FROM notifications", [(1,)])
    stop.set()
    await asyncio.gather(*engines)
    assert await night.query("SELECT count(*) FROM notifications") == [(1,)]
    assert await night.query("SELECT count(*) FROM watches") == [(12,)]
    assert await night.query("SELECT count(*) FROM watches_unsettled") == [(0,)]
