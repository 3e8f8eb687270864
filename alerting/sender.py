"""The sender process: takes the outbox to its channels, any number of them at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel, Field, model_validator

from alerting.channels import Channel
from alerting.channels.console import Console
from alerting.channels.twilio_account import TwilioConfig, open_account
from alerting.channels.twilio_sms import TwilioSms
from alerting.channels.twilio_voice import TwilioVoice
from alerting.channels.webhook import WebhookConfig, open_webhook
from alerting.deployment import Deployment, refuse_real_providers
from alerting.device_receipts import publish_forever
from alerting.dispatch import Dispatch
from alerting.overdue import Overdue
from alerting.pace import Bucket
from alerting.progress import CHECK_AFTER, CallStatus
from domain.clock import Clock
from domain.health import Health
from domain.people import ChannelName
from store import calls, outbox
from store.errors import StoreError
from store.outbox import Next, is_past
from store.pool import Database, as_told, open_database, read
from store.wakeups import Bell, listening

log = structlog.get_logger(__name__)

# Between two looks at what the provider was asked about, care time: another sender takes over if this one dies.
_ASK_AGAIN: Final = timedelta(seconds=30)
T = TypeVar("T")

_UNBOUNDED: Final = 1e6
_LAST_SENDS_S: Final = 5.0


class SenderConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of a sender. Leases and polling are machine time."""

    dsn: str
    deployment: Deployment = Deployment.PRODUCTION
    public_url: str = Field(default="http://127.0.0.1:8080", description="Where links lead; no slash at the end")
    twilio: TwilioConfig | None = Field(default=None, description="Without it, calls and texts fail at once")
    webhook: WebhookConfig | None = Field(default=None, description="Without it, webhooks fail at once")
    broker_url: str | None = Field(
        default=None, pattern=r"^mqtts?://", description="Where devices get their receipts; without it, none are sent"
    )
    lease_s: float = Field(default=30.0, gt=0, description="A message whose sender says nothing for so long is resent")
    poll_s: float = Field(default=1.0, gt=0, description="The outbox is looked at so often, hints or not")
    at_once: int = Field(default=20, ge=1, description="Messages under way at once, for each channel")

    @model_validator(mode="after")
    def _lease_outlives_requests(self) -> "SenderConfig":
        # Looking up and sending, one after the other, must end before somebody else begins to look up.
        for name, provider in (("twilio", self.twilio), ("webhook", self.webhook)):
            if provider is not None and self.lease_s < 2 * provider.timeout_s:
                least = f"twice {name}.timeout_s ({provider.timeout_s:g})"
                raise ValueError(f"lease_s is {self.lease_s:g}; it must be at least {least}")
        return self


async def run(config: SenderConfig, clock: Clock, stop: asyncio.Event, health: Health) -> None:
    """Send until ``stop`` is set. Raises :class:`alerting.errors.RealProvider` at once if it must not send at all."""
    await refuse_real_provider(config)
    async with (
        open_database(config.dsn, "carewatch sender", size=8, planned_once=True) as database,
        listening(config.dsn, Bell.SENDER) as rung,
        _channels(config) as channels,
        _telling_devices(config, database, clock, health),
    ):
        await _Sender(config, database, clock, channels, health).run(rung, stop)


@contextlib.asynccontextmanager
async def _telling_devices(
    config: SenderConfig, database: Database, clock: Clock, health: Health
) -> AsyncIterator[None]:
    """Receipts go to devices meanwhile, if there is a broker."""
    if config.broker_url is None:
        yield
        return
    publishing = publish_forever(config.broker_url, database, clock, health, poll_s=config.poll_s)
    task = asyncio.create_task(publishing)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def refuse_real_provider(config: SenderConfig) -> None:
    """Raise :class:`alerting.errors.RealProvider` if homes are synthetic here and phones might be real."""
    urls = [config.twilio.base_url] if config.twilio is not None else []
    await refuse_real_providers(config.deployment, urls)


@contextlib.asynccontextmanager
async def _channels(config: SenderConfig) -> AsyncIterator[dict[ChannelName, Channel]]:
    async with contextlib.AsyncExitStack() as stack:
        channels: dict[ChannelName, Channel] = {ChannelName.CONSOLE: Console()}
        if config.twilio is not None:
            client = await stack.enter_async_context(open_account(config.twilio))
            channels[ChannelName.VOICE] = TwilioVoice(client, config.twilio)
            channels[ChannelName.SMS] = TwilioSms(client, config.twilio)
        if config.webhook is not None:
            webhook = open_webhook(config.webhook, synthetic=config.deployment.synthetic)
            channels[ChannelName.WEBHOOK] = await stack.enter_async_context(webhook)
        yield channels


def _abroad(config: SenderConfig) -> Iterator[ChannelName]:
    """The channels whose providers stand abroad."""
    if config.twilio is not None and config.twilio.overseas:
        yield from (ChannelName.VOICE, ChannelName.SMS)
    if config.webhook is not None and config.webhook.overseas:
        yield ChannelName.WEBHOOK


