"""What an operator should ask and do for each hazard: the shipped words, or those of the nearest organisation."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

import yaml

from devices.model import Hazard
from domain.people import Language
from store import instructions as store
from store.pool import Connection

Texts = Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """The words that count. ``organisation``: the code of whose they are; None: the shipped ones, without version."""

    hazard: Hazard
    texts: Texts
    organisation: str | None = None
    organisation_name: str = ""
    version: int | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None


@functools.cache
def shipped() -> Mapping[Hazard, Texts]:
    """The words of every hazard, from ``instructions.yaml``."""
    written = yaml.safe_load(resources.files("alerting").joinpath("instructions.yaml").read_text("utf-8"))
    return {Hazard(one["hazard"]): {Language.ZH: one["zh"], Language.EN: one["en"]} for one in written}


async def in_force(connection: Connection, organisation_id: int) -> list[Instruction]:
    """The words that count in an organisation, for every hazard: its own, or of the nearest above that has some."""
    own = {one.hazard: one for one in await store.in_force(connection, organisation_id)}
    return [_whole(hazard, own.get(hazard.value)) for hazard in Hazard]


async def for_incident(connection: Connection, incident_id: int, hazard: Hazard) -> Instruction:
    """The words that count for an incident."""
    return _whole(hazard, await store.for_incident(connection, incident_id))


def _whole(hazard: Hazard, written: store.WrittenInstruction | None) -> Instruction:
    if written is None or written.zh is None or written.en is None:
        return Instruction(hazard=hazard, texts=shipped()[hazard])
    return Instruction(
        hazard=hazard,
        texts={Language.ZH: written.zh, Language.EN: written.en},
        organisation=written.organisation,
        organisation_name=written.organisation_name,
        version=written.version,
        changed_at=written.changed_at,
        changed_by=written.changed_by,
    )
