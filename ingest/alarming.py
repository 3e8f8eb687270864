"""Has alarms committed at once, together with whatever alarms wait at that moment, and tells those who wait for it."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final
from zlib import crc32

from devices.model import Hazard, Signal, SignalState
from ingest import metrics
from ingest.commit_alarms import AlarmGroup, AlarmMessage
from ingest.commit_thread import CommitThread
from ingest.config import IngestConfig
from ingest.receipts import stored
from store.alarms import Alarm
from store.errors import StoreError
from store.leases import Lease

Hazards = dict[tuple[int, Hazard], SignalState]
"""The committed state of each hazard that a device repeats, by device key and hazard; cleared where there is none."""

_GROUPS_AT_ONCE: Final = 2
"""One is being committed, the next is ready for the thread."""


class _Outlet:
    """One thread that commits alarms, and what waits for it. ``done`` gets each group once it is committed."""

    def __init__(
        self,
        name: str,
        config: IngestConfig,
        lease: Lease,
        *,
        done: Callable[[AlarmGroup], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._most = config.alarms_a_commit
        self._tell = done
        self._waiting: list[AlarmMessage] = []
        self._running = 0
        self._thread: CommitThread[AlarmGroup] = CommitThread(name, config.dsn, lease, done=self._done, failed=failed)

    def put(self, message: AlarmMessage) -> None:
        self._waiting.append(message)
        self._send(at_once=_GROUPS_AT_ONCE)

    def _send(self, *, at_once: int) -> None:
        while self._waiting and self._running < at_once:
            self._running += 1
            self._thread.submit(AlarmGroup(self._waiting[: self._most]))
            del self._waiting[: self._most]

    def _done(self, group: AlarmGroup) -> None:
        self._running -= 1
        self._send(at_once=_GROUPS_AT_ONCE)
        self._tell(group)

    async def close(self, *, within_s: float) -> None:
        self._send(at_once=self._running + len(self._waiting))
        await self._thread.close(within_s=within_s)


class Alarming:
    """The path of alarms. ``committed`` gets each message once its alarms are, ``receipt`` what its device is told.

    Several threads commit, because an alarm that comes while another is being written would else wait for it twice as
    long. All that one source says goes through the same one, and so stays in order.
    """

    def __init__(
        self,
        name: str,
        config: IngestConfig,
        lease: Lease,
        hazards: Hazards,
        *,
        committed: Callable[[Sequence[AlarmMessage]], None],
        receipt: Callable[[str, bytes], None],
        canary: Callable[[], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._hazards = hazards
        self._committed = committed
        self._receipt = receipt
        self._canary = canary
        self._changing: Counter[tuple[int, Hazard]] = Counter()
        self._outlets = [
            _Outlet(f"carewatch {name} alarms {n}", config, lease, done=self._done, failed=failed)
            for n in range(config.alarm_threads)
        ]

    def is_news(self, device_key: int, signal: Signal) -> bool:
        """False if repeated state is what is committed already. In doubt the database decides: while a change of the
        same hazard is on its way there, everything is news.
        """
        key = (device_key, signal.hazard)
        return key in self._changing or self._hazards.get(key, SignalState.CLEARED) is not signal.state

    def put(self, message: AlarmMessage) -> None:
        """Commit the alarms of ``message``: at once, or with the next group if enough is on its way already."""
        for alarm in message.alarms:
            if alarm.republished:
                self._changing[_key(alarm)] += 1
        source = message.alarms[0].source if message.alarms else ""
        self._outlets[crc32(source.encode()) % len(self._outlets)].put(message)

    def _done(self, group: AlarmGroup) -> None:
        self._committed(group.messages)
        for message in group.messages:
            for alarm, became in zip(message.alarms, message.committed, strict=True):
                if alarm.republished:
                    self._changed(alarm)
                word = "opened" if became.opened else "fresh" if became.fresh else "repeat"
                metrics.ALARMS.labels(alarm.hazard, word).inc()
                if message.receipt_topic is not None and alarm.event_id is not None and became.alarm_id is not None:
                    self._receipt(message.receipt_topic, stored(alarm.event_id, alarm.received_at))
            metrics.COMMIT_S.labels("alarm").observe(time.monotonic() - message.received_s)
            if message.canary is not None:
                self._canary()
            if message.entry is not None:
                metrics.QUARANTINED.labels(message.entry.reason).inc()

    def _changed(self, alarm: Alarm) -> None:
        key = _key(alarm)
        self._hazards[key] = alarm.state
        self._changing[key] -= 1
        if not self._changing[key]:
            del self._changing[key]

    async def close(self, *, within_s: float) -> None:
        """Commit what waits, as far as that goes within the time."""
        await asyncio.gather(*(outlet.close(within_s=within_s) for outlet in self._outlets))
        await asyncio.sleep(0)  # what the thread has told us last is done before we are


def _key(alarm: Alarm) -> tuple[int, Hazard]:
    assert alarm.device_key is not None, "only devices that are known repeat their state"
    return (alarm.device_key, alarm.hazard)
