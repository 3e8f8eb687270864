"""The web process: REST interface, live stream, provider call-backs and responder page. Stateless; run any number."""

import asyncio
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, FastAPI

from api import description, problems
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
    instructions,
    keys,
    measured,
    organisations,
    plans,
    platform,
    residents,
    responders,
    rules,
    stream,
    trail,
    users,
    watch,
)
from api.services import Services, WebConfig
from api.serving import serve
from domain.clock import Clock
from domain.health import Health
from store import wakeups
from store.errors import StoreError
from store.pool import Database, open_database
from store.queries import queries

_PROBE_EVERY_S: Final = 5.0

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
    instructions.router,
    rules.router,
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
    description.install(app)
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
    async with open_database(config.dsn, "carewatch web", size=config.connections, for_people=True) as database:
        services = Services(database, clock, config, health)

        def ending() -> None:
            services.stopping.set()
            services.pulse.beat()

        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(_probe(database, clock, health)),
                tasks.create_task(_pass_on_hints(config.dsn, services.pulse)),
            ]
            await serve(build_app(services), config.host, config.port, stop, listening=listening, ending=ending)
            for task in others:
                task.cancel()


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
