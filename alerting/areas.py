"""Many silent together: one incident speaks for them, and holds what they would be notified of one by one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from alerting.recovery import Recovery, recover
from devices.model import Hazard
from domain.area import TOGETHER_WITHIN, Area, Silent, areas, is_over
from domain.case import Reason
from domain.incident import IncidentId, SubjectKind
from domain.people import DeviceKey, Mode, OrganisationId
from store import areas as store
from store.incidents import OwnAlarm, raise_own
from store.pool import Connection, Database
from store.recovery import cancel
from store.timeline import NewEntry, append_many
from store.turns import take_turn

log = structlog.get_logger(__name__)

_BATCH: Final = 500


async def look_at_areas(database: Database, now: datetime) -> None:
    """End the areas that are over, give their devices back their voice, and find new areas. One engine at a time."""
    async with database.transaction() as connection:
        if not await take_turn(connection, "areas", every=timedelta(0), now=now):
            return
        await _end_areas(connection, now)
        await _find_areas(connection, now)
    released = _BATCH
    while released == _BATCH:
        async with database.transaction() as connection:
            released = await _release(connection, now)


async def _end_areas(connection: Connection, now: datetime) -> None:
    recoveries = [
        Recovery(
            incident_id=incident,
            because="heard_again",
            evidence={"devices": members, "heard_again": back, "still_silent": members - back},
        )
        for incident, members, back in await store.standing(connection)
        if is_over(members, back)
    ]
    if recoveries:
        await recover(connection, recoveries, now=now)


async def _release(connection: Connection, now: datetime) -> int:
    released = await store.release(connection, now=now, limit=_BATCH)
    await append_many(
        connection,
        now,
        [
            NewEntry(incident_id=incident, kind="released", reason="area_over", detail={"area": area})
            for incident, area in released
        ],
    )
    return len(released)


async def _find_areas(connection: Connection, now: datetime) -> None:
    """Let a silent gateway speak for what is behind it, an open area for whoever joins it, and a new one for those who
    fell silent together.
    """
    lately = await store.silent_lately(connection, since=now - TOGETHER_WITHIN)
    if not lately:
        return
    spoken_for = await store.behind_gateways(connection, [one.device_key for one in lately])
    spoken_for |= await _joining(connection, [one for one in lately if one.device_key not in spoken_for])
    by_speaker: defaultdict[IncidentId, list[DeviceKey]] = defaultdict(list)
    for device, speaker in spoken_for.items():
        by_speaker[speaker].append(device)
    alone = [one for one in lately if one.device_key not in spoken_for]
    for area in areas(alone, await store.watched(connection)) if alone else ():
        incident = await _raise_area(connection, area, now)
        by_speaker[incident] += [one.device_key for one in area.silent]
    for speaker, devices in by_speaker.items():
        await _hold(connection, speaker, devices, now)


async def _joining(connection: Connection, silent: Iterable[Silent]) -> dict[DeviceKey, IncidentId]:
    """Who fell silent where an area incident is open already, with the nearest one."""
    open_by: Mapping[tuple[Mode, OrganisationId], IncidentId] = {
        (one.mode, one.organisation_id): one.incident_id for one in await store.open_areas(connection)
    }
    joining: dict[DeviceKey, IncidentId] = {}
    for one in silent:
        nearest = next((open_by[one.mode, own] for own in reversed(one.path) if (one.mode, own) in open_by), None)
        if nearest is not None:
            joining[one.device_key] = nearest
    return joining


async def _raise_area(connection: Connection, area: Area, now: datetime) -> IncidentId:
    evidence: dict[str, Any] = {"devices": len(area.silent), "homes": area.homes}
    log.warning("many devices fell silent together", organisation=area.organisation_id, **evidence)
    raised = await raise_own(
        connection,
        OwnAlarm(
            source="areas",
            identity=f"silent|{area.organisation_id}|{area.silent[0].incident_id}",
            hazard=Hazard.AREA_OUTAGE,
            subject_kind=SubjectKind.ORGANISATION,
            subject_id=str(area.organisation_id),
            organisation_id=area.organisation_id,
            mode=area.mode,
            reason="silent_together",
            evidence=evidence,
        ),
        now=now,
    )
    assert raised is not None, "an incident that begins an area is held from then on, and begins no other"
    return raised[0]


async def _hold(connection: Connection, speaker: IncidentId, devices: Collection[DeviceKey], now: datetime) -> None:
    held = await store.hold(connection, speaker, devices)
    await cancel(connection, held)
    await append_many(
        connection,
        now,
        [
            NewEntry(incident_id=one, kind="held", reason=Reason.HELD_BY_AREA.value, detail={"area": speaker})
            for one in held
        ],
    )
