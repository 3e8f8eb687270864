"""The phone network as a process: HTTP on a port of its own."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from fastapi import FastAPI
from starlette.types import Scope

from domain.clock import Clock
from simulator.errors import Refused
from simulator.phone import control, refusals, rest
from simulator.phone.books import Account, OwnNumber
from simulator.phone.edge import FaultyEdge
from simulator.phone.listener import Listener
from simulator.phone.network import PhoneNetwork
from simulator.phone.timing import Timing

STAND_IN_HEADER = "X-CareWatch-Stand-In"
"""Carried by every answer, with the value ``phone``: no real provider sends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneConfig:
    """Settings of a stand-in that runs as a process."""

    account: Account
    own_numbers: tuple[OwnNumber, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    timing: Timing = field(default_factory=Timing)


class PhoneServer:
    """Serves ``network`` over HTTP while entered (``async with``), and ends it on leaving."""

    def __init__(self, network: PhoneNetwork, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.network = network
        self._edge = FaultyEdge(_app(network), network=network, break_connection=self._break_connection)
        self._listener = Listener(self._edge, host=host, port=port, headers={STAND_IN_HEADER: "phone"})
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end; known while entered."""
        return self._listener.url

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.network)
            await stack.enter_async_context(self._listener)
            stack.callback(self._edge.closing.set)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _break_connection(self, scope: Scope) -> None:
        self._listener.break_connection(scope)


def _app(network: PhoneNetwork) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(rest.routes(network))
    app.include_router(control.routes(network))
    app.add_exception_handler(Refused, rest.refuse)
    app.add_exception_handler(404, lambda request, _error: rest.refuse(request, refusals.not_found(request.url.path)))

    @app.get("/")
    async def who() -> dict[str, str]:
        return {"stand_in": "phone", "account_sid": network.books.account.sid}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


async def run(config: PhoneConfig, clock: Clock, stop: asyncio.Event) -> None:
    """Serve a stand-in until ``stop`` is set."""
    network = PhoneNetwork(account=config.account, own_numbers=config.own_numbers, clock=clock, timing=config.timing)
    async with PhoneServer(network, host=config.host, port=config.port):
        await stop.wait()
