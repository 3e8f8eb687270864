"""The loop that sees what incidents of one home mean together: fire, a call for help in it, a fall after which nobody
moves.
"""

from datetime import datetime, timedelta
from typing import Final

from alerting.rulebook import load_rulebook
from alerting.rules.correlation import CorrelationRule, Unresolved, correlate
from alerting.rules.panel import Member
from devices.model import DeviceKind
from store import correlations as store
from store.pool import Connection, Database
from store.timeline import NewEntry, append_many

LOOK_EVERY: Final = timedelta(seconds=5)


async def together_turn(database: Database, now: datetime) -> datetime:
    """Make graver what has become so; again after :data:`LOOK_EVERY`."""
    async with database.transaction() as connection:
        await look_together(connection, now=now)
    return now + LOOK_EVERY


async def look_together(connection: Connection, *, now: datetime) -> int:
    """Look at every home with unresolved incidents, in the caller's transaction. Returns how many became graver."""
    rulebook = await load_rulebook(connection)
    hazards = rulebook.hazards(CorrelationRule)
    found = await store.candidates(connection, hazards) if hazards else []
    if not found:
        return 0
    homes: dict[int, list[store.HomeIncident]] = {}
    for one in found:
        homes.setdefault(one.household_id, []).append(one)
    signs = await store.last_signs(connection, homes, now=now)
    entries = []
    for household, incidents in homes.items():
        member = Member(device="0", kind=DeviceKind.GATEWAY, household=str(household))
        rules = rulebook.rules_for(incidents[0].organisation_id, member, None)
        graver = correlate(
            [one for one in rules if isinstance(one, CorrelationRule) and not one.trial],
            [
                Unresolved(id=one.id, hazard=one.hazard, severity=one.severity, opened_at=one.opened_at)
                for one in incidents
            ],
            last_sign_at=signs.get(household),
            now=now.timestamp(),
        )
        for worse in graver:
            if await store.make_graver(connection, worse.incident, worse.severity):
                detail = {"now": worse.severity, "beside": worse.beside, "still_since": worse.still_since}
                kept = {name: value for name, value in detail.items() if value is not None}
                entry = NewEntry(incident_id=worse.incident, kind="severity_raised", reason=worse.reason, detail=kept)
                entries.append(entry)
    await append_many(connection, now, entries)
    return len(entries)
