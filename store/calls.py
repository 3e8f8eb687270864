"""Calls: one live call per phone number, over all incidents. Each function is a part of the caller's transaction."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from store.outbox import Claimed, Moved
from store.pool import Connection
from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A call that this sender is to place, and all that it is to announce, in that order.

    ``again``: another sender was about to place it, and what became of that is not known.
    """

    id: int
    number: str
    started_at: datetime
    again: bool
    notifications: list[Claimed] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as it stands."""

    id: int
    number: str
    mode: str
    live: bool
    provider_ref: str | None
    status: str
    answered_by: str | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Aboard:
    """A notification that a call is about."""

    id: int
    incident_id: int
    responder_id: int | None
    operator: str | None
    connect_to: str | None
    connect_with: int | None
    channel: str
    language: str
    purpose: str
    token: str
    state: str
    announced_at: datetime | None
    answer: str | None


async def open_calls(
    connection: Connection, *, now: datetime, check_at: datetime, most: int, lease_s: float
) -> list[Opened]:
    """Open up to ``most`` calls for what is due, worst first. A number with a live call waits for its end."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            queries("calls").open, {"now": now, "check_at": check_at, "most": most, "lease_s": lease_s}
        )
        opened = _grouped(await cursor.fetchall(), again=False)
    for call in opened:
        if not call.notifications:
            await finish(connection, call.id, status="canceled", now=now)
    return [call for call in opened if call.notifications]


async def reopen_calls(connection: Connection, *, most: int, lease_s: float) -> list[Opened]:
    """Claim calls whose sender died, or could not learn whether the provider took them. What a dead sender left without
    a call is pending again.
    """
    await connection.execute(queries("calls").stranded)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries("calls").reopen, {"most": most, "lease_s": lease_s})
        return _grouped(await cursor.fetchall(), again=True)


def _grouped(rows: list[dict[str, Any]], *, again: bool) -> list[Opened]:
    calls: dict[int, Opened] = {}
    for row in rows:
        call, number, started_at = row.pop("call"), row.pop("number"), row.pop("started_at")
        opened = calls.setdefault(call, Opened(id=call, number=number, started_at=started_at, again=again))
        if row["id"] is not None:
            opened.notifications.append(Claimed(**row))
    return list(calls.values())


async def adopt(connection: Connection, call: int, *, ref: str, check_at: datetime) -> bool:
    """The provider knows the call by ``ref``; False if it is known by another id already."""
    cursor = await connection.execute(queries("calls").adopt, {"id": call, "ref": ref, "check_at": check_at})
    return await cursor.fetchone() is not None


async def on_its_way(connection: Connection, call: int, *, now: datetime) -> list[Moved]:
    """Everything that the call is to announce is sent; returns what was not so before."""
    return await _moves(connection, "on_its_way", id=call, now=now)


async def find(connection: Connection, *, ref: str, token: str) -> Call | None:
    """The call that the provider knows as ``ref``; else the one of the notification with ``token``."""
    return await _call(connection, "by_ref", ref=ref) or await _call(connection, "by_token", token=token)


async def lock(connection: Connection, call: int) -> Call:
    """The call, held until the transaction ends."""
    found = await _call(connection, "lock", id=call)
    assert found is not None
    return found


async def progress(
    connection: Connection, call: int, *, status: str, answered_by: str | None, check_at: datetime
) -> None:
    """The live call stands so now, and is asked after at ``check_at`` if nothing is heard."""
    await connection.execute(
        queries("calls").progress, {"id": call, "status": status, "answered_by": answered_by, "check_at": check_at}
    )


async def judged(connection: Connection, call: int, answered_by: str) -> None:
    """Who answered, in the provider's words or ours."""
    await connection.execute(queries("calls").judged, {"id": call, "answered_by": answered_by})


async def finish(
    connection: Connection, call: int, *, status: str, now: datetime, answered_by: str | None = None
) -> bool:
    """The call is over; False if it was already."""
    cursor = await connection.execute(
        queries("calls").finish, {"id": call, "status": status, "now": now, "answered_by": answered_by}
    )
    return await cursor.fetchone() is not None


async def aboard(connection: Connection, call: int) -> list[Aboard]:
    """What the call is about, in the order of announcing."""
    async with connection.cursor(row_factory=class_row(Aboard)) as cursor:
        await cursor.execute(queries("calls").aboard, {"id": call})
        return await cursor.fetchall()


async def board(connection: Connection, call: int, *, now: datetime) -> list[Moved]:
    """Take aboard whatever else is due for the number of a call that has been answered."""
    await connection.execute(queries("calls").board, {"id": call, "now": now})
    return await on_its_way(connection, call, now=now)


async def announced(connection: Connection, notification: int, *, now: datetime) -> Moved | None:
    """It has been spoken; None if it never went out."""
    moved = await _moves(connection, "announced", id=notification, now=now)
    return moved[0] if moved else None


async def told(connection: Connection, notification: int, *, now: datetime) -> None:
    """The person has heard that this one needs nobody any more."""
    await connection.execute(queries("calls").told, {"id": notification, "now": now})


async def unheard(connection: Connection, *, now: datetime, again_at: datetime, most: int) -> list[Call]:
    """Live calls of which nothing was heard in time; nobody else gets them before ``again_at``."""
    async with connection.cursor(row_factory=class_row(Call)) as cursor:
        await cursor.execute(queries("calls").unheard, {"now": now, "again_at": again_at, "most": most})
        return await cursor.fetchall()


async def engaged(connection: Connection, number: str) -> bool:
    """True while we have a live call to ``number``."""
    row = await (await connection.execute(queries("calls").engaged, {"number": number})).fetchone()
    return row is not None and bool(row[0])


async def known_refs(connection: Connection, number: str, *, since: datetime) -> frozenset[str]:
    """The provider's ids of all calls to ``number`` that we know of."""
    cursor = await connection.execute(queries("calls").known_refs, {"number": number, "since": since})
    return frozenset(row[0] for row in await cursor.fetchall())


async def _call(connection: Connection, query: str, **parameters: object) -> Call | None:
    async with connection.cursor(row_factory=class_row(Call)) as cursor:
        await cursor.execute(getattr(queries("calls"), query), parameters)
        return await cursor.fetchone()


async def _moves(connection: Connection, query: str, **parameters: object) -> list[Moved]:
    async with connection.cursor(row_factory=class_row(Moved)) as cursor:
        await cursor.execute(getattr(queries("calls"), query), parameters)
        return await cursor.fetchall()
