"""What happens in the town, told as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devices.native import Stage


class Kind(StrEnum):
    """What sort of thing happened."""

    EMERGENCY = "emergency"
    RECEIPT = "receipt"
    CALL = "call"
    KEY = "key"
    UNREACHED = "unreached"
    TEXT = "text"
    ARRIVAL = "arrival"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened at ``at`` (care time), in the words of somebody who sees the whole town.

    ``home`` is the code of the home that it concerns, None where that cannot be seen from outside; ``stage`` is how far
    help has come for it, as far as this shows it.
    """

    at: datetime
    kind: Kind
    text: str
    home: str | None = None
    stage: Stage | None = None


Tell = Callable[[Happening], None]
"""Is told everything as it happens."""
