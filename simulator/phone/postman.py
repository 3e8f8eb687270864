"""What the network sends to the platform: it fetches TwiML, posts call-backs, and brings texts in. All signed."""

import asyncio
import math
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

import aiohttp
from yarl import URL

from domain.clock import Clock
from simulator.phone.faults import Mischief
from simulator.phone.signature import SIGNATURE_HEADER, sign

# Source: Twilio, "Webhook connection overrides": a reply must come within 15 s.
REPLY_WITHIN_S = 15.0
_TRIES = 2
# Turns of the event loop after an answer in which a conversation may send its next request.
_TURNS_TO_GO_ON = 50
# What a forger would claim: the best possible news.
_FORGED_CLAIMS = {
    "CallStatus": "in-progress",
    "AnsweredBy": "human",
    "MessageStatus": "delivered",
    "SmsStatus": "delivered",
}

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the platform answered."""

    status: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One attempt to deliver a call-back. ``status`` is the platform's HTTP status; None if it did not answer."""

    at: datetime
    sid: str
    url: str
    parameters: Mapping[str, str]
    status: int | None
    forged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    sid: str
    url: str
    method: str
    parameters: Mapping[str, str]


@cache
def _trust() -> ssl.SSLContext:
    """The machine's trusted certificates; reading them takes longer than a call."""
    return ssl.create_default_context()


class Postman:
    """Talks HTTP to the platform. Time-outs are machine time, lateness of call-backs is care time."""

    def __init__(self, *, auth_token: str, clock: Clock, spawn: Spawn, reply_within_s: float = REPLY_WITHIN_S) -> None:
        self.mischief = Mischief()
        self.posted: list[Posted] = []
        self._auth_token = auth_token
        self._clock = clock
        self._spawn = spawn
        self._reply_within_s = reply_within_s
        self._connections: aiohttp.ClientSession | None = None
        self._under_way = 0
        self._landed = asyncio.Event()
        self._last_mail: dict[str, asyncio.Task[None]] = {}
        self._held_back: dict[str, list[_Mail]] = {}

    async def close(self) -> None:
        """Give up all connections."""
        if self._connections is not None:
            await self._connections.close()

    async def ask(self, url: str, parameters: Mapping[str, str], method: str = "POST") -> Reply | None:
        """Send a signed request and return the answer; None if none came within the time allowed."""
        return await self._send(url, parameters, method, self._auth_token)

    async def forge(self, url: str, parameters: Mapping[str, str]) -> int | None:
        """Post what only the provider may, signed with another token than the account's; returns the HTTP status."""
        reply = await self._send(url, parameters, "POST", self._auth_token[::-1] + "forged")
        status = reply.status if reply else None
        self._record("", url, parameters, status, forged=True)
        return status

    async def open(self, url: str) -> int | None:
        """Open a page as a person's phone does: GET, unsigned. Returns the HTTP status; None if nothing answered."""
        reply = await self._send(url, {}, "GET", "")
        return reply.status if reply else None

    def post(self, sid: str, url: str, parameters: Mapping[str, str], *, method: str = "POST", last: bool) -> None:
        """Have a call-back about call or message ``sid`` delivered; ``last`` ends its story.

        Those about one ``sid`` go one after the other, as the network sent them, unless the mischief says otherwise.
        """
        if self.mischief.lost:
            return
        mails = self._held_back.pop(sid, [])
        mails.append(_Mail(sid=sid, url=url, method=method, parameters=dict(parameters)))
        if self.mischief.reverse:
            if not last:
                self._held_back[sid] = mails
                return
            mails.reverse()
        for mail in mails:
            after = self._last_mail.get(sid) if not self.mischief.late_s else None
            due_at = self._clock.now() + timedelta(seconds=self.mischief.late_s)
            task = self._spawn(self._deliver(mail, self.mischief, due_at, after))
            self._last_mail[sid] = task
            task.add_done_callback(partial(self._forget, sid))
            if not self.mischief.late_s:
                self._under_way += 1
                task.add_done_callback(self._land)

    async def quiet(self) -> bool:
        """Return when nothing is under way from the network to the platform; whether there was anything."""
        was_busy = self._under_way > 0
        while self._under_way:
            self._landed.clear()
            await self._landed.wait()
            for _ in range(_TURNS_TO_GO_ON):
                await asyncio.sleep(0)
        return was_busy

    def _land(self, _done: object = None) -> None:
        self._under_way -= 1
        self._landed.set()

    def _forget(self, sid: str, done: "asyncio.Task[None]") -> None:
        if self._last_mail.get(sid) is done:
            del self._last_mail[sid]

    async def _deliver(
        self, mail: _Mail, mischief: Mischief, due_at: datetime, after: "asyncio.Task[None] | None"
    ) -> None:
        if after is not None:
            await asyncio.wait([after])
        await self._clock.sleep_until(due_at)
        if mischief.forged:
            claims = {name: _FORGED_CLAIMS.get(name, value) for name, value in mail.parameters.items()}
            await self.forge(mail.url, claims)
        for _ in range(1 + mischief.repeats):
            await self._deliver_once(mail)

    async def _deliver_once(self, mail: _Mail) -> None:
        for _ in range(_TRIES):
            reply = await self.ask(mail.url, mail.parameters, mail.method)
            self._record(mail.sid, mail.url, mail.parameters, reply.status if reply else None, forged=False)
            if reply is not None and reply.status < 500:
                return

    def _record(self, sid: str, url: str, parameters: Mapping[str, str], status: int | None, *, forged: bool) -> None:
        self.posted.append(
            Posted(at=self._clock.now(), sid=sid, url=url, parameters=parameters, status=status, forged=forged)
        )

    async def _send(self, url: str, parameters: Mapping[str, str], method: str, token: str) -> Reply | None:
        self._under_way += 1
        try:
            target = URL(url)
            if method == "GET" and parameters:
                target, parameters = target.update_query(parameters), {}
            headers = {SIGNATURE_HEADER: sign(str(target), parameters, token)} if token else {}
            form = dict(parameters) if method == "POST" else None
            asking = self._opened().request(method, target, data=form, headers=headers, allow_redirects=False)
            async with asking as answer:
                return Reply(status=answer.status, text=await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        finally:
            self._land()

    def _opened(self) -> aiohttp.ClientSession:
        """Our connections, as many as there are conversations; they belong to the event loop that is running."""
        if self._connections is None:
            self._connections = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=_trust()),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._reply_within_s, ceil_threshold=math.inf),
            )
        return self._connections
