"""Everything that may wait a little, into the database: many messages in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import structlog
from psycopg import errors as pg

from devices.wire.mqtt import Oversized
from ingest.commit_thread import SyncConnection
from ingest.judging import Reason, shortened
from ingest.packing import days_of, digest_of
from ingest.ruling import Verdict
from ingest.session import Message
from store import canaries, device_states, leases, partitions, quarantine, readings
from store.canaries import Canary
from store.device_states import DeviceState
from store.errors import StoreError
from store.leases import Lease
from store.quarantine import Entry
from store.readings import Identity, Misdated
from store.wakeups import Bell, ring_here

log = structlog.get_logger(__name__)

_REFUSED_DETAIL: Final = 500
_Item = TypeVar("_Item")
Placed = list[tuple[int, _Item]]


@dataclass(slots=True)
class Batch:
    """What messages bring into one transaction.

    ``messages`` and ``rows`` run side by side: ``rows`` holds the readings of each message, packed. The other lists
    name the place of the message that an item belongs to.
    """

    opened_s: float  # machine time
    opened_at: datetime
    messages: list[Message] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    readings: int = 0
    repeats_likely: bool = False
    untimed: Placed[Identity] = field(default_factory=list)
    misdated: Placed[Misdated] = field(default_factory=list)
    entries: Placed[Entry] = field(default_factory=list)
    canaries: Placed[Canary] = field(default_factory=list)
    states: Sequence[DeviceState] = ()
    gone: Mapping[int, str | None] = field(default_factory=dict)
    verdict: Verdict | None = None
    days_made: bool = False
    last_resort: bool = False

    def commit(self, connection: SyncConnection, lease: Lease) -> None:
        """All of it in one transaction. Readings go straight into their table; if any of them proves to be a repeat,
        everything is done again the slower way, which finds the repeats. A missing partition is made.
        """
        try:
            with connection.transaction():
                self._write(connection, lease)
        except pg.UniqueViolation:
            if self.repeats_likely:
                raise
            self.repeats_likely = True
            self.commit(connection, lease)
        except pg.CheckViolation as error:
            if self.days_made or error.diag.constraint_name is not None:
                raise
            partitions.ensure_partitions(connection, days_of(self.rows))
            self.days_made = True
            self.commit(connection, lease)
        else:
            if self.verdict and self.verdict.alarmed:
                ring_here(connection, Bell.ENGINE, Bell.STREAM)

    def _write(self, connection: SyncConnection, lease: Lease) -> None:
        leases.hold(connection, lease)
        if self.readings and self.repeats_likely:
            readings.merge(connection, self.rows, [one for _, one in self.untimed])
        elif self.readings:
            readings.copy(connection, self.rows)
        readings.keep_misdated(connection, [one for _, one in self.misdated])
        quarantine.keep(connection, [one for _, one in self.entries])
        device_states.merge(connection, self.states)
        device_states.offline(connection, self.gone)
        canaries.arrived(connection, [one for _, one in self.canaries])
        if self.verdict:
            self.verdict.commit(connection)

    def divide(self) -> "Sequence[Batch]":
        """Both halves of the messages; before that, the states and what the rules found by themselves."""
        if (self.states or self.gone or self.verdict) and not self.last_resort:
            states = Batch(self.opened_s, self.opened_at, states=self.states, gone=self.gone, last_resort=True)
            found = Batch(self.opened_s, self.opened_at, verdict=self.verdict, last_resort=True)
            return [self._part(0, len(self.messages)), states, found]
        middle = len(self.messages) // 2
        return [self._part(0, middle), self._part(middle, len(self.messages))] if middle else []

    def _part(self, first: int, last: int) -> "Batch":
        def inside(items: Placed[_Item]) -> Placed[_Item]:
            return [(place - first, item) for place, item in items if first <= place < last]

        return Batch(
            self.opened_s,
            self.opened_at,
            messages=self.messages[first:last],
            rows=self.rows[first:last],
            readings=self.readings,
            repeats_likely=self.repeats_likely,
            untimed=inside(self.untimed),
            misdated=inside(self.misdated),
            entries=inside(self.entries),
            canaries=inside(self.canaries),
        )

    def refused(self, error: StoreError) -> "Batch | None":
        """The message into quarantine, instead of what it says."""
        if self.last_resort:
            return self._without_verdict(error)
        (message,) = self.messages
        payload = b"" if isinstance(message, Oversized) else message.payload
        entry = Entry(
            reason=Reason.REFUSED,
            topic=shortened(message.topic),
            digest=digest_of(payload),
            detail=str(error)[:_REFUSED_DETAIL],
            payload=payload,
            size_bytes=len(payload),
            at=self.opened_at,
        )
        return Batch(self.opened_s, self.opened_at, messages=[message], entries=[(0, entry)], last_resort=True)

    def _without_verdict(self, error: StoreError) -> "Batch | None":
        """Whatever is wrong with a finding must not stop the lane: the readings are stored, and engines look, too."""
        if not self.verdict:
            return None
        log.error("the database refuses what the rules found", error=str(error), findings=len(self.verdict.findings))
        return Batch(self.opened_s, self.opened_at, last_resort=True)
