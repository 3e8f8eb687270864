"""The first key of an organisation: what a command, a demo and a simulation are let in with."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from domain.permissions import Scope
from store import audit
from store.accounts import add_key
from store.pool import Connection
from store.registry import Noun, save


async def first_key(
    connection: Connection,
    organisation: str,
    *,
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    by: str,
    expires_at: datetime | None = None,
) -> str | None:
    """A new key for the subtree of ``organisation``, on record as made ``by`` somebody; None if there is no such
    organisation in use.
    """
    made = await add_key(
        connection, name=name, organisation=organisation, scopes=list(scopes), now=now, expires_at=expires_at
    )
    if made is None:
        return None
    number, key = made
    await audit.record(connection, by, "create", "keys", [str(number)], now=now)
    return key


async def found(connection: Connection, organisation: Mapping[str, Any], *, name: str, now: datetime) -> str:
    """The key of ``organisation``, which is enrolled if it is not yet: where nobody is there who could do it."""
    await save(connection, Noun.ORGANISATIONS, [dict(organisation)], now=now)
    key = await first_key(connection, organisation["code"], name=name, scopes=Scope, now=now, by=f"command:{name}")
    assert key is not None
    return key
