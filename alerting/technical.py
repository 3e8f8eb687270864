"""Matters of the device itself: raising them, batteries, and ending what is over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from alerting.recovery import Recovery, recover
from devices.model import Hazard
from domain.incident import SubjectKind
from domain.people import DeviceKey
from domain.supervision import judge_battery
from store import supervision as store
from store.incidents import OwnAlarm, raise_own
from store.pool import Connection
from store.supervision import Place

SOURCE: Final = "supervision"
_BATCH: Final = 500


async def raise_technical(
    connection: Connection,
    hazard: Hazard,
    device: DeviceKey,
    place: Place,
    *,
    identity: str,
    reason: str,
    evidence: Mapping[str, Any],
    first_step_at: datetime,
    now: datetime,
) -> None:
    """Raise an incident about a device itself; the same ``identity`` again is no news."""
    await raise_own(
        connection,
        OwnAlarm(
            source=SOURCE,
            identity=identity,
            hazard=hazard,
            subject_kind=SubjectKind.DEVICE,
            subject_id=str(device),
            organisation_id=place.organisation_id,
            mode=place.mode,
            household_id=place.household_id,
            resident_id=place.resident_id,
            device_key=device,
            reason=reason,
            evidence=evidence,
            first_step_at=first_step_at,
        ),
        now=now,
    )


async def judge_batteries(connection: Connection, *, now: datetime) -> None:
    """Raise an incident for each battery that has become low."""
    claimed = await store.claim_batteries(connection, limit=_BATCH)
    if not claimed:
        return
    judged = [(one, judge_battery(one.battery, one.percent, charging=one.charging)) for one in claimed]
    await store.write_batteries(connection, judged)
    for one, battery in judged:
        if battery.low and not one.battery.low:
            await raise_technical(
                connection,
                Hazard.LOW_BATTERY,
                one.device_key,
                one.place,
                identity=f"low|{one.device_key}|{one.measured_at.isoformat()}",
                reason="measured_low",
                evidence={
                    "device_id": one.device_id,
                    "battery_pct": one.percent,
                    "measured_at": one.measured_at.isoformat(),
                },
                first_step_at=now,
                now=now,
            )


async def recover_technical(connection: Connection, *, now: datetime) -> int:
    """End what is over: batteries that are well, silence that only somebody's word had raised, and whatever concerns a
    device that is retired or in another home by now. Returns how many incidents that were.
    """
    recoveries = [
        Recovery(
            incident_id=one.incident_id,
            because="battery_well" if one.said != "cleared" else "cleared_by_device",
            evidence={
                "battery_pct": one.battery_pct,
                "measured_at": one.battery_at.isoformat() if one.battery_at is not None else None,
                "device_says": one.said,
            },
        )
        for one in await store.batteries_well(connection, own_source=SOURCE)
    ]
    recoveries += [
        Recovery(incident_id=incident, because="heard_again", evidence={"heard_at": heard_at.isoformat()})
        for incident, heard_at in await store.offline_no_more(connection)
    ]
    recoveries += [
        Recovery(incident_id=incident, because="retired" if retired else "moved", evidence={})
        for incident, retired in await store.out_of_place(connection)
    ]
    return await recover(connection, recoveries, now=now) if recoveries else 0
