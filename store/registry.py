"""Enrolment: organisations, households, people, circles, rosters, device models and devices.

One way in for the REST interface, imports, the demo and tests: each noun is saved as a list of records (JSON values,
keys as the fields below, other nouns named by their codes). A record that is there already is changed.

organisations     code kind name parent? cell? timezone? language? lat? lon? boundary?
                  (parents before their children)
households        code organisation mode? community address access_notes? phone? lat? lon?
residents         code household surname given_name? sex? born_on? categories? language? phone? state? state_until?
responders        code organisation name language? mode? contacts?   (the whole list of them, if given)
contacts          responder channel address rank?
circle_members    household|organisation circle responder rank? relation?
shifts            organisation circle responder weekday starts ends
roster_overrides  organisation circle responder starts_at ends_at on_duty
device_models     model kind protocol silent_after_s
devices           device_id cell model address? household? resident? mode? room?
consents          resident purpose recipient given_by valid_from? valid_until?
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from psycopg.types.json import Jsonb

from domain.people import phone_fault
from store.errors import ConstraintBroken
from store.pool import Connection
from store.queries import queries


class Noun(StrEnum):
    """What can be enrolled, in an order in which references exist."""

    ORGANISATIONS = "organisations"
    HOUSEHOLDS = "households"
    RESIDENTS = "residents"
    CONSENTS = "consents"
    RESPONDERS = "responders"
    CONTACTS = "contacts"
    CIRCLE_MEMBERS = "circle_members"
    SHIFTS = "shifts"
    ROSTER_OVERRIDES = "roster_overrides"
    DEVICE_MODELS = "device_models"
    DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Saved:
    """One record as it stands now: its code, row id, and version (1: just created)."""

    code: str
    id: int
    version: int


# Saved one by one, because a parent must be there before its child.
_LEVELS: Final = ("city", "county", "town", "community", "grid")


async def save(
    connection: Connection, noun: Noun, records: Sequence[Mapping[str, Any]], *, now: datetime
) -> list[Saved]:
    """Create or change ``records`` and return them in no particular order.

    Raises :class:`ConstraintBroken` if a record breaks a rule of the schema, names something that does not exist, or
    holds a phone number that no machine may call; nothing is kept then once the transaction is rolled back.
    """
    for record in records:
        _refuse_bad_phone(noun, record)
    saved: list[Saved] = []
    for batch in _batches(noun, records):
        rows = Jsonb(batch, dumps=msgspec.json.encode)
        cursor = await connection.execute(
            getattr(queries("registry"), f"save_{noun.value}"), {"rows": rows, "now": now}
        )
        saved.extend(Saved(*row) for row in await cursor.fetchall())
    if len(saved) != len(records):
        raise ConstraintBroken(
            f"{len(records) - len(saved)} of {len(records)} {noun.value} name a record that does not exist"
        )
    if noun is Noun.RESPONDERS:
        await _save_their_contacts(connection, [record for record in records if "contacts" in record], now=now)
    return saved


async def _save_their_contacts(
    connection: Connection, responders: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
    contacts = [{"responder": one["code"], **contact} for one in responders for contact in one["contacts"]]
    if responders:
        await connection.execute(
            queries("registry").strike_contacts,
            {"responders": [one["code"] for one in responders], "rows": Jsonb(contacts)},
        )
    await save(connection, Noun.CONTACTS, contacts, now=now)


def _batches(noun: Noun, records: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    if noun is not Noun.ORGANISATIONS:
        return [list(records)] if records else []
    by_level = {level: [one for one in records if one.get("kind") == level] for level in _LEVELS}
    odd = [one for one in records if one.get("kind") not in by_level]
    return [batch for batch in (*by_level.values(), odd) if batch]


def _refuse_bad_phone(noun: Noun, record: Mapping[str, Any]) -> None:
    is_phone = noun is Noun.CONTACTS and record.get("channel") in ("voice", "sms")
    number = record.get("address") if is_phone else record.get("phone")
    if isinstance(number, str) and (is_phone or noun in (Noun.HOUSEHOLDS, Noun.RESIDENTS)):
        fault = phone_fault(number)
        if fault is not None:
            raise ConstraintBroken(fault, "phone")
