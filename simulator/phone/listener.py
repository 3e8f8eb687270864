"""An ASGI application on a port of this machine, that can break connections and end at once."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Scope

from simulator.phone.waiting import first_of

# Machine time for requests under way to notice that their connection is gone.
_GRACE_S = 1.0


class Listener:
    """Serves ``app`` while entered (``async with``); port 0 takes a free one. ``headers`` are on every answer."""

    def __init__(
        self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        self._closing = asyncio.Event()
        self._host = host
        self._port = port
        self._server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                headers=list((headers or {}).items()),
            ),
            self._closing,
        )
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end; known while entered."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        bound = socket.create_server((self._host, self._port), backlog=512)
        self._port = bound.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        await first_of(self._server.ready.wait(), asyncio.wait([self._serving]))
        if self._serving.done():
            bound.close()
            self._serving.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._serving is not None:
            await self._serving

    def break_connection(self, scope: Scope) -> None:
        """Reset the connection that the request ``scope`` came by."""
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == scope["client"]:
                _abort(connection)


class _Server(uvicorn.Server):
    """Serves until ``closing`` is set, and then breaks off at once: a stand-in has nobody to be polite to.

    Signals are left to the process that it runs in.
    """

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._closing = closing

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)  # sets the headers of every answer
        self.ready.set()
        await self._closing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            _abort(connection)
        if self.server_state.tasks:
            _, late = await asyncio.wait(self.server_state.tasks, timeout=_GRACE_S)
            for task in late:
                task.cancel()


def _abort(connection: object) -> None:
    transport = getattr(connection, "transport", None)
    if transport is not None:
        transport.abort()
