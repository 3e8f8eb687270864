"""Which incidents are held because their device cannot make up its mind: the rule of kind ``flapping``, asked when an
incident is due. What is recorded stays recorded; only who would be told waits until the device has settled.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from alerting.rulebook import load_rulebook
from alerting.rules import flapping
from alerting.rules.flapping import NEVER_HELD, FlappingRule
from alerting.rules.panel import Member
from devices.model import DeviceKind, SignalState
from domain.case import Reason
from domain.incident import LOW_SEVERITY, IncidentId
from store import correlations as store
from store.incidents import DueIncident
from store.pool import Connection
from store.timeline import NewEntry, append_many

_LONGEST: Final = timedelta(days=8)
"""A window and a quiet time at their longest."""


async def unsteady(connection: Connection, due: Sequence[DueIncident], *, now: datetime) -> set[IncidentId]:
    """Which of the ``due`` incidents wait until their device has settled; told on the timeline once in that time."""
    asked = [one for one in due if one.standing.severity >= LOW_SEVERITY and one.hazard not in NEVER_HELD]
    said = await store.signals(connection, [one.id for one in asked], since=now - _LONGEST) if asked else {}
    if not any(len(signals) > 2 for signals in said.values()):
        return set()
    rulebook = await load_rulebook(connection)
    held: set[IncidentId] = set()
    for one in asked:
        household = str(one.household_id) if one.household_id is not None else None
        member = Member(device="0", kind=DeviceKind.GATEWAY, household=household)
        rules = rulebook.rules_for(one.organisation_id, member, None)
        rule = next((r for r in rules if isinstance(r, FlappingRule) and r.hazard is one.hazard and r.enabled), None)
        if rule is None or rule.trial or not _flaps(rule, one, said.get(one.id, []), now):
            continue
        held.add(one.id)
        if not await store.told(connection, one.id, Reason.FLAPPING, since=now - timedelta(seconds=rule.quiet_s)):
            detail = {"changes": rule.changes, "within_s": rule.within_s, "quiet_s": rule.quiet_s}
            entry = NewEntry(incident_id=one.id, kind="held", reason=Reason.FLAPPING.value, detail=detail)
            await append_many(connection, now, [entry])
    return held


def _flaps(rule: FlappingRule, incident: DueIncident, said: Sequence[tuple[SignalState, float]], now: datetime) -> bool:
    state = flapping.begin(rule, f"incident:{incident.id}")
    for says, at in said:
        state, _ = flapping.expire(rule, state, at)
        state, _ = flapping.signal(rule, state, incident.hazard, says, at)
    state, _ = flapping.expire(rule, state, now.timestamp())
    return flapping.holds(state, incident.hazard)
