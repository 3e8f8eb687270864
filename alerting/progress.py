"""How calls and messages go on at the provider, told by call-backs or asked by polling: late, twice, out of order.

Every function is idempotent, and a part of the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from alerting import delivery
from alerting.channels import Sent
from alerting.delivery import Happened
from domain.notification import Failure, NotificationState, Purpose
from domain.people import ChannelName
from store import calls, outbox
from store.calls import Aboard, Call
from store.pool import Connection


class CallStatus(StrEnum):
    """How a call stands; the first and the last are ours. Source: Twilio, Call resource and status call-backs."""

    STARTING = "starting"
    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    LOST = "lost"  # the provider does not know it, or does not say


_ORDER: Final = {
    CallStatus.STARTING: 0,
    CallStatus.QUEUED: 1,
    CallStatus.INITIATED: 2,
    CallStatus.RINGING: 3,
    CallStatus.IN_PROGRESS: 4,
}
"""Calls move forward in this order only; all other statuses are ends, and the first end counts."""

CHECK_AFTER: Final = {
    # Care time without news after which the provider is asked. A ringing phone is answered, or not, within a minute.
    CallStatus.STARTING: timedelta(seconds=60),
    CallStatus.QUEUED: timedelta(seconds=30),
    CallStatus.INITIATED: timedelta(seconds=30),
    CallStatus.RINGING: timedelta(seconds=60),
    CallStatus.IN_PROGRESS: timedelta(minutes=2),
}

_UNANSWERED: Final = {
    CallStatus.BUSY: Failure.BUSY,
    CallStatus.NO_ANSWER: Failure.NO_ANSWER,
    CallStatus.FAILED: Failure.UNDELIVERED,
    CallStatus.CANCELED: Failure.CANCELLED_BY_US,
    CallStatus.LOST: Failure.NO_RECEIPT,
}

MACHINES: Final = ("machine", "fax")
"""How the provider's names for those who are nobody begin. Source: Twilio, answering machine detection, AnsweredBy."""


def is_machine(answered_by: str | None) -> bool:
    """True for voicemail and fax: nobody."""
    return answered_by is not None and answered_by.startswith(MACHINES)


def moves(before: str, after: CallStatus) -> bool:
    """True if a call that stood at ``before`` can stand at ``after`` next; news that comes late moves nothing back."""
    standing = _ORDER.get(CallStatus(before))
    if standing is None:
        return False
    return _ORDER.get(after, len(_ORDER)) > standing


def is_end(status: CallStatus) -> bool:
    """True if a call that stands so is over."""
    return status not in _ORDER


class Fate(StrEnum):
    """What is not a failure, of a notification whose call is over."""

    KEEP = "keep"  # answered, or ended before
    AGAIN = "again"  # the call was about others first: due again at once


def fate(status: CallStatus, answered_by: str | None, about: Aboard, aboard: Sequence[Aboard]) -> Failure | Fate:
    """What a call that ended as ``status`` means for one of the notifications ``aboard``.

    A phone that nobody answered rang for all of them. Somebody who answered, and hung up before hearing of this one,
    has heard of another: this one is due again. Heard and not answered with a key is ``no_key``; an operator who was
    connected has no key to press.
    """
    if about.answer is not None or about.state not in (NotificationState.SENT, NotificationState.DELIVERED):
        return Fate.KEEP
    if about.purpose == Purpose.CONNECT and about.announced_at is not None:
        return Fate.KEEP
    if status is not CallStatus.COMPLETED:
        return _UNANSWERED[status]
    if is_machine(answered_by):
        return Failure.VOICEMAIL
    if about.announced_at is not None or all(one.announced_at is None for one in aboard):
        return Failure.NO_KEY
    return Fate.AGAIN


async def adopted(connection: Connection, call: Call, ref: str, *, now: datetime) -> bool:
    """The provider has ``call`` as ``ref``, told by its answer, by a call-back or by looking it up; False if it is
    known by another id, so that ``ref`` is a second call for the same.
    """
    if not await calls.adopt(connection, call.id, ref=ref, check_at=now + CHECK_AFTER[CallStatus.QUEUED]):
        return False
    gone = await calls.on_its_way(connection, call.id, now=now)
    await delivery.tell_all(connection, gone, now, Happened.CALLED, "placed", {"call": call.id})
    return True


async def call_moved(connection: Connection, call: Call, standing: Sent, *, now: datetime) -> bool:
    """The provider says how a call stands; returns whether that was news."""
    status = CallStatus(standing.status)
    call = await calls.lock(connection, call.id)
    if not call.live or not moves(call.status, status):
        return False
    if not is_end(status):
        await calls.progress(
            connection,
            call.id,
            status=status,
            answered_by=standing.answered_by,
            check_at=now + CHECK_AFTER[status],
        )
    else:
        await call_over(connection, call, status, now=now, answered_by=standing.answered_by)
    return True


async def call_over(
    connection: Connection, call: Call, status: CallStatus, *, now: datetime, answered_by: str | None = None
) -> None:
    """End ``call`` and settle everything it was about."""
    if not await calls.finish(connection, call.id, status=status, now=now, answered_by=answered_by):
        return
    # What we have found out ourselves (a machine presses no key, a person may) counts above the provider's verdict.
    who = call.answered_by or answered_by
    aboard = await calls.aboard(connection, call.id)
    await outbox.poke(connection, {one.incident_id for one in aboard}, now=now)
    for one in aboard:
        match fate(status, who, one, aboard):
            case Failure() as failure:
                await delivery.failed(connection, one.id, one.incident_id, failure, now=now, status=status)
            case Fate.AGAIN:
                await delivery.put_back(connection, one.id, now=now, due_at=now, reason="not_announced", afresh=True)
            case Fate.KEEP:
                pass


_ARRIVED: Final = frozenset({"delivered", "read"})
_NOT_ARRIVED: Final = frozenset({"undelivered", "failed", "canceled"})


def has_arrived(standing: Sent) -> bool:
    """True if a message has come to the phone."""
    return standing.status in _ARRIVED


async def message_moved(
    connection: Connection, notification: int, incident: int, standing: Sent, *, now: datetime
) -> None:
    """The provider says how an SMS stands. Source: Twilio, Message resource, ``status``."""
    if has_arrived(standing):
        await delivery.arrived(connection, notification, incident, now=now, status=standing.status)
    elif standing.status in _NOT_ARRIVED:
        await delivery.failed(
            connection,
            notification,
            incident,
            Failure.UNDELIVERED,
            now=now,
            from_states=(NotificationState.SENT,),
            status=standing.status,
            error=standing.error,
        )
    else:
        await outbox.noted(connection, notification, standing.status)


async def message_taken(connection: Connection, notification: int, ref: str, status: str, *, now: datetime) -> None:
    """A call-back tells us that the provider has a message before our own request has come back."""
    await delivery.went_out(connection, notification, ChannelName.SMS, now=now, ref=ref, status=status)
