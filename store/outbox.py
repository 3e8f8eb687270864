"""The outbox: notifications from pending to their end. Each function is a part of the caller's transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from domain.notification import Failure, NotificationState
from domain.people import ChannelName
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A notification that this sender holds until its lease runs out; ``fence`` goes into each write.

    ``again``: another sender held it before, and what became of that is not known.
    """

    id: int
    incident_id: int
    responder_id: int | None
    channel: str
    address: str
    language: str
    purpose: str
    token: str
    severity: int
    round: int
    sequence: int
    fence: int
    attempts: int
    created_at: datetime
    due_at: datetime
    call_id: int | None
    again: bool
    mode: str  # of the incident
    responder_mode: str  # of whoever is to be reached
    stopped: bool  # the person wants no messages at this address


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A notification whose state has changed in this transaction: what its timeline entry names."""

    id: int
    incident_id: int
    responder_id: int | None
    channel: str
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A notification found by its token."""

    id: int
    incident_id: int
    call_id: int | None
    provider_ref: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """A message whose receipt did not come in time."""

    id: int
    incident_id: int
    channel: str
    provider_ref: str | None


@dataclass(frozen=True, slots=True)
class Next:
    """When the outbox is to be looked at again. By care time: for calls, for other messages, for receipts that have not
    come; ``lease_s``: in so many seconds of machine time somebody else's work has to be taken over.
    """

    call_at: datetime | None
    message_at: datetime | None
    check_at: datetime | None
    lease_s: float | None

    @property
    def due_at(self) -> datetime | None:
        """The earliest of the moments of care time."""
        return min((at for at in (self.call_at, self.message_at, self.check_at) if at is not None), default=None)

    @property
    def is_left(self) -> bool:
        """Whether there is something to take over now."""
        return self.lease_s is not None and self.lease_s <= 0

    def is_due(self, now: datetime) -> bool:
        """Whether there is something to do at ``now``."""
        return self.is_left or is_past(self.due_at, now)


def is_past(at: datetime | None, now: datetime) -> bool:
    """Whether ``at``, if there is such a moment, has come by ``now``."""
    return at is not None and at <= now


async def claim(
    connection: Connection, channel: ChannelName, *, now: datetime, most: int, lease_s: float
) -> list[Claimed]:
    """Claim up to ``most`` messages of ``channel`` for ``lease_s`` seconds, in the order in which to send them."""
    async with connection.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(
            queries("outbox").claim, {"channel": channel.value, "now": now, "most": most, "lease_s": lease_s}
        )
        claimed = await cursor.fetchall()
    return sorted(claimed, key=lambda one: (one.severity, one.due_at, one.id))


async def next_due(connection: Connection) -> Next:
    """When there will be something to do."""
    row = await (await connection.execute(queries("outbox").next_due)).fetchone()
    assert row is not None
    return Next(*row)


async def poke(connection: Connection, incidents: Collection[int], *, now: datetime) -> None:
    """Have the engine look at ``incidents``; do this before anything else, so that locks are in the engine's order."""
    await connection.execute(queries("outbox").poke, {"incidents": list(incidents), "now": now})


async def by_token(connection: Connection, token: str) -> Addressed | None:
    """The notification with this token."""
    async with connection.cursor(row_factory=class_row(Addressed)) as cursor:
        await cursor.execute(queries("outbox").by_token, {"token": token})
        return await cursor.fetchone()


async def went_out(
    connection: Connection,
    notification: int,
    *,
    now: datetime,
    ref: str | None,
    status: str,
    receipt_due_at: datetime | None,
    fence: int | None = None,
) -> Moved | None:
    """The provider has it; None if it is not ours to send any more."""
    return await _move(
        connection,
        "went_out",
        id=notification,
        now=now,
        ref=ref,
        status=status,
        receipt_due_at=receipt_due_at,
        fence=fence,
    )


async def reached(
    connection: Connection, notification: int, *, now: datetime, status: str | None = None
) -> Moved | None:
    """It has arrived; None if that was known, or if it never went out."""
    return await _move(connection, "reached", id=notification, now=now, status=status)


async def failed(
    connection: Connection,
    notification: int,
    failure: Failure,
    *,
    from_states: Iterable[NotificationState],
    status: str | None = None,
    error: str | None = None,
    fence: int | None = None,
) -> Moved | None:
    """It has reached nobody; None if it is in another state than ``from_states``, or has been answered."""
    return await _move(
        connection,
        "failed",
        id=notification,
        failure=failure.value,
        from_states=[state.value for state in from_states],
        status=status,
        error=error,
        fence=fence,
    )


async def put_back(
    connection: Connection,
    notification: int,
    *,
    due_at: datetime,
    error: str | None = None,
    afresh: bool = False,
    fence: int | None = None,
) -> Moved | None:
    """Pending again until ``due_at``; ``afresh`` forgets the attempts so far. None if it is not ours any more."""
    return await _move(connection, "put_back", id=notification, due_at=due_at, error=error, afresh=afresh, fence=fence)


async def look_later(connection: Connection, claimed: Sequence[Claimed], *, wait_s: float, error: str) -> None:
    """Shorten the lease to ``wait_s``: whoever claims it then looks it up at the provider first."""
    ids, fences = [one.id for one in claimed], [one.fence for one in claimed]
    await connection.execute(
        queries("outbox").look_later, {"ids": ids, "fences": fences, "wait_s": wait_s, "error": error}
    )


async def noted(connection: Connection, notification: int, status: str) -> None:
    """Keep the provider's last word where it moves nothing."""
    await connection.execute(queries("outbox").noted, {"id": notification, "status": status})


async def unheard(connection: Connection, *, now: datetime, again_at: datetime, most: int) -> list[Unheard]:
    """Messages without a receipt in time; nobody else gets them before ``again_at``."""
    async with connection.cursor(row_factory=class_row(Unheard)) as cursor:
        await cursor.execute(queries("outbox").unheard, {"now": now, "again_at": again_at, "most": most})
        return await cursor.fetchall()


async def known_refs(connection: Connection, address: str, *, since: datetime) -> frozenset[str]:
    """The provider's ids of everything that we know to have been sent to ``address``."""
    cursor = await connection.execute(queries("outbox").known_refs, {"address": address, "since": since})
    return frozenset(row[0] for row in await cursor.fetchall())


async def seen(connection: Connection, incident: int, *, now: datetime) -> list[Moved]:
    """The console has shown ``incident`` to an operator: what was on show for it there has arrived."""
    async with connection.cursor(row_factory=class_row(Moved)) as cursor:
        await cursor.execute(queries("outbox").console_seen, {"incident": incident, "now": now})
        return await cursor.fetchall()


async def _move(connection: Connection, query: str, **parameters: object) -> Moved | None:
    async with connection.cursor(row_factory=class_row(Moved)) as cursor:
        await cursor.execute(getattr(queries("outbox"), query), parameters)
        return await cursor.fetchone()
