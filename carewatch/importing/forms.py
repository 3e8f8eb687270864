"""How written forms stand in tables: which nouns, which columns, how a cell holds a list."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from domain import written
from domain.people import ChannelName, phone_fault
from store.registry import Noun

FORMS: Final[Mapping[Noun, type[written.Form]]] = {
    Noun.ORGANISATIONS: written.Organisation,
    Noun.HOUSEHOLDS: written.Household,
    Noun.RESIDENTS: written.Resident,
    Noun.CONSENTS: written.Consent,
    Noun.RESPONDERS: written.Responder,
    Noun.CIRCLE_MEMBERS: written.CircleMember,
    Noun.SHIFTS: written.Shift,
    Noun.ROSTER_OVERRIDES: written.RosterOverride,
    Noun.DEVICE_MODELS: written.DeviceModel,
    Noun.DEVICES: written.Device,
}
"""What can be imported and exported, in an order in which references exist."""

RETIRED: Final = "retired"
"""A column of every noun: true retires the record (or strikes off the relation)."""

PHONES: Final = ("phone", "phone_2", "phone_3")
"""Columns of responders instead of ``contacts``: each number is called, and texted."""

_LISTS: Final = frozenset({"categories"})
_TRUE: Final = frozenset({"true", "yes", "1", "是"})
_FALSE: Final = frozenset({"false", "no", "0", "否", ""})
_ALIASES: Final = {"circles": Noun.CIRCLE_MEMBERS, "rosters": Noun.SHIFTS}
_CONTACT: Final = re.compile(r"(?P<channel>\S+)\s+(?P<address>\S+)(?:\s+(?P<rank>\d+))?")


class Misread(ValueError):
    """A cell cannot be read as what its column holds: field, value, what is allowed."""

    def __init__(self, field: str, value: Any, allowed: str) -> None:
        super().__init__(f"{field} is {value!r}; allowed is {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


def noun_named(name: str) -> Noun | None:
    """The noun that a file, a sheet or a key of YAML is named for: ``households``, ``households-2026``, ``circles``."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    names = {**{noun.value: noun for noun in FORMS}, **_ALIASES}
    fitting = [known for known in names if plain == known or plain.startswith(f"{known}_")]
    return names[max(fitting, key=len)] if fitting else None


def columns(noun: Noun) -> tuple[str, ...]:
    """Every column that a table of ``noun`` may have."""
    own = tuple(FORMS[noun].model_fields)
    return (*own, *PHONES, RETIRED) if noun is Noun.RESPONDERS else (*own, RETIRED)


def read_fields(noun: Noun, cells: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The fields of a form out of the cells of one row, and whether the row retires its record.

    Raises :class:`Misread`.
    """
    given = dict(cells)
    retired = _flag(given.pop(RETIRED, None))
    for name in _LISTS & given.keys():
        if isinstance(given[name], str):
            given[name] = [part for part in re.split(r"[;,，；\s]+", given[name]) if part]
    if noun is Noun.RESPONDERS:
        _gather_contacts(given)
    return given, retired


def write_cells(noun: Noun, record: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of one row, the inverse of :func:`read_fields`: text, numbers, or None."""
    cells = dict(record)
    if cells.get("boundary") is not None:
        cells["boundary"] = json.dumps(cells["boundary"], separators=(",", ":"))
    for name in _LISTS & cells.keys():
        cells[name] = ";".join(cells[name]) or None
    if noun is Noun.RESPONDERS:
        cells["contacts"] = (
            "; ".join(f"{one['channel']} {one['address']} {one['rank']}" for one in cells["contacts"]) or None
        )
    return {name: None if value == "" else value for name, value in cells.items()}


def _flag(value: Any) -> bool:
    text = str(value or "").strip().lower()
    if text not in _TRUE | _FALSE:
        raise Misread(RETIRED, value, "true or false")
    return text in _TRUE


def _gather_contacts(given: dict[str, Any]) -> None:
    phones = {name: given.pop(name) for name in PHONES if name in given}
    if isinstance(given.get("contacts"), str):
        given["contacts"] = [_contact(part, rank) for rank, part in enumerate(given["contacts"].split(";"))]
    if not phones:
        return
    if given.get("contacts"):
        raise Misread("contacts", "(given)", f"either contacts or {', '.join(PHONES)}")
    given["contacts"] = []
    for name, number in phones.items():
        if number is None:
            continue
        fault = phone_fault(str(number))
        if fault is not None:
            raise Misread(name, number, "a number as in +8613900000001, of no emergency service")
        for channel in (ChannelName.VOICE, ChannelName.SMS):
            given["contacts"].append({"channel": channel, "address": number, "rank": len(given["contacts"])})


def _contact(text: str, rank: int) -> dict[str, Any]:
    found = _CONTACT.fullmatch(text.strip())
    if found is None:
        raise Misread("contacts", text.strip(), "channel, address and perhaps rank, as in voice +8613900000001 0")
    return {"channel": found["channel"], "address": found["address"], "rank": found["rank"] or rank}
