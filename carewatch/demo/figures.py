"""What came of the emergencies, as anybody could have seen it from outside."""

from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from devices.native import Stage
from simulator.town.story import Happening, Kind


@dataclass(slots=True, kw_only=True)
class _Emergency:
    at: datetime
    reached: dict[Stage, datetime] = field(default_factory=dict)


class Tally:
    """Is told everything that happens, and reckons it up."""

    def __init__(self) -> None:
        self._every: list[_Emergency] = []
        self._latest: dict[str, _Emergency] = {}  # by home

    def take(self, happening: Happening) -> None:
        """Take one more thing into account."""
        if happening.home is None:
            return
        if happening.kind is Kind.EMERGENCY:
            emergency = _Emergency(at=happening.at)
            self._every.append(emergency)
            self._latest[happening.home] = emergency
        elif happening.stage is not None and happening.home in self._latest:
            self._latest[happening.home].reached.setdefault(happening.stage, happening.at)

    @property
    def happened(self) -> int:
        """How many emergencies there were."""
        return len(self._every)

    def count(self, stage: Stage) -> int:
        """For how many of them help has come so far."""
        return sum(stage in one.reached for one in self._every)

    def median_s(self, stage: Stage) -> float | None:
        """Half of those that came so far came so far within this time; None for none."""
        spans = [(one.reached[stage] - one.at).total_seconds() for one in self._every if stage in one.reached]
        return median(spans) if spans else None
