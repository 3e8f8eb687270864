"""What of a reading a rule looks at, and when a value counts as a breach."""

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from devices.model import Reading


class Quantity(StrEnum):
    """The quantities of a reading that a limit can be set for; each name states its unit."""

    HEART_RATE_BPM = "heart_rate_bpm"
    SPO2_PCT = "spo2_pct"
    SYSTOLIC_MMHG = "systolic_mmhg"
    DIASTOLIC_MMHG = "diastolic_mmhg"
    TEMPERATURE_C = "temperature_c"
    STEPS = "steps"
    MOTION = "motion"
    CONTACT_OPEN = "contact_open"
    SMOKE_LEVEL = "smoke_level"
    BATTERY_PCT = "battery_pct"
    RSSI_DBM = "rssi_dbm"
    SPEED_MPS = "speed_mps"
    WORN = "worn"
    CHARGING = "charging"

    @property
    def yes_or_no(self) -> bool:
        """True for quantities that are true or false: they take ``is``, the others ``above`` or ``below``."""
        return self in _YES_OR_NO


_YES_OR_NO: Final = frozenset({Quantity.MOTION, Quantity.CONTACT_OPEN, Quantity.WORN, Quantity.CHARGING})

VALUE: Final[dict[str, Callable[[Reading], Any]]] = {one.value: attrgetter(one.value) for one in Quantity}
"""How to take a quantity (by its name) from a reading; None where the reading does not state it."""


def limit_fault(quantity: Quantity, above: float | None, below: float | None, is_: bool | None) -> str | None:
    """Say why these limits do not fit the quantity, or None if they do."""
    stated = [name for name, value in (("above", above), ("below", below), ("is", is_)) if value is not None]
    allowed = {"is"} if quantity.yes_or_no else {"above", "below"}
    if len(stated) == 1 and stated[0] in allowed:
        return None
    wanted = "`is: true` or `is: false`" if quantity.yes_or_no else "exactly one of `above` and `below`"
    return f"{quantity} needs {wanted}; stated: {', '.join(stated) or 'none'}"


def breaches(value: float | bool, above: float | None, below: float | None, is_: bool | None) -> bool:
    """True if ``value`` lies beyond the one limit that is stated."""
    if above is not None:
        return value > above
    if below is not None:
        return value < below
    return value is is_
