"""The loop that keeps house: partitions ahead, states that run out, and data that is kept no longer than it may be."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Counter
from pydantic import BaseModel, Field

from store import audit, partitions
from store.pool import Database
from store.turns import take_turn
from store.upkeep import Perishable, clear, end_states

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=1)
HOUSEKEEPING_EVERY: Final = timedelta(hours=1)
_BATCH: Final = 2000

_CLEARED = Counter("carewatch_upkeep_cleared_total", "Rows whose time was over", ["what"])


class Retention(BaseModel, frozen=True, extra="forbid"):
    """For how many days what is kept. Incidents, alarms, timelines and the audit trail are not in this list: they are
    the record of what was done, and stay; personal text stands apart from them and goes.
    """

    readings: int = Field(default=180, ge=3, description="Readings: half a year, for personal baselines and questions")
    notes: int = Field(
        default=365, ge=1, description="Notes, counted from the end of their incident: then they are erased"
    )
    misdated: int = Field(default=30, ge=1, description="Readings with an impossible time")
    quarantine: int = Field(default=90, ge=1, description="Messages that could not be understood, since the last time")
    outages: int = Field(default=400, ge=90, description="Our own outages, for the yearly report")
    findings: int = Field(
        default=365,
        ge=7,
        description="Findings of rules that belong to no incident: on trial, or that a matter is over",
    )

    def days_of(self, what: Perishable) -> int:
        """For how many days ``what`` is kept."""
        return {
            Perishable.NOTES: self.notes,
            Perishable.MISDATED: self.misdated,
            Perishable.QUARANTINE: self.quarantine,
            Perishable.OUTAGES: self.outages,
            Perishable.FINDINGS: self.findings,
        }[what]


class Upkeep:
    """Keeps house in the database at ``dsn``."""

    def __init__(self, dsn: str, retention: Retention) -> None:
        self._dsn = dsn
        self._retention = retention

    async def turn(self, database: Database, now: datetime) -> datetime:
        """End what has run out now; once an hour, one engine clears what has had its time."""
        async with database.transaction() as connection:
            home = await end_states(connection, now=now)
            if home:
                await audit.record(connection, "system", "state_ended", "resident", home, now=now)
        async with database.transaction() as connection:
            mine = await take_turn(connection, "upkeep", every=HOUSEKEEPING_EVERY, now=now)
        if mine:
            await self._keep_partitions(now)
            await self._clear(database, now)
        return now + EVERY

    async def _keep_partitions(self, now: datetime) -> None:
        today = now.date()
        made = await asyncio.to_thread(partitions.ensure_around, self._dsn, today)
        oldest = today - timedelta(days=self._retention.readings)
        dropped = await asyncio.to_thread(partitions.drop_before, self._dsn, oldest)
        if made or dropped:
            log.info("days of readings", made=[str(day) for day in made], dropped=[str(day) for day in dropped])

    async def _clear(self, database: Database, now: datetime) -> None:
        for what in Perishable:
            before = now - timedelta(days=self._retention.days_of(what))
            cleared = _BATCH
            while cleared == _BATCH:
                async with database.transaction() as connection:
                    cleared = await clear(connection, what, before=before, now=now, limit=_BATCH)
                _CLEARED.labels(what).inc(cleared)
