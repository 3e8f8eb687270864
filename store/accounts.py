"""Who may come in: API keys and accounts of people."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from domain.people import Language, OrganisationId
from domain.permissions import Actor, Role, Scope
from store.pool import Connection
from store.queries import queries

KEY_PREFIX: Final = "cw_"  # so that scanners for leaked secrets can know one
_KEY_BYTES: Final = 32
_hasher: Final = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as everybody may see it: not the key itself, which is shown once, when it is made."""

    id: int
    name: str
    organisation: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a person."""

    name: str
    organisation: str
    role: str
    language: str
    retired_at: datetime | None


def _hashed(key: str) -> bytes:
    # A random key of 256 bits cannot be guessed, so a fast hash protects it as well as a slow one.
    return hashlib.sha256(key.encode()).digest()


async def add_key(
    connection: Connection,
    *,
    name: str,
    organisation: str,
    scopes: Collection[Scope],
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[int, str] | None:
    """Make a key for the subtree of ``organisation`` and return its row id and the key; None if there is no such
    organisation in use. The key cannot be read again.
    """
    key = KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    cursor = await connection.execute(
        queries("access").add_key,
        {
            "name": name,
            "organisation": organisation,
            "scopes": sorted(scope.value for scope in scopes),
            "key_hash": _hashed(key),
            "now": now,
            "expires_at": expires_at,
        },
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], key)


async def actor_of_key(connection: Connection, key: str, *, now: datetime) -> Actor | None:
    """Who comes with ``key``; None if it is unknown, expired or retired."""
    cursor = await connection.execute(queries("access").key, {"key_hash": _hashed(key), "now": now})
    row = await cursor.fetchone()
    if row is None:
        return None
    number, organisation, scopes = row
    return Actor(
        id=f"key:{number}",
        organisation_id=OrganisationId(organisation),
        scopes=frozenset(Scope(scope) for scope in scopes),
    )


async def key_counts(connection: Connection, actor: Actor, *, now: datetime) -> bool:
    """True if the key that ``actor`` came with is neither expired nor retired by now."""
    cursor = await connection.execute(queries("access").key_counts, {"actor": actor.id, "now": now})
    return await cursor.fetchone() == (True,)


async def keys(
    connection: Connection, actor: Actor, *, number: int | None = None, after: int | None = None, limit: int = 1
) -> list[Key]:
    """The keys of the actor's subtree, or the one of this ``number``."""
    cursor = await connection.execute(
        queries("access").keys, {"within": actor.organisation_id, "id": number, "after": after, "limit": limit}
    )
    return [Key(*row) for row in await cursor.fetchall()]


async def retire_key(connection: Connection, number: int, *, now: datetime) -> None:
    """Let a key count no more, from now on."""
    await connection.execute(queries("access").retire_key, {"id": number, "now": now})


def hash_password(password: str) -> str:
    """Argon2id; takes some 50 ms of processor time on purpose."""
    return _hasher.hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    """True if ``password`` is the one behind ``password_hash``; takes as long as :func:`hash_password`."""
    try:
        return _hasher.verify(password_hash, password)
    except Argon2Error:
        return False


async def add_user(
    connection: Connection,
    *,
    name: str,
    organisation: str,
    role: Role,
    language: Language,
    password_hash: str | None = None,
    identity: tuple[str, str] | None = None,
) -> bool:
    """Make an account; False if there is no such organisation in use. It signs in with a password, or as ``identity``:
    issuer and subject of an OpenID Connect provider.

    Raises :class:`store.errors.ConstraintBroken` if the name or the identity is taken.
    """
    written: dict[str, Any] = {
        "name": name,
        "organisation": organisation,
        "role": role.value,
        "language": language.value,
        "password_hash": password_hash,
        "issuer": None if identity is None else identity[0],
        "subject": None if identity is None else identity[1],
    }
    return await (await connection.execute(queries("access").add_user, written)).fetchone() is not None


async def users(
    connection: Connection, actor: Actor, *, name: str | None = None, after: str | None = None, limit: int = 1
) -> list[Account]:
    """The accounts of the actor's subtree, or the one of this ``name``."""
    cursor = await connection.execute(
        queries("access").users, {"within": actor.organisation_id, "name": name, "after": after, "limit": limit}
    )
    return [Account(*row) for row in await cursor.fetchall()]


async def every_user(connection: Connection) -> list[Account]:
    """All accounts, for who runs the platform itself."""
    return [Account(*row) for row in await (await connection.execute(queries("access").every_user)).fetchall()]


async def retire_user(connection: Connection, name: str, *, now: datetime) -> None:
    """Let an account count no more, from now on."""
    await connection.execute(queries("access").retire_user, {"name": name, "now": now})


async def at_the_top(connection: Connection, actor: Actor) -> bool:
    """True if nothing is above the actor's organisation: only then may it change what belongs to everybody."""
    cursor = await connection.execute(queries("access").organisation_depth, {"id": actor.organisation_id})
    return await cursor.fetchone() == (1,)
