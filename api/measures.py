"""How many requests there were, and how long they took."""

import time
from typing import Final

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUESTS: Final = Counter("carewatch_web_requests", "Requests by route and answer", ["method", "route", "status"])
_SECONDS: Final = Histogram(
    "carewatch_web_request_seconds", "From the request to the beginning of its answer", ["method", "route"]
)


class Measured:
    """Counts requests and times them until the first byte of the answer (a live stream has no end)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, watching the answer begin."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The pattern, never the path: a path holds codes of people, and there is no end of them.
                route = getattr(scope.get("route"), "path", "none")
                _REQUESTS.labels(scope["method"], route, message["status"]).inc()
                _SECONDS.labels(scope["method"], route).observe(time.perf_counter() - begun_s)
            await send(message)

        await self._app(scope, receive, watched)
