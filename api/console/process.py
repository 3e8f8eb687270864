"""The console process: sign-in, and pages that stay up to date by themselves. One worker; run several behind a proxy
that keeps a browser with one of them."""

import asyncio
import sys
from collections.abc import Callable
from importlib import resources
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import ui

from api.console import exports, map_routes, openid_door, sign_in
from api.console.context import Console
from api.console.feed import Feed
from api.console.openid import Provider
from api.console.pages import desk, history, incident, instructions, overview
from api.console.settings import ConsoleConfig
from api.limits import BoundedBody, SecurityHeaders
from api.serving import serve
from domain.clock import Clock
from domain.health import Health
from store.pool import open_database

_STATIC: Final = "/static"
_SWITCH_S: Final = 0.0005
"""How long a thread that makes a file may keep the pages waiting at each of their turns; Python's own 5 ms add up."""


async def run(
    config: ConsoleConfig,
    clock: Clock,
    stop: asyncio.Event,
    health: Health,
    *,
    listening: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until ``stop`` is set. ``listening`` is told the local URL. Once a process: the pages are its own."""
    sys.setswitchinterval(_SWITCH_S)
    async with open_database(config.dsn, "carewatch console", size=config.connections, for_people=True) as database:
        console = Console(database, clock, config, Feed(database, clock, config.dsn, health))
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(console.feed.run())
            await serve(build_app(console), config.host, config.port, stop, listening=listening, lifespan="on")
            reading.cancel()


def build_app(console: Console) -> FastAPI:
    """The application; its pages are registered with NiceGUI, of which there is one in a process."""
    app = FastAPI(title="CareWatch console", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(BoundedBody)
    app.add_middleware(
        SecurityHeaders,
        https=console.config.console_url.startswith("https:"),
        instead={"Content-Security-Policy": _policy(console.config), "Referrer-Policy": "same-origin"},
    )
    app.include_router(sign_in.router(console))
    if console.config.oidc_issuer is not None:
        app.include_router(openid_door.router(console, Provider(console.config)))
    app.include_router(exports.router(console))
    app.include_router(map_routes.router(console))
    static = str(resources.files("api.console").joinpath("static"))
    app.mount(_STATIC, StaticFiles(directory=static), name="static")
    for page in (desk, overview, incident, history, instructions):
        page.register(console)
    ui.run_with(
        app,
        title="CareWatch",
        favicon="🔔",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=60.0,
        binding_refresh_interval=None,
    )
    return app


def _policy(config: ConsoleConfig) -> str:
    """What a page may load: nothing from elsewhere but map tiles. NiceGUI compiles its templates in the browser."""
    tiles = ""
    if config.map_tiles is not None:
        parts = urlsplit(config.map_tiles)
        tiles = f" {parts.scheme}://{parts.netloc.replace('{s}.', '*.')}"
    return (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:{tiles}; font-src 'self' data:; connect-src 'self' ws: wss:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    )
