"""Signing in through an OpenID Connect provider: sign-ins under way, and whose account it is."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.permissions import Grant
from store import audit
from store.pool import Connection
from store.queries import queries

FLOW_LASTS: Final = timedelta(minutes=10)
"""So long somebody may take at the provider."""
_MOST_FLOWS: Final = 10_000
_ACTOR: Final = "openid"  # in the audit trail, of what the provider's word brings about


class TurnedAway(StrEnum):
    """Why somebody whom the provider knows does not come in."""

    NO_GRANT = "no_grant"
    NAME_UNFIT = "name_unfit"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in under way. ``back_to``: the path that was wanted."""

    nonce: str
    verifier: str
    back_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider vouches for. ``name``: what an account would be called; ``grant``: what the provider's claims
    give, None if nothing.
    """

    issuer: str
    subject: str
    name: str | None
    grant: Grant | None


@dataclass(frozen=True, slots=True)
class Known:
    """An account that may come in."""

    user_id: int
    name: str


def _hashed(secret: str) -> bytes:
    # Secrets of 256 random bits cannot be guessed, so a fast hash protects them as well as a slow one.
    return hashlib.sha256(secret.encode()).digest()


async def begin(connection: Connection, flow: Flow, *, state: str, browser: str) -> bool:
    """Remember a sign-in under way; False if too many are."""
    await connection.execute(queries("openid").forget)
    cursor = await connection.execute(
        queries("openid").begin,
        {
            "state_hash": _hashed(state),
            "browser_hash": _hashed(browser),
            "nonce": flow.nonce,
            "verifier": flow.verifier,
            "back_to": flow.back_to,
            "lasts_s": FLOW_LASTS.total_seconds(),
            "most": _MOST_FLOWS,
        },
    )
    return await cursor.fetchone() is not None


async def take(connection: Connection, *, state: str, browser: str) -> Flow | None:
    """The sign-in of ``state``, which counts no more from now on; None if there is none, or not of this browser."""
    parameters = {"state_hash": _hashed(state), "browser_hash": _hashed(browser)}
    row = await (await connection.execute(queries("openid").take, parameters)).fetchone()
    return None if row is None else Flow(*row)


async def admit(connection: Connection, who: Identity, *, now: datetime) -> Known | TurnedAway:
    """The account of ``who``; made or changed as its grant says, unless somebody here has made the account. An account
    whose grant has changed is signed out everywhere.
    """
    named = {"issuer": who.issuer, "subject": who.subject}
    row = await (await connection.execute(queries("openid").known, named)).fetchone()
    if row is None:
        return await _make(connection, who, now=now)
    user_id, name, by_claims, role, organisation, retired = row
    if by_claims and not _same(who.grant, role, organisation):
        await connection.execute(queries("openid").end_sessions, {"user_id": user_id})
        if who.grant is None or not await _regrant(connection, user_id, who.grant):
            await audit.record(connection, _ACTOR, "refuse_sign_in", "users", [name], now=now)
            return TurnedAway.NO_GRANT
        changed = {"fields": ["role", "organisation"]}
        await audit.record(connection, _ACTOR, "change", "users", [name], now=now, detail=changed)
        return await admit(connection, who, now=now)
    return TurnedAway.RETIRED if retired else Known(user_id, name)


def _same(grant: Grant | None, role: str, organisation: str) -> bool:
    return grant is not None and (grant.role, grant.organisation) == (role, organisation)


async def _make(connection: Connection, who: Identity, *, now: datetime) -> Known | TurnedAway:
    if who.grant is None:
        return TurnedAway.NO_GRANT
    if who.name is None:
        return TurnedAway.NAME_UNFIT
    row = await (
        await connection.execute(
            queries("openid").admit,
            {
                "name": who.name,
                "role": who.grant.role.value,
                "organisation": who.grant.organisation,
                "issuer": who.issuer,
                "subject": who.subject,
            },
        )
    ).fetchone()
    if row is None:
        return TurnedAway.NAME_UNFIT
    await audit.record(connection, _ACTOR, "create", "users", [who.name], now=now)
    return Known(row[0], who.name)


async def _regrant(connection: Connection, user_id: int, grant: Grant) -> bool:
    parameters = {"user_id": user_id, "role": grant.role.value, "organisation": grant.organisation}
    return await (await connection.execute(queries("openid").regrant, parameters)).fetchone() is not None
