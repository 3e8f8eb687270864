"""HTTP connections to those who carry our messages.

These are aiohttp's. The pool of httpx (httpcore 1.0.9) loses a place for good whenever a request gives up waiting for a
connection just as it is given one: after ten seconds in which a provider was silent, with 200 requests under way, a
third of a hundred places were lost, and then the sender was mute until somebody started it anew. Here no request waits
for a place: whoever sends bounds how many are under way.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp


@asynccontextmanager
async def open_connections(timeout_s: float, *, outside: bool) -> AsyncIterator[aiohttp.ClientSession]:
    """Connections that are kept alive and keep no cookies. A request takes at most ``timeout_s``, half of it to
    connect: so it is known of one that found nobody that nothing was sent. ``outside``: the way may lead through the
    proxy that the environment names.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 2, ceil_threshold=math.inf)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        trust_env=outside,
    ) as connections:
        yield connections
