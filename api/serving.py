"""Serving an application on a socket until told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Final, Literal

import uvicorn
from starlette.applications import Starlette

_LAST_ANSWERS_S: Final = 5  # how long answers under way may take once we are asked to stop


class CannotListen(OSError):
    """Another program has the port, or this user may not have it."""


async def serve(
    app: Starlette,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    listening: Callable[[str], None],
    ending: Callable[[], None] = lambda: None,
    lifespan: Literal["on", "off"] = "off",
) -> None:
    """Serve until ``stop`` is set, or until the server ends by itself.

    ``listening`` is told the local URL once requests are taken; ``ending`` is called before the last answers are given.
    Raises :class:`CannotListen`.
    """
    with _bound(host, port) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan=lifespan,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        server = _Server(config, lambda: listening(_local_url(listener)))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending()
            server.should_exit = True
            stopped.cancel()
            await serving


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
        try:
            listener.bind((host, port))
        except OSError as error:
            raise CannotListen(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
        yield listener


def _local_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
