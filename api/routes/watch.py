"""Watching this process: ``/health`` for people and load balancers, ``/metrics`` for Prometheus."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from api.services import Services


class Component(BaseModel):
    """How one thing that this process depends on is."""

    ok: bool
    reason: Annotated[str, Field(description="What is wrong and how to mend it; empty when well.")]
    since: datetime
    last_ok_at: datetime | None


class HealthBody(BaseModel):
    """Well only if every component is."""

    ok: bool
    components: dict[str, Component]


def router(services: Services) -> APIRouter:
    """``GET /health`` and ``GET /metrics``."""
    routes = APIRouter(tags=["watching"])

    @routes.get(
        "/health",
        summary="Is this process well?",
        responses={503: {"model": HealthBody, "description": "A component is not well"}},
    )
    async def health(response: Response) -> HealthBody:
        if not services.health.ok:
            response.status_code = 503
        return HealthBody(
            ok=services.health.ok,
            components={
                name: Component(ok=one.ok, reason=one.reason, since=one.since, last_ok_at=one.last_ok_at)
                for name, one in services.health.conditions.items()
            },
        )

    @routes.get("/metrics", summary="Figures of this process, for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes
