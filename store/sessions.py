"""Signing in at the console: sessions, failures and locks. All times here are machine time."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.people import Language, OrganisationId
from domain.permissions import ROLE_SCOPES, Actor, Role
from store.pool import Connection
from store.queries import queries

FAILURES: Final = 5
"""So many wrong passwords in a row lock an account."""
LOCKED_FOR: Final = timedelta(minutes=15)
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against."""

    user_id: int
    password_hash: str
    locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is signed in. ``session`` is the hash of the cookie: it names the session and opens nothing."""

    session: bytes
    name: str
    actor: Actor
    language: Language
    organisation: str
    timezone: str
    phone: str | None  # her own, at which she wants to be called


def session_of(token: str) -> bytes:
    """The name of the session that the cookie ``token`` opens."""
    # A random token of 256 bits cannot be guessed, so a fast hash protects it as well as a slow one.
    return hashlib.sha256(token.encode()).digest()


async def credentials(connection: Connection, name: str) -> Credentials | None:
    """What to check ``name`` against; None if there is no such account in use with a password."""
    row = await (await connection.execute(queries("sessions").credentials, {"name": name})).fetchone()
    return None if row is None else Credentials(*row)


async def failed(connection: Connection, user_id: int) -> bool:
    """Count a wrong password; True if the account is locked now."""
    parameters = {"user_id": user_id, "failures": FAILURES, "lock_s": LOCKED_FOR.total_seconds()}
    row = await (await connection.execute(queries("sessions").failed, parameters)).fetchone()
    return row is not None and bool(row[0])


async def begin(connection: Connection, user_id: int, *, lasts: timedelta) -> str | None:
    """Begin a session and return its cookie; None if the account was locked or retired meanwhile."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    parameters = {"user_id": user_id, "token_hash": session_of(token), "lasts_s": lasts.total_seconds()}
    row = await (await connection.execute(queries("sessions").begin, parameters)).fetchone()
    return None if row is None else token


async def visitor(connection: Connection, session: bytes) -> Visitor | None:
    """Who is signed in; None once the session has expired or ended, or the account counts no more."""
    row = await (await connection.execute(queries("sessions").visitor, {"token_hash": session})).fetchone()
    if row is None:
        return None
    name, role, language, organisation_id, organisation, timezone, phone = row
    return Visitor(
        session=session,
        name=name,
        actor=Actor(
            id=f"user:{name}",
            organisation_id=OrganisationId(organisation_id),
            scopes=ROLE_SCOPES[Role(role)],
            role=Role(role),
        ),
        language=Language(language),
        organisation=organisation,
        timezone=timezone,
        phone=phone,
    )


async def living(connection: Connection, sessions: Collection[bytes]) -> set[bytes]:
    """Those of ``sessions`` that still count."""
    cursor = await connection.execute(queries("sessions").living, {"token_hashes": list(sessions)})
    return {bytes(row[0]) for row in await cursor.fetchall()}


async def finish(connection: Connection, session: bytes) -> None:
    """End a session."""
    await connection.execute(queries("sessions").finish, {"token_hash": session})


async def set_language(connection: Connection, name: str, language: Language) -> None:
    """Remember in which language ``name`` wants its pages."""
    await connection.execute(queries("sessions").set_language, {"name": name, "language": language.value})


async def set_phone(connection: Connection, name: str, phone: str) -> None:
    """Remember at which telephone ``name`` wants to be called."""
    await connection.execute(queries("sessions").set_phone, {"name": name, "phone": phone})