class _Sender:
    """Claims what is due, and runs a task for each message, so that one that hangs holds up nobody else."""

    def __init__(
        self,
        config: SenderConfig,
        database: Database,
        clock: Clock,
        channels: dict[ChannelName, Channel],
        health: Health,
    ) -> None:
        self._config = config
        self._database = database
        self._clock = clock
        self._health = health
        abroad = frozenset(_abroad(config))
        self._dispatch = Dispatch(database, clock, channels, config.public_url, abroad, health)
        self._overdue = Overdue(database, clock, channels)
        twilio = config.twilio
        self._pace = {
            ChannelName.VOICE: Bucket(twilio.calls_per_s if twilio else _UNBOUNDED),
            ChannelName.SMS: Bucket(twilio.messages_per_s if twilio else _UNBOUNDED),
        }
        self._tasks: dict[asyncio.Task[None], ChannelName | None] = {}
        self._freed = asyncio.Event()

    async def run(self, rung: asyncio.Event, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                rung.clear()
                self._freed.clear()
                await self._rest(await self._look(), rung, stop)
            await self._let_end()
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> Next | None:
        """Begin everything that can begin now; None if the database cannot be asked."""
        try:
            now, found = await asyncio.gather(read(self._clock), self._next())
            if found.is_due(now):
                await self._begin(found, now)
                found = await self._next()
        except StoreError as error:
            log.warning("the outbox cannot be looked at", error=str(error))
            self._health.unwell("loop:sender", str(error), as_told(self._clock))
            return None
        self._health.well("loop:sender", now)
        return found

    async def _next(self) -> Next:
        async with self._database.statement() as connection:
            return await outbox.next_due(connection)

    async def _begin(self, due: Next, now: datetime) -> None:
        if due.is_left or is_past(due.call_at, now):
            await self._begin_calls(due, now)
        if due.is_left or is_past(due.message_at, now):
            await self._begin_messages(now)
        if is_past(due.check_at, now):
            await self._ask_after(now)

    async def _begin_calls(self, due: Next, now: datetime) -> None:
        room = self._room(ChannelName.VOICE)
        if not room:
            return
        lease_s, check_at = self._config.lease_s, now + CHECK_AFTER[CallStatus.STARTING]
        again = []
        if due.is_left:
            async with self._database.statement() as connection:
                again = await calls.reopen_calls(connection, most=room, lease_s=lease_s)
        async with self._database.statement() as connection:
            opened = await calls.open_calls(
                connection, now=now, check_at=check_at, most=room - len(again), lease_s=lease_s
            )
        self._spend(ChannelName.VOICE, len(again) + len(opened))
        for call in (*again, *opened):
            self._spawn(ChannelName.VOICE, self._dispatch.call, call)

    async def _begin_messages(self, now: datetime) -> None:
        for channel in (ChannelName.SMS, ChannelName.WEBHOOK, ChannelName.CONSOLE):
            if room := self._room(channel):
                async with self._database.statement() as connection:
                    claimed = await outbox.claim(connection, channel, now=now, most=room, lease_s=self._config.lease_s)
                self._spend(channel, len(claimed))
                for one in claimed:
                    self._spawn(channel, self._dispatch.message, one)

    async def _ask_after(self, now: datetime) -> None:
        most = self._config.at_once - self._under_way(None)
        if most <= 0:
            return
        async with self._database.transaction() as connection:
            late_calls = await calls.unheard(connection, now=now, again_at=now + _ASK_AGAIN, most=most)
            late = await outbox.unheard(connection, now=now, again_at=now + _ASK_AGAIN, most=most)
        for call in late_calls:
            self._spawn(None, self._overdue.call, call)
        for one in late:
            self._spawn(None, self._overdue.message, one)

    def _room(self, channel: ChannelName) -> int:
        """How many messages can begin now, by what is under way and by the provider's pace."""
        room = self._config.at_once - self._under_way(channel)
        pace = self._pace.get(channel)
        return max(0, room if pace is None else min(room, pace.ready))

    def _spend(self, channel: ChannelName, begun: int) -> None:
        if channel in self._pace:
            self._pace[channel].take(begun)

    def _under_way(self, channel: ChannelName | None) -> int:
        return sum(one is channel for one in self._tasks.values())

    def _spawn(self, channel: ChannelName | None, work: Callable[[T], Awaitable[None]], of: T) -> None:
        task = asyncio.create_task(self._guarded(work, of))
        self._tasks[task] = channel
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._freed.set()

    async def _guarded(self, work: Callable[[T], Awaitable[None]], of: T) -> None:
        """What fails here stays claimed: its lease runs out, and it is taken up again."""
        try:
            await work(of)
            self._health.well("sending", self._clock.now())
        except StoreError as error:
            log.warning("what became of a message could not be written; it will be looked up", error=str(error))
        except Exception as error:
            log.exception("a message could not be sent")
            self._health.unwell("sending", repr(error), as_told(self._clock))

    async def _rest(self, found: Next | None, rung: asyncio.Event, stop: asyncio.Event) -> None:
        """Return when something may have become due: by a hint, by care time, by machine time."""
        wait_s = self._config.poll_s
        events = [rung, stop]
        if found is not None and found.is_due(as_told(self._clock)):  # and not begun: there was no room
            events.append(self._freed)
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(event.wait()) for event in events]
        if found is not None:
            if found.lease_s is not None:
                wait_s = min(wait_s, max(found.lease_s, 0.05))
            if found.due_at is not None:
                if found.due_at > self._clock.now():
                    waits.append(asyncio.ensure_future(self._clock.sleep_until(found.due_at)))
                else:  # due, and not begun: the pace, or somebody else's lock
                    wait_s = min([wait_s, *(pace.wait_s for pace in self._pace.values() if pace.wait_s)])
        try:
            await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _let_end(self) -> None:
        """Give what is under way the time that a request may take; what does not end is looked up by another sender."""
        within_s = self._config.twilio.timeout_s if self._config.twilio is not None else _LAST_SENDS_S
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=within_s)
