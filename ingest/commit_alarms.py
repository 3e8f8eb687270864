"""Alarms into the database: at once, several that wait together in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from devices.model import Hazard, SignalState
from domain.incident import SubjectKind
from ingest.commit_thread import SyncConnection
from ingest.judging import Reason
from ingest.session import Message
from store import alarms, canaries, leases, quarantine
from store.alarms import Alarm, Committed
from store.canaries import Canary
from store.errors import StoreError
from store.leases import Lease
from store.quarantine import Entry
from store.wakeups import Bell, hint, ring_here

_REFUSED_DETAIL: Final = 500


@dataclass(slots=True, kw_only=True)
class AlarmMessage:
    """What one message brings into the alarm commit. ``committed`` is what became of its alarms, once it is done."""

    message: Message
    received_s: float
    alarms: Sequence[Alarm]
    entry: Entry | None = None
    canary: Canary | None = None
    receipt_topic: str | None = None
    committed: Sequence[Committed] = ()
    last_resort: bool = False


class AlarmGroup:
    """Messages that are committed together."""

    def __init__(self, messages: Sequence[AlarmMessage]) -> None:
        self.messages = messages
        self._tried = False

    def commit(self, connection: SyncConnection, lease: Lease) -> None:
        """All alarms in one transaction, ordered so that two groups never wait in a circle; behind it, and in the same
        round trip, the hint to engines. That may be what has failed: the next attempt gives it apart from the alarms.
        """
        again, self._tried = self._tried, True
        work = sorted(
            ((alarm, message) for message in self.messages for alarm in message.alarms), key=lambda one: one[0].key
        )
        with connection.pipeline():
            with connection.transaction():
                leases.hold(connection, lease)
                cursors = [alarms.send(connection, alarm) for alarm, _ in work]
                quarantine.keep(connection, [one.entry for one in self.messages if one.entry is not None])
                canaries.arrived(connection, [one.canary for one in self.messages if one.canary is not None])
            if work and not again:
                connection.execute(*hint(Bell.ENGINE, Bell.STREAM))
        if work and again:
            ring_here(connection, Bell.ENGINE, Bell.STREAM)
        became = {id(alarm): alarms.outcome(cursor) for (alarm, _), cursor in zip(work, cursors, strict=True)}
        for message in self.messages:
            message.committed = [became[id(alarm)] for alarm in message.alarms]

    def divide(self) -> "Sequence[AlarmGroup]":
        """Each message by itself."""
        return [AlarmGroup([message]) for message in self.messages] if len(self.messages) > 1 else []

    def refused(self, error: StoreError) -> "AlarmGroup | None":
        """The duty desk must look: whatever in the message the database could not take is left out."""
        (message,) = self.messages
        if message.last_resort:
            return None
        message.alarms = [_bare(alarm, error) for alarm in message.alarms]
        message.entry = _entry(message, error)
        message.canary = None
        message.last_resort = True
        return self


def _bare(alarm: Alarm, error: StoreError) -> Alarm:
    """The alarm as one that nobody could understand, with nothing of the device's own wording in it."""
    return replace(
        alarm,
        identity=f"refused {alarm.digest} {alarm.received_at.isoformat()}",
        hazard=Hazard.UNCLEAR,
        state=SignalState.RAISED,
        subject_kind=SubjectKind.SOURCE,
        subject_id=alarm.source,
        reason=Reason.REFUSED,
        device_key=None,
        event_id=None,
        at=None,
        faults=(),
        household_id=None,
        resident_id=None,
        same_since=None,
        republished=False,
        detail={"hazard": alarm.hazard.value, "device_key": alarm.device_key, "error": type(error).__name__},
    )


def _entry(message: AlarmMessage, error: StoreError) -> Entry | None:
    if not message.alarms:
        return None
    alarm = message.alarms[0]
    return Entry(
        reason=Reason.REFUSED,
        topic=alarm.source,
        digest=alarm.digest,
        detail=str(error)[:_REFUSED_DETAIL],
        payload=alarm.payload,
        size_bytes=len(alarm.payload),
        at=alarm.received_at,
    )
