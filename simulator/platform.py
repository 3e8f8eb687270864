"""The platform as the simulator sees it: ``/api/v1`` with a key, and nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from simulator.enrolment import Record
from simulator.errors import PlatformRefused

_ABREAST = 8
_WITHIN_S = 60.0
_TRIES = 60
_PAUSE_S = 0.5

T = TypeVar("T")


class SeenAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm attached to an incident. ``at`` is by the device's clock."""

    id: int
    source: str
    hazard: str
    state: str
    at: datetime | None
    received_at: datetime


class SeenNotification(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to reach somebody."""

    id: int
    responder: str | None
    channel: str
    purpose: str
    round: int
    step: int
    state: str
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    answered_at: datetime | None


class SeenParticipation(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has said."""

    responder: str
    accepted_at: datetime | None
    arrived_at: datetime | None


class SeenIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident in the list."""

    id: int
    hazard: str
    severity: int
    state: str
    subject_kind: str
    organisation: str
    household: str | None
    resident: str | None
    device: str | None
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    outcome: str | None


class WholeIncident(SeenIncident, frozen=True, kw_only=True):
    """An incident with everything that happened."""

    alarm_list: list[SeenAlarm]
    notifications: list[SeenNotification]
    participations: list[SeenParticipation]


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation says of itself: what it is for, its care time, and the stand-in that it calls."""

    deployment: str
    at: datetime
    care_speed: float
    phone: str | None


class _Page(msgspec.Struct, frozen=True):
    items: list[SeenIncident]
    next: str | None = None


class _State(msgspec.Struct, frozen=True):
    battery_at: datetime | None = None


class Platform:
    """A client of ``/api/v1``. Use as ``async with``. Waits patiently for a web process that is being restarted.

    Raises PlatformRefused for what the platform does not do, and after half a minute without an answer.
    """

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=_WITHIN_S, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def enrol(self, records: Sequence[Record], progress: Callable[[int], None] = lambda count: None) -> None:
        """Create or replace ``records``, rank by rank."""
        free = asyncio.Semaphore(_ABREAST)
        done = 0

        async def put(record: Record) -> None:
            nonlocal done
            async with free:
                await self._put(record)
            done += 1
            progress(done)

        for _, same_rank in groupby(records, key=lambda record: record.rank):
            async with asyncio.TaskGroup() as tasks:
                for record in same_rank:
                    tasks.create_task(put(record))

    async def retire(self, records: Sequence[Record], progress: Callable[[int], None] = lambda count: None) -> None:
        """Put ``records`` out of use, rank by rank; what is not there, or not any more, is none of them."""
        free = asyncio.Semaphore(_ABREAST)
        done = 0

        async def delete(record: Record) -> None:
            nonlocal done
            async with free:
                there = await self._ask("GET", record.path, allowed=(404,))
                if there.is_success:
                    await self._ask("DELETE", record.path, headers={"If-Match": there.headers["ETag"]})
            done += 1
            progress(done)

        for _, same_rank in groupby(records, key=lambda record: record.rank):
            async with asyncio.TaskGroup() as tasks:
                for record in same_rank:
                    tasks.create_task(delete(record))

    async def deployed(self) -> Deployed:
        """What the installation says of itself."""
        return await self._read("/deployment", Deployed)

    async def incidents(self, since: datetime, states: Sequence[str] = ()) -> list[SeenIncident]:
        """Incidents opened since then, the newest first; in one of ``states``, if any is given."""
        found: list[SeenIncident] = []
        cursor: str | None = None
        while True:
            query: dict[str, Any] = {"since": since.isoformat(), "limit": 500, "state": list(states)}
            page = await self._read("/incidents", _Page, {**query, **({"cursor": cursor} if cursor else {})})
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    async def whole(self, incident_id: int) -> WholeIncident:
        """One incident with everything that happened."""
        return await self._read(f"/incidents/{incident_id}", WholeIncident)

    async def battery_at(self, device_id: str) -> datetime | None:
        """When the latest battery level of a device was measured, as far as the platform has taken it in."""
        return (await self._read(f"/devices/{device_id}/state", _State)).battery_at

    async def say(self, incident_id: int, deed: str, **said: str) -> None:
        """``arrive``, ``close`` … as somebody tells the duty desk. The same said twice is not an error."""
        await self._ask("POST", f"/incidents/{incident_id}/{deed}", json=said)

    async def _put(self, record: Record) -> None:
        response = await self._ask("PUT", record.path, json=record.body, allowed=(428,))
        if response.status_code == 428:
            tag = (await self._ask("GET", record.path)).headers["ETag"]
            await self._ask("PUT", record.path, json=record.body, headers={"If-Match": tag})

    async def _read(self, path: str, kind: type[T], query: dict[str, Any] | None = None) -> T:
        response = await self._ask("GET", path, params=query)
        return msgspec.json.decode(response.content, type=kind)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        allowed: Sequence[int] = (),
    ) -> httpx.Response:
        reason = ""
        for _ in range(_TRIES):
            try:
                response = await self._client.request(method, path, json=json, params=params, headers=headers)
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                if response.is_success or response.status_code in allowed:
                    return response
                reason = f"{response.status_code}: {response.text[:500]}"
                if response.status_code not in (500, 502, 503, 504):
                    raise PlatformRefused(method, path, reason)
            await asyncio.sleep(_PAUSE_S)
        raise PlatformRefused(method, path, reason)
