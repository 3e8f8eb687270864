"""A desk with more than anybody can read: life hazards stay whole, the rest is folded, and nothing disappears.

How fast alarms come does not matter here but how many lines wait: that is what an operator has to look through.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.incident import IncidentState
from store.desk import Waiting

FLOOD_FROM: Final = 40
"""From so many unresolved incidents on a desk is flooded: four screens of lines, of which nobody sees the last."""
FLOOD_UNTIL: Final = 30
"""Below so many it is over. Fewer than it began with, so that a desk on the brink does not change with every call."""
LIFE: Final = 2
"""Severities up to this one are hazards to life: fire, gas, SOS, falls. They are never folded."""
FIRST_SHOWN: Final = 50
"""Groups, or lines of a group, drawn at first; how many more there are is said, and as many come at each asking."""
LIFE_FIRST_SHOWN: Final = 100
"""Hazards to life drawn at first."""


def is_flood(waiting: int, before: bool) -> bool:
    """Whether a desk with ``waiting`` incidents is flooded, which it was ``before`` or was not."""
    return waiting >= FLOOD_UNTIL if before else waiting >= FLOOD_FROM


@dataclass(frozen=True, slots=True)
class Group:
    """Milder incidents of one hazard in one organisation, gravest and oldest first. ``key`` names it in the page."""

    key: str
    members: Sequence[Waiting]

    @property
    def first(self) -> Waiting:
        """The gravest of them."""
        return self.members[0]

    @property
    def since(self) -> datetime:
        """When the oldest of them began."""
        return min(one.opened_at for one in self.members)

    @property
    def unanswered(self) -> int:
        """How many nobody has accepted or taken."""
        return sum(one.state == IncidentState.OPEN and one.taken_until is None for one in self.members)


@dataclass(frozen=True, slots=True)
class Folded:
    """A flooded desk: hazards to life one by one, and all others in groups; both gravest first."""

    life: Sequence[Waiting]
    groups: Sequence[Group]

    @property
    def in_groups(self) -> int:
        """How many incidents are folded away."""
        return sum(len(group.members) for group in self.groups)


def fold(waiting: Iterable[Waiting]) -> Folded:
    """Fold a queue that stands gravest first; each incident is found in it exactly once."""
    life: list[Waiting] = []
    members: dict[str, list[Waiting]] = {}
    for one in waiting:
        if one.severity <= LIFE:
            life.append(one)
        else:
            members.setdefault(f"{one.mode}-{one.organisation_id}-{one.hazard}", []).append(one)
    groups = [Group(key, some) for key, some in members.items()]
    return Folded(life, sorted(groups, key=lambda group: (group.first.severity, -len(group.members), group.key)))


class Shown:
    """How much of its desk one page shows: how many lines, how many groups, and what is unfolded."""

    LIFE: Final = "life"
    GROUPS: Final = "groups"

    def __init__(self) -> None:
        self._most: dict[str, int] = {self.LIFE: LIFE_FIRST_SHOWN, self.GROUPS: FIRST_SHOWN}

    def most(self, part: str) -> int:
        """How many lines of a part, or of the group of this key, are drawn; 0 for a group that is folded."""
        return self._most.get(part, 0)

    def more(self, part: str) -> None:
        """Show more of a part that is shown."""
        if part in self._most:
            self._most[part] += FIRST_SHOWN

    def turn(self, group: str) -> None:
        """Unfold a group, or fold it again."""
        if self._most.pop(group, None) is None:
            self._most[group] = FIRST_SHOWN

    def forget(self, groups: Collection[str]) -> None:
        """Keep nothing of groups that are no more; ``groups`` are those that are."""
        for gone in self._most.keys() - {self.LIFE, self.GROUPS, *groups}:
            del self._most[gone]
