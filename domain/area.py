"""Many silent together: whether they are one matter, and which organisation it is a matter of. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.incident import IncidentId
from domain.people import DeviceKey, HouseholdId, Mode, OrganisationId

TOGETHER_WITHIN: Final = timedelta(minutes=5)
"""Judged silent within this time of one another: last wills of a power cut are all read within a keep-alive."""
FEWEST_HOMES: Final = 5
"""One home, or one landing of a house, is not an area."""
FEWEST_DEVICES: Final = 10
"""Beside them a share of all: of a hundred thousand devices ten fall silent within any five minutes, by themselves."""
SHARE: Final = 0.02
"""Batteries and habits silence some 5 % of devices a day, 0.02 % in five minutes: this is a hundred times that."""
LARGE_SHARE: Final = 0.3
"""In a small organisation, where ten devices are not to be had."""
SMALLEST_CONTAINS: Final = 0.8
"""A part of an organisation that holds this share of its silent devices is where it happens."""
BACK_SHARE: Final = 0.8
"""Once this share is heard again the area is over, and whoever is still silent is silent for a reason of its own."""


class HomeState(StrEnum):
    """What operators know of a home that an area incident concerns."""

    NOT_ASKED = "not_asked"
    CALLED = "called"  # and nobody has answered yet
    ANSWERED = "answered"
    VISITED = "visited"
    FINE = "fine"
    NEEDS_HELP = "needs_help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A device lately judged silent, for which nobody speaks yet. ``path``: its organisations, from the top down."""

    device_key: DeviceKey
    incident_id: IncidentId
    mode: Mode
    household_id: HouseholdId | None
    path: tuple[OrganisationId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Silent devices that are one matter of one organisation."""

    organisation_id: OrganisationId
    mode: Mode
    silent: tuple[Silent, ...]

    @property
    def homes(self) -> int:
        """In how many homes they are."""
        return _homes(self.silent)


def areas(silent: Iterable[Silent], watched: Mapping[tuple[Mode, OrganisationId], int]) -> list[Area]:
    """The areas that ``silent`` devices make up. ``watched`` is how many devices each organisation and all below it
    have in a mode; of nested organisations the smallest that contains (nearly) all of them is the area.
    """
    by_top: defaultdict[tuple[Mode, OrganisationId], list[Silent]] = defaultdict(list)
    for one in silent:
        by_top[one.mode, one.path[0]].append(one)
    return [area for (mode, top), members in by_top.items() for area in _within(mode, top, 1, members, watched)]


def _within(
    mode: Mode,
    organisation: OrganisationId,
    depth: int,
    silent: Sequence[Silent],
    watched: Mapping[tuple[Mode, OrganisationId], int],
) -> list[Area]:
    if _homes(silent) < FEWEST_HOMES:
        return []
    parts: defaultdict[OrganisationId, list[Silent]] = defaultdict(list)
    for one in silent:
        if len(one.path) > depth:
            parts[one.path[depth]].append(one)
    if not _together(len(silent), watched.get((mode, organisation), 0)):
        return [area for part, some in parts.items() for area in _within(mode, part, depth + 1, some, watched)]
    for part, some in parts.items():
        if len(some) >= SMALLEST_CONTAINS * len(silent) and _homes(some) >= FEWEST_HOMES:
            smaller = _within(mode, part, depth + 1, some, watched)
            if smaller:
                return smaller
    return [Area(organisation_id=organisation, mode=mode, silent=tuple(silent))]


def _together(silent: int, watched: int) -> bool:
    return silent >= max(FEWEST_DEVICES, SHARE * watched) or silent >= LARGE_SHARE * watched


def _homes(silent: Iterable[Silent]) -> int:
    return len(Counter(one.household_id for one in silent if one.household_id is not None))


def is_over(members: int, back: int) -> bool:
    """True once so many of an area's members have come back that it is over."""
    return back >= BACK_SHARE * members
