"""The loop that checks from outside, every minute, that the platform keeps its promises."""

from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Gauge

from alerting.platform import Trouble, report
from store import promises
from store.pool import Database
from store.turns import take_turn

EVERY: Final = timedelta(minutes=1)
PATIENCE: Final = timedelta(seconds=60)
"""Machine time: how late the engine, the outbox and receipts may be; the shortest round lasts as long."""
DEAF_AFTER: Final = timedelta(seconds=60)
"""Machine time without a canary. A broker that is started again and a lane that is taken over are back by then."""

_BROKEN = Gauge("carewatch_promises_broken", "How often a promise is broken now", ["promise"])


async def auditor_turn(database: Database, now: datetime) -> datetime:
    """Check everything; one engine raises incidents about what does not hold. Again after :data:`EVERY`."""
    async with database.transaction() as connection:
        checks = await promises.broken(connection, now=now, patience=PATIENCE)
        deaf = await promises.deaf_lanes(connection, now=now, deaf_after=DEAF_AFTER)
        found: dict[Trouble, dict[str, Any]] = {
            Trouble(check.kind): {"times": check.times, "since": _text(check.since)} for check in checks
        }
        found[Trouble.LANE_DEAF] = {"times": len(deaf), "heard_until": {lane: _text(until) for lane, until in deaf}}
        for trouble, evidence in found.items():
            _BROKEN.labels(trouble).set(evidence["times"])
        broken = {trouble: evidence for trouble, evidence in found.items() if evidence["times"]}
        if broken and await take_turn(connection, "auditor", every=EVERY / 2, now=now):
            for trouble, evidence in broken.items():
                await report(connection, trouble, evidence, now=now)
    return now + EVERY


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
