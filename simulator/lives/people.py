"""Who lives in a simulated home, and what makes her herself."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Life(StrEnum):
    """Kinds of lives, as a scenario mixes them. The last three live alone too."""

    COUPLE = "couple"
    LIVING_ALONE = "living_alone"
    FRAIL = "frail"
    DEMENTIA = "dementia"


class Room(StrEnum):
    """Rooms, as devices are placed in them."""

    BEDROOM = "bedroom"
    LIVING = "living"
    KITCHEN = "kitchen"
    BATHROOM = "bathroom"
    HALL = "hall"


class Place(NamedTuple):
    """WGS-84 degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """The constants of one resident. Hours are local hours of the day; rates are per day unless named otherwise."""

    wakes_h: float
    sleeps_h: float
    irregular_h: float
    """Standard deviation of when she does what she always does."""
    naps: float
    """Probability of a nap after lunch."""
    night_visits: float
    """Mean number of visits to the bathroom a night."""
    outings: float
    """Mean number of outings on foot."""
    roams_at_night: float
    """Mean number of times she walks about the home at night without a purpose."""
    pace_mps: float
    reach_m: float
    """Median distance of where she goes."""
    liveliness: float
    """Scales how often she moves within sight of a sensor; 1 is the median."""
    visits: float
    """Mean number of visits she gets."""
    pulse_bpm: float
    """At rest, the mean of a day."""
    pulse_swing_bpm: float
    spo2_pct: float
    systolic_mmhg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """Somebody who is watched over."""

    code: str
    surname: str
    given_name: str
    female: bool
    born_on: date
    life: Life
    categories: tuple[str, ...]
    character: Character


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home of one or two residents. ``street`` is the group of homes that share a power line."""

    code: str
    number: int
    street: int
    place: Place
    rooms: tuple[Room, ...]
    pet: bool
    residents: tuple[Resident, ...]
