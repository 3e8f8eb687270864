"""What a cause is, and what is expected of the platform because of it."""

from enum import StrEnum
from typing import Final

import msgspec

from devices.model import DeviceKind, Hazard
from simulator.fleet.deeds import Deed
from simulator.lives.home_day import Fate, Interval


class CauseKind(StrEnum):
    """What can happen."""

    PRESS = "press"
    PRESS_CANCELLED = "press_cancelled"
    PRESS_UNANSWERED = "press_unanswered"
    TWO_AT_ONCE = "two_at_once"
    FALL = "fall"
    FALL_PRESSED = "fall_pressed"
    SMOKE_COOKING = "smoke_cooking"
    FIRE = "fire"
    GAS = "gas"
    CO = "co"
    LEAK = "leak"
    TAMPER = "tamper"
    COLLAPSE = "collapse"
    WANDER = "wander"
    HEART = "heart"
    DEVICE_DIES = "device_dies"
    STREET_POWER_CUT = "street_power_cut"


CONTACT_WITHIN_S: Final = 180.0
"""By when somebody must have been rung or written to. Source: TEC Quality, 99% of alarms answered within 180 s."""
WAITED_FOR: Final = frozenset({Hazard.DEVICE_OFFLINE, Hazard.AREA_OUTAGE, Hazard.INACTIVITY, Hazard.WANDER})
"""Found by waiting, at a moment that the truth bounds from above only: no measure of how fast the platform reacts."""
HEARD_WITHIN_S: Final = 6.0
"""Machine time: the platform counts silence only up to its last canary (docs/architecture.md), one in 5 s."""
_SILENCE_SLACK_S: Final = 1800.0
ROOM_S: Final = {
    CauseKind.DEVICE_DIES: 2.6 * 3600,
    CauseKind.STREET_POWER_CUT: 2.6 * 3600,
    CauseKind.COLLAPSE: 4.2 * 3600,
    CauseKind.WANDER: 0.8 * 3600,
}
"""So long before the end of a run these must begin, for a silence takes its time to be noticed."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """The platform must open an incident of ``hazard`` for the subject, and try to reach somebody by ``due_s``."""

    hazard: Hazard
    subject: str
    """``resident:…``, ``household:…``, ``device:…``, or ``organisation:…`` with its code."""
    home: str | None
    after_s: float = 0.0
    """From the cause until it can first be known."""
    within_s: float = CONTACT_WITHIN_S
    """From then until somebody must have been contacted."""
    events: tuple[str, ...] = ()
    """Ids of the alarms that say so, in protocols that have ids: ``device/event``."""

    unjudged: str = ""
    """Why nobody could tell this from an ordinary day, if so: it is caused, and reported as not judged."""


class Tolerance(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that a cause explains without requiring it: it counts neither as detected nor as false."""

    hazard: Hazard
    home: str | None
    after_s: float
    until_s: float


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One emergency. ``at`` is the moment of care time, epoch seconds, at which it begins."""

    id: str
    kind: CauseKind
    at: float
    home: str | None
    resident: str | None = None
    deeds: tuple[Deed, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()
    fate: Fate | None = None
    muted: tuple[tuple[str, Interval], ...] = ()
    nobody_answers: bool = False
    """The home's own circle lets it ring: others have to come."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A cause as the ledger tells it: what happened and what was expected, without the deeds."""

    id: str
    kind: CauseKind
    at: float
    home: str | None
    resident: str | None
    expectations: tuple[Expectation, ...]


def told(causes: list[Cause]) -> bytes:
    """The ledger of causes as JSON lines; the same for the same seed, to the byte."""
    lines = [
        Told(
            id=cause.id,
            kind=cause.kind,
            at=cause.at,
            home=cause.home,
            resident=cause.resident,
            expectations=cause.expectations,
        )
        for cause in causes
    ]
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def silence_s(silent_after_s: float) -> float:
    """How long after a device's last word its silence must have become an incident with somebody told."""
    return silent_after_s + _SILENCE_SLACK_S


def subject_of(kind: DeviceKind, home: str, resident: str | None) -> str:
    """Whom an alarm of a device concerns: the resident for worn devices, the household for fixed ones."""
    return f"resident:{resident}" if kind.worn and resident else f"household:{home}"
