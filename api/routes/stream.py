"""The live stream: every entry of every timeline of a subtree, as server-sent events, with resume.

Numbers of entries are given out before their transactions commit, so a lower one may appear after a higher one. A
stream therefore remembers the gaps it has seen, and looks for them again until no transaction can be that old. The
``id:`` that it sends is the number up to which everything has been sent: whoever resumes from it may see an entry twice
(each carries its own ``id`` in its data) and never misses one.
"""

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.access import REFUSALS, Reader
from api.services import Services
from domain.permissions import Actor
from store.accounts import key_counts
from store.errors import StoreError
from store.incident_views import Event, events, newest_event

_POLL_EVERY_S: Final = 1.0
_HEARTBEAT_EVERY_S: Final = 15.0
_BATCH: Final = 500
_MAX_GAPS: Final = 10_000
# The store ends statements, and transactions that idle, after 60 s: no open transaction holds a number much longer.
_GAP_LIVES_S: Final = 150.0

LastEventId = Annotated[
    str | None,
    Header(
        pattern="^[0-9]{1,18}$",
        description="Resume behind this event; without it the stream begins now.",
        examples=["1042"],
    ),
]


class StreamEvent(BaseModel):
    """The data of one event: an entry of a timeline, and how its incident is now."""

    id: int
    incident_id: int
    number: int
    hazard: str
    severity: int
    state: str
    mode: str
    organisation: str
    at: str
    kind: str
    reason: str
    actor: str
    detail: dict[str, object]


class Follower:
    """Where one stream stands: ``floor``, up to which nothing is missing, and the gaps above it.

    ``machine_time`` is the monotonic clock, in seconds.
    """

    def __init__(self, floor: int, machine_time: Callable[[], float] = time.monotonic) -> None:
        self.floor = floor
        self._top = floor
        self._gaps: dict[int, float] = {}
        self._machine_time = machine_time

    @property
    def after(self) -> int:
        """The highest number seen."""
        return self._top

    @property
    def missing(self) -> list[int]:
        """Numbers below it that have not appeared yet."""
        return list(self._gaps)

    def take(self, seen: list[Event]) -> list[Event]:
        """Note what came, and return what of it is to be shown."""
        now_s = self._machine_time()
        for event in seen:
            if event.id > self._top:
                first = max(self._top + 1, event.id - _MAX_GAPS)
                self._gaps |= dict.fromkeys(range(first, event.id), now_s)
                self._top = event.id
            else:
                self._gaps.pop(event.id, None)
        self._gaps = {gap: since_s for gap, since_s in self._gaps.items() if now_s - since_s < _GAP_LIVES_S}
        self.floor = min(self._gaps, default=self._top + 1) - 1
        return [event for event in seen if event.visible]


def router(services: Services) -> APIRouter:
    """``/api/v1/stream``."""
    routes = APIRouter(prefix="/api/v1", tags=["incidents"], responses=REFUSALS)

    @routes.get(
        "/stream",
        summary="What happens to incidents, as it happens",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Server-sent events named `timeline`; the data of each is a StreamEvent.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    )
    async def stream(actor: Reader, last_event_id: LastEventId = None) -> StreamingResponse:
        if last_event_id is None:
            async with services.database.transaction() as connection:
                floor = await newest_event(connection)
        else:
            floor = int(last_event_id)
        return StreamingResponse(_follow(services, actor, Follower(floor)), media_type="text/event-stream")

    return routes


async def _follow(services: Services, actor: Actor, follower: Follower) -> AsyncIterator[str]:
    yield f"retry: 2000\nid: {follower.floor}\n\n"
    checked_s = time.monotonic()
    while not services.stopping.is_set():
        try:
            async with services.database.transaction() as connection:
                seen = await events(connection, actor, after=follower.after, missing=follower.missing, limit=_BATCH)
        except StoreError:
            seen = []  # the database is away: the stream goes on when it is back
        shown = follower.take(seen)
        for event in shown:
            yield f"event: timeline\ndata: {_data(event)}\n\n"
        # Only now is everything up to there sent; a comment and an id without data are no event.
        if shown or time.monotonic() - checked_s > _HEARTBEAT_EVERY_S:
            yield f": so far\nid: {follower.floor}\n\n"
        if time.monotonic() - checked_s > _HEARTBEAT_EVERY_S:
            if not await _still_welcome(services, actor):
                return
            checked_s = time.monotonic()
        if len(seen) < _BATCH:
            await services.pulse.wait(_POLL_EVERY_S)


async def _still_welcome(services: Services, actor: Actor) -> bool:
    try:
        async with services.database.transaction() as connection:
            return await key_counts(connection, actor, now=services.clock.now())
    except StoreError:
        return True  # nothing can be seen either while the database is away


def _data(event: Event) -> str:
    body = StreamEvent(
        id=event.id,
        incident_id=event.incident_id,
        number=event.number,
        hazard=event.hazard,
        severity=event.severity,
        state=event.state,
        mode=event.mode,
        organisation=event.organisation,
        at=event.at.isoformat(),
        kind=event.kind,
        reason=event.reason,
        actor=event.actor,
        detail=dict(event.detail),
    )
    return json.dumps(body.model_dump(), ensure_ascii=False)
