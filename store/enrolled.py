"""What is enrolled, as it was written down: read, retire, strike off. The other half of :mod:`store.registry`.

Records are read as JSON values with the fields of :mod:`domain.written`, so that what is read can be saved again.
``within`` is the organisation whose subtree an actor may see; None is for the platform's own commands, which serve
whoever owns the machine.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.people import OrganisationId, ResidentState
from store.errors import ConstraintBroken
from store.pool import Connection
from store.queries import queries
from store.registry import Noun

FILTERS: Final[Mapping[Noun, tuple[str, ...]]] = {
    Noun.ORGANISATIONS: ("parent", "kind"),
    Noun.HOUSEHOLDS: ("organisation", "mode"),
    Noun.RESIDENTS: ("organisation", "household", "state", "category"),
    Noun.CONSENTS: (),
    Noun.RESPONDERS: ("organisation", "mode"),
    Noun.CIRCLE_MEMBERS: (),
    Noun.SHIFTS: (),
    Noun.ROSTER_OVERRIDES: (),
    Noun.DEVICE_MODELS: ("kind",),
    Noun.DEVICES: ("cell", "model", "household", "resident", "bound"),
}
"""By which fields a list of each noun can be narrowed. An organisation stands for its whole subtree."""

RETIRABLE: Final = frozenset({Noun.ORGANISATIONS, Noun.HOUSEHOLDS, Noun.RESIDENTS, Noun.RESPONDERS, Noun.DEVICES})
"""Nouns that are retired and never deleted, because incidents and readings point at them."""

STRUCK_OFF: Final = frozenset({Noun.CONSENTS, Noun.CIRCLE_MEMBERS, Noun.SHIFTS, Noun.ROSTER_OVERRIDES})
"""Nouns that are only relations between others: they are struck off (a consent: withdrawn)."""

_WITH_DEPENDENTS: Final = frozenset({Noun.ORGANISATIONS, Noun.HOUSEHOLDS, Noun.RESIDENTS})


@dataclass(frozen=True, slots=True)
class Stored:
    """One record: its code, row id and version (None for nouns that count none), since when it is retired, and how it
    is written.
    """

    code: str
    id: int
    version: int | None
    retired_at: datetime | None
    written: dict[str, Any]


async def read(
    connection: Connection,
    noun: Noun,
    *,
    within: OrganisationId | None,
    codes: Collection[str] | None = None,
    retired: bool | None = False,
    after: str | None = None,
    limit: int | None = None,
    filters: Mapping[str, Any] | None = None,
) -> list[Stored]:
    """Records of ``noun`` in the order of their codes.

    ``codes`` are their own, or for relations those of what they hang on (the resident of a consent). ``retired``: only
    those, only others, or (None) both. ``filters`` are those of :data:`FILTERS`.
    """
    parameters: dict[str, Any] = dict.fromkeys(FILTERS[noun])
    parameters |= filters or {}
    parameters |= {
        "within": within,
        "codes": None if codes is None else list(codes),
        "retired": retired,
        "after": after,
        "limit": limit,
    }
    # Never prepared: a plan for all parameters together reads the whole table where this one would look up a code.
    statement = getattr(queries("enrolled"), f"read_{noun.value}")
    cursor = await connection.execute(statement, parameters, prepare=False)
    return [Stored(*row) for row in await cursor.fetchall()]


async def lock(connection: Connection, noun: Noun, codes: Collection[str]) -> None:
    """Let nobody else change the records of these codes until the transaction ends."""
    await connection.execute(queries("enrolled").lock, {"noun": noun.value, "codes": list(codes)})


async def unseen(
    connection: Connection, noun: Noun, codes: Collection[str], *, within: OrganisationId | None
) -> set[str]:
    """Those of ``codes`` that name no record in use that may be seen; ``noun`` is one that others refer to."""
    if not codes:
        return set()
    cursor = await connection.execute(
        getattr(queries("enrolled"), f"in_use_{noun.value}"), {"codes": list(codes), "within": within}
    )
    return set(codes) - {row[0] for row in await cursor.fetchall()}


async def retire(connection: Connection, noun: Noun, codes: Collection[str], *, now: datetime) -> int:
    """Retire records and return how many were not retired before.

    Raises :class:`ConstraintBroken` if something in use still lives on one of them.
    """
    if noun in _WITH_DEPENDENTS:
        cursor = await connection.execute(
            getattr(queries("enrolled"), f"dependents_{noun.value}"), {"codes": list(codes)}
        )
        dependents = await cursor.fetchall()
        if dependents:
            code = dependents[0][0]
            others = ", ".join(what for of, what in dependents if of == code)
            raise ConstraintBroken(f"{code} cannot be retired while it has {others}; move or retire them first")
    cursor = await connection.execute(
        getattr(queries("enrolled"), f"retire_{noun.value}"), {"codes": list(codes), "now": now}
    )
    return cursor.rowcount


async def strike_off(connection: Connection, noun: Noun, records: Sequence[Stored], *, now: datetime) -> None:
    """Strike off relations that were read before."""
    if records:
        await connection.execute(
            getattr(queries("enrolled"), f"strike_{noun.value}"), {"ids": [one.id for one in records], "now": now}
        )


async def set_resident_state(
    connection: Connection, code: str, state: ResidentState, *, until: datetime | None
) -> None:
    """Say where a resident is, and until when; the rules of absence obey it."""
    await connection.execute(
        queries("enrolled").set_resident_state, {"code": code, "state": state.value, "until": until}
    )


async def hold_still(connection: Connection) -> None:
    """Let the transaction see one moment from now on, and change nothing. Call it first."""
    await connection.execute(queries("enrolled").hold_still)
