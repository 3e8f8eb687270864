"""What devices measured and where residents were: behind the scope `health`, and as far as consent goes."""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import REFUSALS, HealthReader, Reader
from api.problems import Forbidden, NotFound, refused_field
from api.services import Services
from domain import written
from domain.consent import ConsentPurpose, Recipient
from domain.permissions import Actor, Scope
from store import audit, enrolled, measured
from store.consents import allowed_since
from store.measured import Sight, Span
from store.pool import Connection
from store.registry import Noun

DeviceId = Annotated[written.Code, Path(description="The id of the device.", examples=["band-1"])]
ResidentCode = Annotated[written.Code, Path(description="The code of the resident.", examples=["zhang-1"])]
Since = Annotated[written.Moment | None, Query(description="From then on; a day before `until` if not given.")]
Until = Annotated[written.Moment | None, Query(description="Until before then; now if not given.")]
Behind = Annotated[
    str | None, Query(max_length=32, pattern="^[A-Za-z0-9_-]+$", description="`next` of the part before.")
]
Many = Annotated[int, Query(ge=1, le=5000, description="How many at most.")]

_LONGEST_SPAN: Final = timedelta(days=31)
_CURSOR: Final = struct.Struct(">qi")  # microseconds since 1970, digest


class ReadingBody(BaseModel):
    """One reading; units are in the names, null is what was not measured or may not be shown."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
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


class Readings(BaseModel):
    """A part of what a device measured. Nothing of a kind in `withheld` is shown: nobody has consented to it."""

    items: list[ReadingBody]
    next: str | None
    resident: str | None
    withheld: Annotated[list[str], Field(examples=[["location"]])]


class FixBody(BaseModel):
    """Where a device was."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    device: str
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None


class Track(BaseModel):
    """A part of where a resident was."""

    items: list[FixBody]
    next: str | None


class DeviceStateBody(BaseModel):
    """What is known of a device now. Position and wearing take the scope `health` and consent."""

    model_config = ConfigDict(from_attributes=True)

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


def router(services: Services) -> APIRouter:
    """Readings, tracks and states, below devices and residents."""
    routes = APIRouter(prefix="/api/v1", tags=["measured"], responses=REFUSALS)

    @routes.get("/devices/{device_id}/readings", summary="What a device measured")
    async def readings(
        device_id: DeviceId,
        actor: HealthReader,
        since: Since = None,
        until: Until = None,
        cursor: Behind = None,
        limit: Many = 1000,
    ) -> Readings:
        now = services.clock.now()
        span = _span(since, until, cursor, limit, now)
        async with services.database.transaction() as connection:
            key = await _row(connection, actor, Noun.DEVICES, device_id)
            sight = await measured.sight_of_device(connection, key, recipient=Recipient.INTEGRATORS, now=now)
            found = await measured.readings(connection, key, span, sight)
            await _audit(connection, actor, "readings", sight.resident, now=now)
        shown = found[:limit]
        return Readings(
            items=[ReadingBody.model_validate(one) for one in shown],
            next=_cursor(shown[-1].at, shown[-1].digest) if len(found) > limit else None,
            resident=sight.resident,
            withheld=sight.withheld,
        )

    @routes.get("/devices/{device_id}/state", summary="What is known of a device now")
    async def state(device_id: DeviceId, actor: Reader) -> DeviceStateBody:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            key = await _row(connection, actor, Noun.DEVICES, device_id)
            sight = Sight(None, None, None)
            if Scope.HEALTH in actor.scopes:
                sight = await measured.sight_of_device(connection, key, recipient=Recipient.INTEGRATORS, now=now)
                await _audit(connection, actor, "state", sight.resident, now=now)
            found = DeviceStateBody.model_validate(await measured.device_state(connection, key))
        return _as_far_as_seen(found, sight)

    @routes.get("/residents/{code}/track", summary="Where a resident was")
    async def track(
        code: ResidentCode,
        actor: HealthReader,
        since: Since = None,
        until: Until = None,
        cursor: Behind = None,
        limit: Many = 1000,
    ) -> Track:
        now = services.clock.now()
        span = _span(since, until, cursor, limit, now)
        async with services.database.transaction() as connection:
            resident = await _row(connection, actor, Noun.RESIDENTS, code)
            allowed = await allowed_since(
                connection,
                resident,
                purpose=ConsentPurpose.LOCATION,
                recipient=Recipient.INTEGRATORS,
                now=now,
            )
            if allowed is None:
                raise Forbidden(f"nobody has consented that integrators see where {code} is")
            found = await measured.track(connection, resident, span, location_from=allowed)
            await _audit(connection, actor, "track", code, now=now)
        shown = found[:limit]
        return Track(
            items=[FixBody.model_validate(one) for one in shown],
            next=_cursor(shown[-1].at, shown[-1].digest) if len(found) > limit else None,
        )

    return routes


async def _row(connection: Connection, actor: Actor, noun: Noun, code: str) -> int:
    found = await enrolled.read(connection, noun, within=actor.organisation_id, codes=[code], retired=None)
    if not found:
        raise NotFound(f"there is no {code!r} among the {noun.value} here")
    return found[0].id


async def _audit(connection: Connection, actor: Actor, what: str, resident: str | None, *, now: datetime) -> None:
    if resident is not None:
        await audit.record(
            connection, actor.id, "view", Noun.RESIDENTS.value, [resident], now=now, detail={"what": what}
        )


def _as_far_as_seen(state: DeviceStateBody, sight: Sight) -> DeviceStateBody:
    hidden: dict[str, None] = {}
    if sight.location_from is None or state.position_at is None or state.position_at < sight.location_from:
        hidden |= dict.fromkeys(("lat", "lon", "accuracy_m", "position_at"))
    if sight.health_from is None or state.worn_at is None or state.worn_at < sight.health_from:
        hidden |= dict.fromkeys(("worn", "worn_at"))
    return state.model_copy(update=hidden)


def _span(since: datetime | None, until: datetime | None, cursor: str | None, limit: int, now: datetime) -> Span:
    ends = until or now
    begins = since or ends - timedelta(days=1)
    if not timedelta(0) < ends - begins <= _LONGEST_SPAN:
        raise refused_field(
            "query.since", begins.isoformat(), f"before until, and within {_LONGEST_SPAN.days} days of it"
        )
    return Span(begins, ends, None if cursor is None else _read_cursor(cursor), limit + 1)


def _cursor(at: datetime, digest: int) -> str:
    microseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_CURSOR.pack(microseconds, digest)).decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        microseconds, digest = _CURSOR.unpack(base64.urlsafe_b64decode(cursor))
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds), digest
    except (binascii.Error, struct.error, OverflowError):
        raise refused_field("query.cursor", cursor, "`next` of the part before") from None
