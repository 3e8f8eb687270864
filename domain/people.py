"""Who is watched over, who is called, and how organisations nest."""

from enum import StrEnum
from typing import Final, NewType

OrganisationId = NewType("OrganisationId", int)
HouseholdId = NewType("HouseholdId", int)
ResidentId = NewType("ResidentId", int)
ResponderId = NewType("ResponderId", int)
ContactId = NewType("ContactId", int)
DeviceKey = NewType("DeviceKey", int)  # the row; the device's own name is its ``device_id``


class Mode(StrEnum):
    """Whether real people may be called; fixed at registration, never taken from a payload."""

    LIVE = "live"
    DRILL = "drill"


class OrganisationKind(StrEnum):
    """The tree that everything is scoped by, from the top down."""

    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    COMMUNITY = "community"
    GRID = "grid"


class ResidentState(StrEnum):
    """Where a resident is for the rules of absence; an SOS never asks."""

    HOME = "home"
    AWAY = "away"
    HOSPITAL = "hospital"
    MOVED = "moved"
    DECEASED = "deceased"


class ResidentCategory(StrEnum):
    """Why someone is watched over (terms of China's civil-affairs offices)."""

    LIVING_ALONE = "living_alone"
    EMPTY_NEST = "empty_nest"
    LEFT_BEHIND = "left_behind"
    DISABLED = "disabled"
    DEMENTIA = "dementia"
    LOST_ONLY_CHILD = "lost_only_child"
    THREE_WITHOUTS = "three_withouts"
    FIVE_GUARANTEES = "five_guarantees"


class Circle(StrEnum):
    """The people a step of a plan calls."""

    RESIDENT = "resident"
    CHILDREN = "children"
    KIN_NEIGHBOURS = "kin_neighbours"
    GRID_WORKERS = "grid_workers"
    VILLAGE_CADRES = "village_cadres"
    CARE_SERVICE = "care_service"
    DUTY_DESK = "duty_desk"

    @property
    def of_household(self) -> bool:
        """True where the members belong to the home; false where an organisation on the way up supplies them."""
        return self in _OF_HOUSEHOLD


_OF_HOUSEHOLD: Final = frozenset({Circle.RESIDENT, Circle.CHILDREN, Circle.KIN_NEIGHBOURS})


class ChannelName(StrEnum):
    """A way to reach a person."""

    VOICE = "voice"
    SMS = "sms"
    WEBHOOK = "webhook"
    CONSOLE = "console"


class Language(StrEnum):
    """Languages of messages, speech and pages."""

    ZH = "zh-CN"
    EN = "en"


# Source: ITU-T E.164 (at most 15 digits). No national number that a machine may call has fewer than 7 digits.
_SHORTEST_NUMBER: Final = 7
_LONGEST_NUMBER: Final = 15
# Source: numbering plan of mainland China: area code and subscriber, or a mobile number, make 10 or 11 digits; police
# (110), fire (119), ambulance (120) and service codes (12345, 95xxx) are shorter, also behind an area code.
_SHORTEST_CHINESE_NUMBER: Final = 10


def phone_fault(number: str) -> str | None:
    """Say why ``number`` may not be called, or None if it may.

    Numbers are E.164: a plus sign, then 7 to 15 digits. 110, 119, 120 and other short codes are refused, also behind a
    country or area code, because an emergency service must never be called by a machine.
    """
    digits = number[1:]
    if not (number.startswith("+") and digits.isascii() and digits.isdigit()):
        return f"phone number {number!r} must be '+' and digits (E.164), as in +8613800138000"
    if not _SHORTEST_NUMBER <= len(digits) <= _LONGEST_NUMBER:
        return f"phone number {number!r} has {len(digits)} digits; {_SHORTEST_NUMBER} to {_LONGEST_NUMBER} are allowed"
    if digits.startswith("86") and len(digits[2:].lstrip("0")) < _SHORTEST_CHINESE_NUMBER:
        return f"phone number {number!r} is a short code; emergency services and short codes are refused"
    return None
