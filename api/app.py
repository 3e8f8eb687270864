"""The web process: REST interface, live stream, provider call-backs and responder page. Stateless; run any number."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from fastapi import APIRouter, FastAPI

from api import problems
from api.callbacks import twilio_incoming, twilio_sms, twilio_voice
from api.limits import BoundedBody, SecurityHeaders
from api.measures import Measured
from api.pulse import Pulse
from api.responder import page
from api.routes import (
    device_models,
    devices,
    households,
    incidents,
    keys,
    measured,
    organisations,
    plans,
    platform,
    residents,
    responders,
    stream,
    trail,
    users,
    watch,
)
from api.services import Services, WebConfig
from domain.clock import Clock
from domain.health import Health
from store import wakeups
from store.errors import StoreError
from store.pool import Database, open_database
from store.queries import queries

_PROBE_EVERY_S: Final = 5.0
_LAST_ANSWERS_S: Final = 5  # how long answers under way may take once we are asked to stop

# Everything that is served, in one list: each is ``router(services) -> APIRouter``.
ROUTERS: Final[tuple[Callable[[Services], APIRouter], ...]] = (
    watch.router,
    organisations.router,
    households.router,
    residents.router,
    responders.router,
    device_models.router,
    devices.router,
    measured.router,
    plans.router,
    incidents.router,
    stream.router,
    platform.router,
    keys.router,
    users.router,
    trail.router,
    twilio_voice.router,
    twilio_sms.router,
    twilio_incoming.router,
    page.router,
)


def build_app(services: Services) -> FastAPI:
    """The application on an open database; it owns nothing that would have to be closed."""
    app = FastAPI(
        title="CareWatch",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere, which a county's server may not reach
        redoc_url=None,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(BoundedBody)
    app.add_middleware(Measured)
    app.add_middleware(SecurityHeaders, https=services.config.public_url.startswith("https:"))
    for router in ROUTERS:
        app.include_router(router(services))
    return app


async def run(
    config: WebConfig,
    clock: Clock,
    stop: asyncio.Event,
    health: Health,
    *,
    listening: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until ``stop`` is set. ``listening`` is told the local URL once requests are taken."""
    async with open_database(config.dsn, "carewatch web", size=config.connections) as database:
        services = Services(database, clock, config, health)
        with _bound(config.host, config.port) as listener:
            server = _Server(_uvicorn_config(build_app(services)), lambda: listening(_local_url(listener)))
            async with asyncio.TaskGroup() as tasks:
                probe = tasks.create_task(_probe(database, clock, health))
                hints = tasks.create_task(_pass_on_hints(config.dsn, services.pulse))
                serving = tasks.create_task(server.serve(sockets=[listener]))
                stopped = tasks.create_task(stop.wait())
                await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
                services.stopping.set()
                services.pulse.beat()
                server.should_exit = True
                await serving
                probe.cancel()
                hints.cancel()
                stopped.cancel()


def _uvicorn_config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # whoever runs us decides when we stop


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        yield listener


def _local_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _pass_on_hints(dsn: str, pulse: Pulse) -> None:
    """Let every stream look at once when somebody rings."""
    async with wakeups.listening(dsn, wakeups.Bell.STREAM) as rung:
        while True:
            await rung.wait()
            rung.clear()
            pulse.beat()


async def _probe(database: Database, clock: Clock, health: Health) -> None:
    """Say again and again whether the database answers."""
    while True:
        try:
            async with database.transaction() as connection:
                await connection.execute(queries("clock").read)
            health.well("database", clock.now())
        except StoreError as error:
            health.unwell("database", f"{error}; is PostgreSQL running, and is the DSN right?", clock.now())
        await asyncio.sleep(_PROBE_EVERY_S)
