"""Watches: what supervision reads, locks and writes. Each function is a part of the caller's transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from devices.model import DeviceKind, Hazard
from domain.incident import IncidentId
from domain.people import DeviceKey, Mode
from domain.supervision import LOW_BATTERY_PCT, WELL_BATTERY_PCT, Battery, Heard, Judgement, Outage, Watch
from store.pool import Connection
from store.queries import queries

_WORN: Final = [kind.value for kind in DeviceKind if kind.worn]
_WATCH: Final = tuple(
    field.name for field in fields(Watch) if field.name not in ("silent_after", "resting", "armed_at")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a watched device belongs, as its watch was settled."""

    mode: Mode
    organisation_id: int
    household_id: int | None
    resident_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A watch that is locked for this transaction."""

    watch: Watch
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBattery:
    """The battery of a watch that is locked for this transaction, and what has been measured since the last look."""

    device_key: DeviceKey
    device_id: str
    place: Place
    battery: Battery
    percent: float
    charging: bool | None
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class BatteryWell:
    """An incident whose battery is low no more, and why we know."""

    incident_id: IncidentId
    battery_pct: float | None
    battery_at: datetime | None
    said: str | None


async def settle(connection: Connection, *, now: datetime, limit: int) -> int:
    """Make the watches of up to ``limit`` devices whose registration has changed fit it, and return how many."""
    cursor = await connection.execute(queries("supervision").settle, {"worn": _WORN, "now": now, "limit": limit})
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def horizon(connection: Connection) -> datetime | None:
    """Up to when everything that devices published has been heard; None while a lane has never heard its canary."""
    row = await (await connection.execute(queries("supervision").horizon)).fetchone()
    assert row is not None
    moment: datetime | None = row[0]
    return moment


async def outages(connection: Connection, *, now: datetime) -> tuple[Outage, ...]:
    """Our own outages, in order of their beginning. Read them after :func:`horizon`."""
    rows = await (await connection.execute(queries("supervision").outages, {"now": now})).fetchall()
    return tuple(Outage(began_at=row[0], excused_until=row[1]) for row in rows)


async def claim(connection: Connection, *, horizon: datetime, limit: int) -> list[Claimed]:
    """Lock up to ``limit`` watches that are to be looked at; what others have locked is passed over."""
    cursor = await connection.execute(queries("supervision").claim, {"horizon": horizon, "limit": limit})
    return [
        Claimed(
            watch=Watch(
                device_key=DeviceKey(row[0]),
                silent_after=row[1],
                resting=row[2],
                armed_at=row[3],
                offline_since=row[4],
                offline_session=row[5],
                silent_since=row[6],
                judged_at=row[7],
                back_since=row[8],
                recovered_at=row[9],
                epoch=row[10],
            ),
            place=Place(mode=Mode(row[11]), organisation_id=row[12], household_id=row[13], resident_id=row[14]),
        )
        for row in await cursor.fetchall()
    ]


async def heard(connection: Connection, device_keys: Collection[int]) -> dict[int, tuple[str, Heard]]:
    """The name of each device, and what has been heard of it."""
    cursor = await connection.execute(queries("supervision").heard, {"device_keys": list(device_keys)})
    return {row[0]: (row[1], Heard(last_at=row[2], online=row[3], session=row[4])) for row in await cursor.fetchall()}


async def write(connection: Connection, judgements: Sequence[Judgement]) -> None:
    """Write how watches stand after a look."""
    rows = [
        {name: _json(getattr(one.watch, name)) for name in _WATCH} | {"due_at": _json(one.due_at)} for one in judgements
    ]
    await connection.execute(queries("supervision").write, {"rows": Jsonb(rows)})


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


async def claim_batteries(connection: Connection, *, limit: int) -> list[ClaimedBattery]:
    """Lock up to ``limit`` watches whose battery has something new to say of its being low."""
    parameters = {"low_pct": LOW_BATTERY_PCT, "limit": limit}
    cursor = await connection.execute(queries("supervision").claim_batteries, parameters)
    return [
        ClaimedBattery(
            device_key=DeviceKey(row[0]),
            device_id=row[1],
            place=Place(mode=Mode(row[2]), organisation_id=row[3], household_id=row[4], resident_id=row[5]),
            battery=Battery(low=row[6], doubted=row[7]),
            percent=row[8],
            charging=row[9],
            measured_at=row[10],
        )
        for row in await cursor.fetchall()
    ]


async def write_batteries(connection: Connection, judged: Sequence[tuple[ClaimedBattery, Battery]]) -> None:
    """Write what is held of batteries after a look."""
    rows = [
        {
            "device_key": claimed.device_key,
            "low": battery.low,
            "doubted": battery.doubted,
            "seen_at": claimed.measured_at.isoformat(),
        }
        for claimed, battery in judged
    ]
    await connection.execute(queries("supervision").write_batteries, {"rows": Jsonb(rows)})


async def open_of(
    connection: Connection, hazard: Hazard, device_keys: Collection[int]
) -> list[tuple[DeviceKey, IncidentId]]:
    """The unresolved incidents of ``hazard`` about these devices."""
    parameters = {"hazard": hazard.value, "device_keys": list(device_keys)}
    rows = await (await connection.execute(queries("supervision").open_of, parameters)).fetchall()
    return [(DeviceKey(row[0]), IncidentId(row[1])) for row in rows]


async def batteries_well(connection: Connection, *, own_source: str) -> list[BatteryWell]:
    """Unresolved incidents of batteries that are low no more. ``own_source`` is ours, not a device's."""
    parameters = {"own_source": own_source, "low_pct": LOW_BATTERY_PCT, "well_pct": WELL_BATTERY_PCT}
    rows = await (await connection.execute(queries("supervision").batteries_well, parameters)).fetchall()
    return [BatteryWell(IncidentId(row[0]), *row[1:]) for row in rows]


async def offline_no_more(connection: Connection) -> list[tuple[IncidentId, datetime]]:
    """Incidents of silence that somebody else raised, and when the device was heard after that."""
    rows = await (await connection.execute(queries("supervision").offline_no_more)).fetchall()
    return [(IncidentId(row[0]), row[1]) for row in rows]


async def out_of_place(connection: Connection) -> list[tuple[IncidentId, bool]]:
    """Technical incidents whose device is not watched where they say; True: because it is retired."""
    rows = await (await connection.execute(queries("supervision").out_of_place)).fetchall()
    return [(IncidentId(row[0]), row[1]) for row in rows]
