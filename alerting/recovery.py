"""The one way in which the system itself ends an incident: a technical matter that is over, with the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from devices.model import Hazard
from domain.incident import IncidentId, IncidentState, Outcome, after_closing
from store import recovery as store
from store.pool import Connection
from store.timeline import NewEntry, append_many

RECOVERABLE: Final = frozenset({Hazard.DEVICE_OFFLINE, Hazard.LOW_BATTERY, Hazard.AREA_OUTAGE})
"""What may be over without anybody's word. Nothing that concerns a person is among it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """An incident that is over, why, and how we know (ids, figures and times only)."""

    incident_id: IncidentId
    because: str
    evidence: Mapping[str, Any]


async def recover(connection: Connection, recoveries: Sequence[Recovery], *, now: datetime) -> int:
    """End these incidents as ``recovered``, in the caller's transaction, and return how many that were: one that has
    ended already, or that only a person may end, stays as it is.
    """
    by_id = {one.incident_id: one for one in recoveries}
    met = await store.lock(connection, by_id)
    ended = [one.id for one in met if one.hazard in RECOVERABLE and _ends(one)]
    if not ended:
        return 0
    cancelled = await store.resolve(connection, ended, now=now)
    await append_many(
        connection,
        now,
        [
            NewEntry(
                incident_id=one,
                kind="resolved",
                reason=Outcome.RECOVERED.value,
                detail={"because": by_id[one].because, "cancelled": cancelled[one], **by_id[one].evidence},
            )
            for one in ended
        ],
    )
    return len(ended)


def _ends(met: store.Met) -> bool:
    after = after_closing(met.state, outcome=Outcome.RECOVERED, severity=met.severity, by_person=False)
    return after is IncidentState.RESOLVED
