"""What holds for every request before any route sees it: a bounded body, and headers that browsers obey."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import TooLarge

MAX_BODY_BYTES: Final = 1024 * 1024

# An answer that sets one of these itself keeps its own (the responder page allows its style sheet, say).
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}


class BoundedBody:
    """Answers 413 to a body of more than ``limit`` bytes, announced or not."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        problem = TooLarge(f"a body may have {self._limit} bytes at most")
        if announced.isdigit() and int(announced) > self._limit:
            await problem.answer()(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise problem
            return message

        await self._app(scope, counted, send)


class SecurityHeaders:
    """Adds the headers of every answer; over https also the order to stay there. ``instead``: other values."""

    def __init__(self, app: ASGIApp, https: bool, instead: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._headers = {**_HEADERS, **(instead or {})}
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and dress the answer."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, dressed)
