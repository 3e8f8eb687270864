"""How the platform is, and what it could not understand."""

import base64
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerting.deployment import Deployment
from api.access import REFUSALS, Manager, Reader
from api.paging import Limit, Number
from api.records import Page
from api.services import Services
from domain.permissions import Scope
from domain.written import OptionalLine
from store import audit
from store.platform_views import lanes, overview, quarantined
from store.pool import care_time

OfReason = Annotated[OptionalLine | None, Query(description="Only those refused for this reason.")]


class QuarantinedBody(BaseModel):
    """A message that could not be understood."""

    id: int
    reason: str
    topic: str
    device: str | None
    cell: str | None
    detail: str
    size_bytes: int
    first_at: datetime
    last_at: datetime
    times: Annotated[int, Field(description="How often it came, byte for byte the same.")]
    payload_base64: Annotated[
        str | None,
        Field(description="Its beginning; null without the scope `health`, for it may say where somebody is."),
    ]


class LaneBody(BaseModel):
    """A lane of ingest, by its canary, which goes through the same broker as devices do."""

    lane: str
    published_at: datetime
    committed_at: datetime | None
    behind_s: Annotated[float | None, Field(description="Care time between now and the last canary committed.")]


class DeploymentBody(BaseModel):
    """What this installation is for, and what time it is in it."""

    deployment: Annotated[Deployment, Field(description="Anything but `production` holds made-up homes.")]
    at: Annotated[datetime, Field(description="Care time.")]
    care_speed: Annotated[float, Field(description="Seconds of care time in a second: 1 unless a test changes it.")]
    phone: Annotated[
        str | None,
        Field(description="Where the stand-in for the phone network is; null in production, which has a real one."),
    ]


class OverviewBody(BaseModel):
    """How a subtree is."""

    at: datetime
    incidents: Annotated[dict[str, int], Field(description="Unresolved ones by state.", examples=[{"open": 2}])]
    overdue_since: Annotated[datetime | None, Field(description="The oldest step that the engine has not taken yet.")]
    waiting_notifications: Annotated[int, Field(description="Due, and not yet handed to a provider.")]
    devices: int
    silent_devices: int
    lanes: list[LaneBody]


def router(services: Services) -> APIRouter:
    """``/api/v1/overview``, ``/api/v1/deployment`` and ``/api/v1/quarantine``."""
    routes = APIRouter(prefix="/api/v1", tags=["platform"], responses=REFUSALS)

    @routes.get("/overview", summary="How this organisation and the platform are")
    async def how_it_is(actor: Reader) -> OverviewBody:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            found = await overview(connection, actor, now=now)
            known = await lanes(connection)
        return OverviewBody(
            at=now,
            incidents=found.incidents,
            overdue_since=found.overdue_since,
            waiting_notifications=found.waiting_notifications,
            devices=found.devices,
            silent_devices=found.silent_devices,
            lanes=[
                LaneBody(
                    lane=one.lane,
                    published_at=one.published_at,
                    committed_at=one.committed_at,
                    behind_s=None if one.committed_at is None else (now - one.committed_at).total_seconds(),
                )
                for one in known
            ],
        )

    @routes.get("/deployment", summary="What this installation is for, and its care time")
    async def what_for(actor: Reader) -> DeploymentBody:
        config = services.config
        async with services.database.transaction() as connection:
            at, speed = await care_time(connection)
        stand_in = config.twilio.base_url if config.twilio is not None and config.deployment.synthetic else None
        return DeploymentBody(deployment=config.deployment, at=at, care_speed=speed, phone=stand_in)

    @routes.get("/quarantine", summary="Messages that could not be understood, the newest first")
    async def in_quarantine(
        actor: Manager, cursor: Number = None, limit: Limit = 100, reason: OfReason = None
    ) -> Page[QuarantinedBody]:
        with_payload = Scope.HEALTH in actor.scopes
        async with services.database.transaction() as connection:
            found = await quarantined(connection, actor, reason=reason, before=cursor, limit=limit + 1)
            if with_payload and found:
                ids = [str(one.id) for one in found[:limit]]
                await audit.record(connection, actor.id, "view", "quarantine", ids, now=services.clock.now())
        return Page(
            items=[
                QuarantinedBody(
                    id=one.id,
                    reason=one.reason,
                    topic=one.topic,
                    device=one.device,
                    cell=one.cell,
                    detail=one.detail,
                    size_bytes=one.size_bytes,
                    first_at=one.first_at,
                    last_at=one.last_at,
                    times=one.times,
                    payload_base64=base64.b64encode(one.payload).decode() if with_payload else None,
                )
                for one in found[:limit]
            ],
            next=str(found[limit - 1].id) if len(found) > limit else None,
        )

    return routes
