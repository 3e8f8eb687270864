"""The provider's bad days: an ASGI layer that makes the REST interface slow, refusing, silent or broken."""

import asyncio
from collections.abc import Callable

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.errors import Refused
from simulator.phone import refusals, resources
from simulator.phone.faults import FaultKind
from simulator.phone.network import PhoneNetwork
from simulator.phone.waiting import first_of


class FaultyEdge:
    """Lets requests below /2010-04-01 suffer the network's faults and rate limit; all others pass."""

    def __init__(self, app: ASGIApp, *, network: PhoneNetwork, break_connection: Callable[[Scope], None]) -> None:
        self.closing = asyncio.Event()
        """Set it to end all delays."""
        self._app = app
        self._network = network
        self._break_connection = break_connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/2010-04-01"):
            return await self._app(scope, receive, send)
        limit = self._network.rate_limit
        if limit is not None and not limit.allows():
            return await _refuse(refusals.too_many_requests(), scope, receive, send)
        fault = self._network.fault_for(scope["path"], scope["method"])
        match fault.kind if fault else None:
            case FaultKind.RATE_LIMITED:
                return await _refuse(refusals.too_many_requests(), scope, receive, send)
            case FaultKind.SERVER_ERROR:
                return await _refuse(refusals.broken(fault.status if fault else 500), scope, receive, send)
            case FaultKind.SILENT:
                return await _gone(receive)
            case FaultKind.ANSWER_LOST:
                await self._app(scope, receive, _nowhere)
                self._break_connection(scope)
                return await _gone(receive)
            case FaultKind.SLOW:
                await first_of(asyncio.sleep(fault.delay_s if fault else 0.0), self.closing.wait())
                if self.closing.is_set():
                    return await _gone(receive)
        return await self._app(scope, receive, send)


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    body = resources.error(refused.code, refused.message, refused.status)
    await JSONResponse(body, refused.status)(scope, receive, send)


async def _gone(receive: Receive) -> None:
    """Return when the connection has ended."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(_message: Message) -> None:
    """Send nothing."""
