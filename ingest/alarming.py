"""Has alarms committed at once, together with whatever alarms wait at that moment, and tells those who wait for it."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

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


class Alarming:
    """The path of alarms. ``committed`` gets each message once its alarms are, ``receipt`` what its device is told."""

    def __init__(
        self,
        config: IngestConfig,
        lease: Lease,
        hazards: Hazards,
        *,
        committed: Callable[[Sequence[AlarmMessage]], None],
        receipt: Callable[[str, bytes], None],
        canary: Callable[[], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._config = config
        self._hazards = hazards
        self._committed = committed
        self._receipt = receipt
        self._canary = canary
        self._changing: Counter[tuple[int, Hazard]] = Counter()
        self._waiting: list[AlarmMessage] = []
        self._running = 0
        self._thread: CommitThread[AlarmGroup] = CommitThread(
            f"carewatch {config.client_id} alarms", config.dsn, lease, done=self._done, failed=failed
        )

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
        self._waiting.append(message)
        self._send()

    def _send(self) -> None:
        while self._waiting and self._running < _GROUPS_AT_ONCE:
            self._submit(self._waiting[: self._config.alarms_a_commit])
            del self._waiting[: self._config.alarms_a_commit]

    def _submit(self, messages: Sequence[AlarmMessage]) -> None:
        self._running += 1
        self._thread.submit(AlarmGroup(messages))

    def _done(self, group: AlarmGroup) -> None:
        self._running -= 1
        self._send()
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
        while self._waiting:
            self._submit(self._waiting[: self._config.alarms_a_commit])
            del self._waiting[: self._config.alarms_a_commit]
        await self._thread.close(within_s=within_s)
        await asyncio.sleep(0)  # what the thread has told us last is done before we are


def _key(alarm: Alarm) -> tuple[int, Hazard]:
    assert alarm.device_key is not None, "only devices that are known repeat their state"
    return (alarm.device_key, alarm.hazard)
