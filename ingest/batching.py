"""Gathers messages into batches, and has a batch committed when it is full or its first message has waited enough."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from devices.model import Reading
from ingest import metrics
from ingest.commit_batches import Batch
from ingest.commit_thread import CommitThread
from ingest.config import MISDATED_BEYOND, IngestConfig
from ingest.packing import digest_of, moment_of, quantities, row
from ingest.ruling import Ruling
from ingest.session import Message
from ingest.states import States
from store.canaries import Canary
from store.devices import Device
from store.errors import StoreError
from store.leases import Lease
from store.quarantine import Entry
from store.readings import Identity, Misdated

_MISDATED_US: Final = int(MISDATED_BEYOND.total_seconds() * 1e6)


class Batching:
    """The path of everything that may wait a little. ``acknowledge`` gets the messages of each committed batch."""

    def __init__(
        self,
        name: str,
        config: IngestConfig,
        lease: Lease,
        states: States,
        ruling: Ruling,
        *,
        acknowledge: Callable[[Sequence[Message]], None],
        canary: Callable[[], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._config = config
        self._flush_rows = config.flush_rows
        self._states = states
        self._ruling = ruling
        self._acknowledge = acknowledge
        self._canary = canary
        self._batch: Batch | None = None
        self._now_us = 0
        self._running = 0
        self._loop = asyncio.get_running_loop()
        self._thread: CommitThread[Batch] = CommitThread(
            f"carewatch {name} batches", config.dsn, lease, done=self._done, failed=failed
        )

    def put(
        self, message: Message, device: Device | None, readings: Sequence[Reading], now_us: int, *, judged: bool
    ) -> None:
        """Store the readings of a message, received at ``now_us``; without any, only acknowledge it in its time.

        A reading that states no time is one of now; in a retained message it may be of any age, and is none.
        """
        batch = self._open(now_us)
        rows = b""
        for reading in readings:
            assert device is not None
            said = quantities(reading)
            digest = digest_of(said)
            if reading.at is None:
                if message.retain:
                    continue
                at_us = now_us
                if message.dup:
                    identity = Identity(device_key=device.key, at=moment_of(at_us), digest=digest)
                    batch.untimed.append((len(batch.messages), identity))
            else:
                at_us = round(reading.at * 1e6)
                if abs(at_us - now_us) > _MISDATED_US:
                    batch.misdated.append((len(batch.messages), _misdated(device, reading, at_us, digest, now_us)))
                    continue
            rows += row(device.key, at_us, digest, now_us, said)
            batch.readings += 1
            if not message.retain:
                self._states.measure(device, reading, at_us, now_us)
                if judged:
                    self._ruling.hear(device, reading, at_us, now_us)
        if message.dup:
            batch.repeats_likely = True
        self._add(batch, message, rows)

    def keep(self, message: Message, entry: Entry, now_us: int) -> None:
        """Put a message into quarantine."""
        batch = self._open(now_us)
        batch.entries.append((len(batch.messages), entry))
        self._add(batch, message, b"")

    def arrived(self, message: Message, canary: Canary, now_us: int) -> None:
        """Record a canary of the lane."""
        batch = self._open(now_us)
        batch.canaries.append((len(batch.messages), canary))
        self._add(batch, message, b"")

    def _open(self, now_us: int) -> Batch:
        self._now_us = now_us
        if self._batch is None:
            self._batch = Batch(time.monotonic(), moment_of(now_us))
            self._loop.call_later(self._config.flush_ms / 1000, self._waited_enough, self._batch)
        return self._batch

    def _add(self, batch: Batch, message: Message, rows: bytes) -> None:
        batch.messages.append(message)
        batch.rows.append(rows)
        if batch.readings >= self._flush_rows or len(batch.messages) >= self._flush_rows:
            self._submit()

    def _waited_enough(self, batch: Batch) -> None:
        """Commit ``batch`` if it is still gathered into; while another is being committed, let it grow instead."""
        if batch is self._batch and not self._running:
            self._submit()

    def _submit(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.states, batch.gone = self._states.take(self._now_us)
            batch.verdict = self._ruling.take(batch.opened_at)
            self._running += 1
            self._thread.submit(batch)

    def _done(self, batch: Batch) -> None:
        self._running -= 1
        self._acknowledge(batch.messages)
        metrics.READINGS.labels(self._config.lane).inc(batch.readings)
        metrics.COMMIT_S.labels("batch").observe(time.monotonic() - batch.opened_s)
        if batch.canaries:
            self._canary()
        for _, entry in batch.entries:
            metrics.QUARANTINED.labels(entry.reason).inc(entry.times)
        waiting = self._batch
        if waiting is not None and time.monotonic() - waiting.opened_s >= self._config.flush_ms / 1000:
            self._waited_enough(waiting)

    async def close(self, *, within_s: float) -> None:
        """Commit what has been gathered, as far as that goes within the time."""
        self._submit()
        await self._thread.close(within_s=within_s)


def _misdated(device: Device, reading: Reading, at_us: int, digest: int, now_us: int) -> Misdated:
    return Misdated(
        identity=Identity(device_key=device.key, at=moment_of(at_us), digest=digest),
        received_at=moment_of(now_us),
        reading=msgspec.to_builtins(reading),
    )
