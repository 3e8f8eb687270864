"""Every process on a port of its own: ``/health`` for people and supervisors, ``/metrics`` for Prometheus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.serving import serve
from domain.health import Health


class ObserveConfig(BaseModel, frozen=True, extra="forbid"):
    """Where each process tells how it is; port 0 takes any free one."""

    host: str = Field(default="127.0.0.1", description="Address of all these ports; nobody has to sign in there")
    ingest_alarm: int = Field(default=9101, ge=0, le=65535, description="Port of the alarm lane")
    ingest_telemetry: int = Field(default=9102, ge=0, le=65535, description="Port of the telemetry lane")
    engine: int = Field(default=9103, ge=0, le=65535, description="Port of the engine")
    sender: int = Field(default=9104, ge=0, le=65535, description="Port of the sender")
    web: int = Field(default=9105, ge=0, le=65535, description="Port of the web process")
    console: int = Field(default=9106, ge=0, le=65535, description="Port of the console")

    def port(self, process: str) -> int:
        """The port of ``process``, as in ``ingest-alarm``."""
        port: int = getattr(self, process.replace("-", "_"))
        return port

    def url(self, process: str) -> str:
        """Where ``process`` tells how it is, without a slash at the end."""
        return f"http://{self.host}:{self.port(process)}"


@contextlib.asynccontextmanager
async def observed(
    host: str, port: int, process: str, health: Health, moment: Callable[[], datetime]
) -> AsyncIterator[str]:
    """Serve ``health`` and the metrics of this process while entered; yields the URL.

    ``/health`` answers 200, or 503 while a component is unwell; ``moment`` is care time, from which ages are reckoned.
    """
    app = Starlette(
        routes=[
            Route("/health", lambda _request: _health(process, health, moment())),
            Route("/metrics", _metrics),
        ]
    )
    stop = asyncio.Event()
    where: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, host, port, stop, listening=where.set_result))
    try:
        awaited: list[asyncio.Future[Any]] = [serving, where]
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        yield await where
    finally:
        stop.set()
        await serving


def _health(process: str, health: Health, now: datetime) -> Response:
    return JSONResponse(said(process, health, now), status_code=200 if health.ok else 503)


def said(process: str, health: Health, now: datetime) -> dict[str, Any]:
    """What ``/health`` says: each component, what is wrong with it, and how long ago it last did its work."""
    return {
        "process": process,
        "ok": health.ok,
        "components": {
            name: {
                "ok": one.ok,
                "reason": one.reason,
                "since": one.since.isoformat(),
                "last_ok_age_s": None if one.last_ok_at is None else round((now - one.last_ok_at).total_seconds(), 1),
            }
            for name, one in health.conditions.items()
        },
    }


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
