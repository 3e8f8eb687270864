"""The loop that listens for silence: what has not spoken for longer than its class allows is an incident, what speaks
again ends it. Time counts only while we are known to hear (see :mod:`domain.supervision`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from alerting.areas import look_at_areas
from alerting.recovery import Recovery, recover
from alerting.technical import judge_batteries, raise_technical, recover_technical
from devices.model import Hazard
from domain.incident import IncidentId
from domain.people import DeviceKey
from domain.supervision import GATHER_FOR, Finding, Heard, Judgement, Outage, judge
from store import supervision as store
from store.pool import Connection, Database
from store.supervision import Claimed
from store.timeline import NewEntry, append_many
from store.turns import take_turn

LOOK_EVERY: Final = timedelta(seconds=5)
BATCH: Final = 1000
"""Watches judged in one transaction: an incident may have to be raised for each of them."""
_SETTLE_BATCH: Final = 10000
_TECHNICAL_EVERY: Final = timedelta(minutes=1)

_FOUND = Counter("carewatch_supervision_looks_total", "Watches looked at, by what was found", ["finding"])


async def supervision_turn(database: Database, now: datetime) -> datetime:
    """Judge every device that is due, find areas, end what is over; again after :data:`LOOK_EVERY`."""
    await settle(database, now)
    await judge_silence(database, now)
    await look_at_areas(database, now)
    async with database.transaction() as connection:
        if await take_turn(connection, "technical", every=_TECHNICAL_EVERY, now=now):
            await judge_batteries(connection, now=now)
            await recover_technical(connection, now=now)
    return now + LOOK_EVERY


async def settle(database: Database, now: datetime) -> None:
    """Make the watches fit the registration of their devices."""
    settled = _SETTLE_BATCH
    while settled == _SETTLE_BATCH:
        async with database.transaction() as connection:
            settled = await store.settle(connection, now=now, limit=_SETTLE_BATCH)


async def judge_silence(database: Database, now: datetime) -> None:
    """Look at every watch that is due, up to the moment until which everything has been heard; without one at none."""
    async with database.transaction() as connection:
        horizon = await store.horizon(connection)
        outages = await store.outages(connection, now=now)
    looked = BATCH
    while horizon is not None and looked == BATCH:
        async with database.transaction() as connection:
            looked = await look(connection, horizon=horizon, outages=outages, now=now)


@dataclass(frozen=True, slots=True)
class _Look:
    """One watch and what a look at it found."""

    claimed: Claimed
    name: str
    heard: Heard
    judgement: Judgement

    @property
    def key(self) -> DeviceKey:
        return self.judgement.watch.device_key


async def look(connection: Connection, *, horizon: datetime, outages: Sequence[Outage], now: datetime) -> int:
    """Judge up to :data:`BATCH` watches in the caller's transaction and return how many there were."""
    claimed = await store.claim(connection, horizon=horizon, limit=BATCH)
    if not claimed:
        return 0
    # Only now, under the locks: a judgement must not rest on words older than those another engine judged by.
    heard = await store.heard(connection, [one.watch.device_key for one in claimed])
    looks = []
    for one in claimed:
        name, words = heard[one.watch.device_key]
        judgement = judge(one.watch, words, horizon=horizon, now=now, outages=outages)
        _FOUND.labels(judgement.finding).inc()
        looks.append(_Look(one, name, words, judgement))
    await store.write(connection, [found.judgement for found in looks])
    for fallen in (found for found in looks if found.judgement.finding.fallen_silent):
        await _raise_silence(connection, fallen, horizon=horizon, now=now)
    await _recover(connection, [found for found in looks if found.judgement.finding is Finding.HEARD_AGAIN], now=now)
    await _record(connection, [found for found in looks if found.judgement.finding is Finding.UNSTEADY], now=now)
    return len(claimed)


async def _raise_silence(connection: Connection, one: _Look, *, horizon: datetime, now: datetime) -> None:
    watch = one.judgement.watch
    assert watch.silent_since is not None
    await raise_technical(
        connection,
        Hazard.DEVICE_OFFLINE,
        watch.device_key,
        one.claimed.place,
        # A watch that is made anew counts its silences anew.
        identity=f"silent|{watch.device_key}|{watch.epoch}|{watch.silent_since.isoformat()}",
        reason=one.judgement.finding.value,
        evidence={
            "device_id": one.name,
            "last_heard_at": _text(one.heard.last_at),
            "silent_since": _text(watch.silent_since),
            "offline_since": _text(watch.offline_since),
            "silent_after_s": watch.silent_after.total_seconds(),
            "heard_until": _text(horizon),
        },
        first_step_at=now + min(watch.silent_after, GATHER_FOR),
        now=now,
    )


async def _recover(connection: Connection, looks: Sequence[_Look], *, now: datetime) -> None:
    by_key = {one.key: one for one in looks}
    recoveries = [
        Recovery(
            incident_id=incident,
            because="heard_again",
            evidence={
                "heard_at": _text(by_key[key].heard.last_at),
                "silent_since": _text(by_key[key].claimed.watch.silent_since),
            },
        )
        for key, incident in await _open(connection, looks)
    ]
    if recoveries:
        await recover(connection, recoveries, now=now)


async def _record(connection: Connection, looks: Sequence[_Look], *, now: datetime) -> None:
    by_key = {one.key: one for one in looks}
    await append_many(
        connection,
        now,
        [
            NewEntry(
                incident_id=incident,
                kind="heard_again",
                reason=Finding.UNSTEADY.value,
                detail={
                    "heard_at": _text(by_key[key].heard.last_at),
                    "look_again_at": _text(by_key[key].judgement.due_at),
                },
            )
            for key, incident in await _open(connection, looks)
        ],
    )


async def _open(connection: Connection, looks: Sequence[_Look]) -> list[tuple[DeviceKey, IncidentId]]:
    if not looks:
        return []
    return await store.open_of(connection, Hazard.DEVICE_OFFLINE, [one.key for one in looks])


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
