"""What devices measured, shown as far as consent goes."""

from dataclasses import dataclass
from datetime import datetime

from domain.consent import ConsentPurpose, Recipient
from store.consents import allowed_since
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True)
class Sight:
    """How far one may look: from which moments on location and health are covered by consent; None: not at all."""

    resident: str | None
    location_from: datetime | None
    health_from: datetime | None

    @property
    def withheld(self) -> list[str]:
        """What is not shown at all."""
        return [
            name for name, since in (("location", self.location_from), ("health", self.health_from)) if since is None
        ]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time from ``since`` until ``until``, behind the reading ``after`` (moment and digest)."""

    since: datetime
    until: datetime
    after: tuple[datetime, int] | None
    limit: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading; units are in the names. ``digest`` with ``at`` tells it from others of its device."""

    at: datetime
    digest: int
    received_at: datetime
    seq: int | None
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    speed_mps: float | None
    heart_rate_bpm: float | None
    spo2_pct: float | None
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    temperature_c: float | None
    steps: int | None
    motion: bool | None
    worn: bool | None
    contact_open: bool | None
    smoke_level: float | None
    battery_pct: float | None
    rssi_dbm: float | None
    charging: bool | None


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a device was."""

    at: datetime
    digest: int
    device: str
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What is known of a device now."""

    last_seen_at: datetime | None
    online: bool | None
    battery_pct: float | None
    battery_at: datetime | None
    charging: bool | None
    charging_at: datetime | None
    silent_since: datetime | None
    worn: bool | None
    worn_at: datetime | None
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    position_at: datetime | None


async def sight_of_device(connection: Connection, device_key: int, *, recipient: Recipient, now: datetime) -> Sight:
    """How far ``recipient`` may look into what a device measured. Nobody consents for a device without a resident,
    and nobody for what it measured while it belonged to somebody else.
    """
    row = await (await connection.execute(queries("measured").bearer, {"device_key": device_key})).fetchone()
    if row is None or row[0] is None:
        return Sight(None, None, None)
    resident_id, code, bound_at = row
    since = {
        purpose: await allowed_since(connection, resident_id, purpose=purpose, recipient=recipient, now=now)
        for purpose in (ConsentPurpose.LOCATION, ConsentPurpose.HEALTH)
    }
    location, health = (None if one is None else max(one, bound_at) for one in since.values())
    return Sight(code, location, health)


async def readings(connection: Connection, device_key: int, span: Span, sight: Sight) -> list[Measured]:
    """What a device measured, in order of time."""
    after_at, after_digest = span.after or (None, None)
    cursor = await connection.execute(
        queries("measured").readings,
        {
            "device_key": device_key,
            "since": span.since,
            "until": span.until,
            "after_at": after_at,
            "after_digest": after_digest,
            "limit": span.limit,
            "location_from": sight.location_from,
            "health_from": sight.health_from,
        },
    )
    return [Measured(*row) for row in await cursor.fetchall()]


async def track(connection: Connection, resident_id: int, span: Span, *, location_from: datetime) -> list[Fix]:
    """Where a resident's devices were, since they have been hers, in order of time."""
    after_at, after_digest = span.after or (None, None)
    cursor = await connection.execute(
        queries("measured").track,
        {
            "resident_id": resident_id,
            "since": span.since,
            "until": span.until,
            "after_at": after_at,
            "after_digest": after_digest,
            "limit": span.limit,
            "location_from": location_from,
        },
    )
    return [Fix(*row) for row in await cursor.fetchall()]


async def device_state(connection: Connection, device_key: int) -> DeviceState:
    """What is known of a device now; whoever shows it to somebody asks :func:`sight_of_device` about position and
    wearing first.
    """
    row = await (await connection.execute(queries("measured").device_state, {"device_key": device_key})).fetchone()
    return DeviceState(*([None] * len(DeviceState.__slots__) if row is None else row))
