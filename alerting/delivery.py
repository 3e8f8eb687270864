"""What becomes of a notification: its state, its line on the timeline and the poke of the engine, in one transaction.

Incidents are poked first: locks are taken in the engine's order, incidents before notifications.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from devices.native import Stage
from domain.notification import Failure, NotificationState
from domain.people import ChannelName
from store import outbox, receipts, timeline
from store.outbox import Moved
from store.pool import Connection
from store.timeline import NewEntry

RECEIPT_WITHIN: Final = {
    # Care time. A carrier that gives receipts gives them within seconds; who reads a console looks at it all the time.
    ChannelName.SMS: timedelta(seconds=45),
    ChannelName.CONSOLE: timedelta(seconds=60),
}
"""How long to wait for a receipt before the next channel of the same person is tried."""

_UNDER_WAY: Final = (NotificationState.SENDING, NotificationState.SENT, NotificationState.DELIVERED)


class Happened(StrEnum):
    """Kinds of timeline entries about reaching people."""

    CALLED = "called"
    TEXTED = "texted"
    SENT = "sent"
    DELIVERED = "delivered"
    ANSWERED_CALL = "answered_call"
    KEYED = "keyed"
    VOICEMAIL = "voicemail"
    FAILED = "failed"
    PUT_BACK = "put_back"
    REPLIED = "replied"
    CONNECTED = "connected"
    PARTED = "parted"


_NOTIFIED: Final = frozenset({Happened.CALLED, Happened.TEXTED, Happened.SENT})
"""From here on somebody is being asked, and the resident may know it."""


async def tell(
    connection: Connection,
    moved: Moved,
    now: datetime,
    happened: Happened,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write that something happened to ``moved`` on its incident's timeline."""
    await tell_all(connection, [moved], now, happened, reason, detail)


async def tell_all(
    connection: Connection,
    moves: Iterable[Moved],
    now: datetime,
    happened: Happened,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write the same on the timelines of several."""
    moved = list(moves)
    entries = [
        NewEntry(incident_id=one.incident_id, kind=happened, reason=reason, detail=_detail(one) | dict(detail or {}))
        for one in moved
    ]
    await timeline.append_many(connection, now, entries)
    if happened in _NOTIFIED:
        await receipts.promise(connection, [one.incident_id for one in moved], Stage.NOTIFIED, now=now)


def _detail(moved: Moved) -> dict[str, Any]:
    detail = {"notification": moved.id, "responder": moved.responder_id, "channel": moved.channel}
    return detail if moved.operator is None else detail | {"operator": moved.operator}


async def went_out(
    connection: Connection,
    notification: int,
    channel: ChannelName,
    *,
    now: datetime,
    ref: str | None,
    status: str,
    fence: int | None = None,
) -> bool:
    """The provider has taken a message; False if it is not in our hands any more."""
    within = RECEIPT_WITHIN.get(channel)
    moved = await outbox.went_out(
        connection,
        notification,
        now=now,
        ref=ref,
        status=status,
        receipt_due_at=now + within if within else None,
        fence=fence,
    )
    if moved is not None:
        happened = Happened.TEXTED if channel is ChannelName.SMS else Happened.SENT
        await tell(connection, moved, now, happened, status, {"ref": ref})
    return moved is not None


async def arrived(
    connection: Connection, notification: int, incident: int, *, now: datetime, status: str | None
) -> bool:
    """A message has arrived; False if that was known."""
    await outbox.poke(connection, [incident], now=now)
    moved = await outbox.reached(connection, notification, now=now, status=status)
    if moved is not None:
        await tell(connection, moved, now, Happened.DELIVERED, status or "delivered")
    return moved is not None


async def seen(connection: Connection, incident: int, *, now: datetime) -> bool:
    """An operator's console has shown ``incident``; False if nothing was on show there, or it was seen before."""
    await outbox.poke(connection, [incident], now=now)
    moves = await outbox.seen(connection, incident, now=now)
    await tell_all(connection, moves, now, Happened.DELIVERED, "seen")
    return bool(moves)


async def failed(
    connection: Connection,
    notification: int,
    incident: int,
    failure: Failure,
    *,
    now: datetime,
    from_states: Iterable[NotificationState] = _UNDER_WAY,
    status: str | None = None,
    error: str | None = None,
    fence: int | None = None,
) -> bool:
    """Nobody was reached: the engine decides what comes next. False if it was answered or ended otherwise before."""
    await outbox.poke(connection, [incident], now=now)
    moved = await outbox.failed(
        connection, notification, failure, from_states=from_states, status=status, error=error, fence=fence
    )
    if moved is not None:
        happened = Happened.VOICEMAIL if failure is Failure.VOICEMAIL else Happened.FAILED
        await tell(connection, moved, now, happened, failure, {"status": status, "error": error})
    return moved is not None


async def put_back(
    connection: Connection,
    notification: int,
    *,
    now: datetime,
    due_at: datetime,
    reason: str,
    afresh: bool = False,
    fence: int | None = None,
) -> bool:
    """To be sent at ``due_at``, again or after all; False if it is not in our hands any more."""
    moved = await outbox.put_back(
        connection, notification, due_at=due_at, error=None if afresh else reason, afresh=afresh, fence=fence
    )
    if moved is not None:
        await tell(connection, moved, now, Happened.PUT_BACK, reason)
    return moved is not None
