"""The way of messages through a lane, for one session with the broker.

Alarms go to a commit of their own at once; everything else is gathered into batches. A message is acknowledged when
all that follows from it is committed, and not before; one that comes again is acknowledged and gets its receipt again.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog

from devices import native
from devices.model import Presence
from devices.wire.mqtt import Oversized, Publish
from domain.clock import Clock
from ingest import judging, metrics, topics
from ingest.alarming import Alarming, Hazards
from ingest.batching import Batching
from ingest.canary import canary_in
from ingest.commit_alarms import AlarmMessage
from ingest.config import MAX_PAYLOAD_BYTES, IngestConfig, LaneName
from ingest.judging import Judged, Reason, Source
from ingest.packing import microseconds
from ingest.quarantine import Keeper
from ingest.receipts import receipt_topic
from ingest.registry import Registry
from ingest.ruling import Ruling
from ingest.session import BrokerSession, Message
from ingest.states import States
from ingest.topics import Kind
from store.devices import Device
from store.errors import StoreError
from store.leases import Lease

log = structlog.get_logger(__name__)

_TOPICS_OF_A_DEVICE: Final = 3
_DEEPER_FOR_ALARMS: Final = 10
"""Behind any foreign telemetry that is not read an alarm may be waiting."""
_AT_ONCE: Final = 40
"""Foreign messages that are taken before others have their turn: some 2 ms of work."""
_REST_S: Final = 0.003
"""After that it leaves the interpreter to the threads that commit alarms, which else wait for it at every step."""
_CLOSE_WITHIN_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.05


class Pipeline:
    """Takes messages with :meth:`receive`. ``failed`` is set once nothing can be committed any more.

    ``name`` is the client id of the session; the connections to the database show it.
    """

    def __init__(
        self,
        name: str,
        config: IngestConfig,
        clock: Clock,
        registry: Registry,
        hazards: Hazards,
        lease: Lease,
        ruling: Ruling,
        *,
        unwell: Callable[[str, str], None],
        canary: Callable[[], None],
    ) -> None:
        self._config = config
        self._clock = clock
        self._registry = registry
        self._unwell = unwell
        self._session: BrokerSession | None = None
        self._sources: dict[str, Source] = {}
        self._sources_version = registry.version
        self._process = os.urandom(6).hex()
        self._last_us = 0
        self._waiting = 0
        self._in_pieces = name != config.client_id  # the session of foreign topics, beside that of alarms
        self._untaken: deque[Message] = deque()
        self._window = config.window_batches * config.flush_rows
        if config.lane is LaneName.ALARM:
            self._window *= _DEEPER_FOR_ALARMS
        self._parts: dict[int, int] = {}  # messages (by identity) that go both ways: how many commits are due
        self._parked: list[Message] = []
        self._looking: asyncio.Task[None] | None = None
        self._keeper = Keeper()
        self._states = States()
        self._ruling = ruling
        self.failed: asyncio.Future[StoreError] = asyncio.get_running_loop().create_future()
        self._batching = Batching(
            name,
            config,
            lease,
            self._states,
            ruling,
            acknowledge=self._acknowledge,
            canary=canary,
            failed=self._fail,
        )
        self._alarming = Alarming(
            name,
            config,
            lease,
            hazards,
            committed=self._alarms_committed,
            receipt=self._send_receipt,
            canary=canary,
            failed=self._fail,
        )

    def _fail(self, error: StoreError) -> None:
        if not self.failed.done():
            self.failed.set_result(error)

    async def close(self) -> None:
        """Commit and acknowledge what has been taken, as far as the database lets us in a few seconds."""
        self._waiting -= len(self._untaken)
        self._untaken.clear()  # unacknowledged: the broker brings it again
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        within_s = 0.0 if self.failed.done() else _CLOSE_WITHIN_S
        await asyncio.gather(self._batching.close(within_s=within_s), self._alarming.close(within_s=within_s))

    def receive(self, session: BrokerSession, messages: Sequence[Message]) -> None:
        """Take what came in one read."""
        self._session = session
        self._waiting += len(messages)
        metrics.MESSAGES.labels(self._config.lane).inc(len(messages))
        if self._in_pieces and (self._untaken or len(messages) > _AT_ONCE):
            if not self._untaken:
                asyncio.get_running_loop().call_soon(self._take_some)
            self._untaken.extend(messages)
            session.pause(True)
            return
        self._take(messages, final=False)
        if self._waiting > self._window:
            session.pause(True)

    def _take_some(self) -> None:
        """Take the next of what has been read, and let others have their turn before the rest."""
        if not self._untaken:
            return
        self._take([self._untaken.popleft() for _ in range(min(_AT_ONCE, len(self._untaken)))], final=False)
        if self._untaken:
            asyncio.get_running_loop().call_later(_REST_S, self._take_some)
        elif self._session is not None and self._waiting <= self._window:
            self._session.pause(False)

    def _take(self, messages: Sequence[Message], *, final: bool) -> None:
        """Send messages on their way. ``final``: the registry has just been asked, who is unknown now is unknown."""
        enough = 10_000 + _TOPICS_OF_A_DEVICE * len(self._registry)
        if self._sources_version != self._registry.version or len(self._sources) > enough:
            self._sources.clear()
            self._ruling.forget_devices()
            self._sources_version = self._registry.version
        now = self._clock.now()
        first_us = max(microseconds(now), self._last_us + 1)
        self._last_us = first_us + len(messages)  # no two messages have the same microsecond
        nothing_follows: list[Message] = []
        for now_us, message in enumerate(messages, first_us):
            source = self._sources.get(message.topic) or self._source(message.topic)
            try:
                if source.plain and self._take_plain(message, source.device, now_us):
                    continue
                if source.trouble is Reason.UNKNOWN_DEVICE and not final:
                    self._park(message)
                elif not self._take_any(message, source, now, now_us):
                    nothing_follows.append(message)
            except Exception:
                # Whatever is wrong with our program: the messages behind this one must not suffer, and it is kept.
                log.exception("a message broke the program", topic=message.topic)
                self._unwell("program", f"a message on {message.topic!r} broke it and is in quarantine: see the log")
                broken = judging.judge_broken(message, source, self._registry, now=now, mark=self._mark(now_us))
                self._send_on(message, broken, now_us)
        if nothing_follows:
            self._acknowledge(nothing_follows)

    def _source(self, topic: str) -> Source:
        source = judging.source_of(topic, topics.route(topic, self._config), self._registry)
        self._sources[topic] = source
        return source

    def _take_plain(self, message: Message, device: Device | None, now_us: int) -> bool:
        """The short way of native telemetry; False: it has to go the long way."""
        if type(message) is not Publish or message.retain or len(message.payload) > MAX_PAYLOAD_BYTES:
            return False
        readings = native.readings_in_order(message.payload)
        if readings is None:
            return False
        assert device is not None
        self._states.speak(device, now_us, late=message.dup)
        self._batching.put(message, device, readings, now_us, judged=True)
        return True

    def _take_any(self, message: Message, source: Source, now: datetime, now_us: int) -> bool:
        """Judge a message and send what follows on its way; False if nothing does."""
        if source.route.kind is Kind.PASSED_OVER:
            return False
        if source.route.kind is Kind.CANARY:
            return self._take_canary(message, now, now_us)
        judged = judging.judge(
            message, source, self._registry, now=now, mark=self._mark(now_us), is_news=self._alarming.is_news
        )
        return self._send_on(message, judged, now_us)

    def _mark(self, now_us: int) -> str:
        return f"{self._process}-{now_us}"

    def _take_canary(self, message: Message, now: datetime, now_us: int) -> bool:
        if isinstance(message, Oversized):
            return False
        canary = canary_in(message.payload, self._config.client_id, now)
        if canary is None:
            return False
        if self._config.lane is LaneName.ALARM:
            self._parts[id(message)] = 2  # the batches of this lane are to prove themselves too
            self._batching.put(message, None, (), now_us, judged=False)
            self._alarming.put(AlarmMessage(message=message, received_s=time.monotonic(), alarms=(), canary=canary))
        else:
            self._batching.arrived(message, canary, now_us)
        return True

    def _send_on(self, message: Message, judged: Judged, now_us: int) -> bool:
        entry = self._keeper.bounded(judged.entry) if judged.entry is not None else None
        if judged.unanswered:
            self._unwell("desk", f"an alarm on {message.topic!r} is in quarantine only: no organisation at all answers")
        alarms = judged.alarms
        beside = bool(judged.readings)
        if judged.entry is None:
            beside = self._note(message, judged, now_us) or beside
        if alarms:
            if beside:
                self._parts[id(message)] = 2
            topic = receipt_topic(message.topic)
            self._alarming.put(
                AlarmMessage(
                    message=message, received_s=time.monotonic(), alarms=alarms, entry=entry, receipt_topic=topic
                )
            )
        elif entry is not None:
            self._batching.keep(message, entry, now_us)
        if beside:
            self._batching.put(message, judged.device, judged.readings, now_us, judged=self._rules_hear(message))
        return beside or bool(alarms) or entry is not None

    def _rules_hear(self, message: Message) -> bool:
        """True if the rules judge the readings of this message here. A native device's come through the telemetry lane;
        those beside its alarms would come by another way, and an alarm needs no rule.
        """
        source = self._sources.get(message.topic)
        return source is not None and (source.route.kind is Kind.FOREIGN or source.plain)

    def _note(self, message: Message, judged: Judged, now_us: int) -> bool:
        """Bring the states of devices up to what was said; True if somebody's may have to be written down.

        Retained words are no sign of life; that a device is gone they may say.
        """
        device, presence = judged.device, judged.presence
        if device is None:
            return False
        if presence is not None and not presence.online:
            for lost in self._meant(device, presence):
                self._states.lose(lost.key, presence.session)
            return True
        if message.retain or not (presence is not None or judged.readings or judged.signals):
            return False
        session = presence.session if presence is not None else None
        self._states.speak(device, now_us, late=message.dup, session=session)
        if presence is not None and presence.subject not in {None, "*"}:
            for other in self._meant(device, presence):
                self._states.speak(other, now_us, late=message.dup)
        return True

    def _meant(self, device: Device, presence: Presence) -> list[Device]:
        """Whom a presence is about: the device itself, all behind the gateway that it is, or one of them."""
        if presence.subject is None:
            return [device]
        if presence.subject == "*":
            return [device, *self._registry.behind(device)]
        found = self._registry.at_address(presence.subject)
        return [] if found is None else [found]

    def _park(self, message: Message) -> None:
        """Nobody is unknown before the registry has been asked again."""
        self._parked.append(message)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again())

    async def _look_again(self) -> None:
        while self._parked:
            parked, self._parked = self._parked, []
            try:
                await self._registry.refresh()
            except StoreError as error:
                self._fail(error)
                return
            self._take(parked, final=True)
            await asyncio.sleep(_LOOK_AGAIN_S)

    def _alarms_committed(self, messages: Sequence[AlarmMessage]) -> None:
        self._acknowledge([one.message for one in messages])

    def _send_receipt(self, topic: str, payload: bytes) -> None:
        if self._session is not None:
            self._session.publish(topic, payload)
            metrics.RECEIPTS.inc()

    def _acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge those messages of which nothing is left to be committed, in one write."""
        done = [one.packet_id for one in messages if not self._parts or self._is_done(one)]
        self._waiting -= len(done)
        metrics.WAITING.labels(self._config.lane).set(self._waiting)
        if self._session is not None:
            self._session.acknowledge(done)
            if self._waiting <= self._window // 2 and not self._untaken:
                self._session.pause(False)

    def _is_done(self, message: Message) -> bool:
        left = self._parts.pop(id(message), 1) - 1
        if left:
            self._parts[id(message)] = left
        return not left
