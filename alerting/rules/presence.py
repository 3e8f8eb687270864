"""Signs of life in a home, and what they say of where the resident is: at home, or gone through the door.

An infrared sensor fires some three times a day in an empty home, so one firing proves nothing. Two do, if they come
from different sensors or at least a minute apart. Hence:

* a firing starts the clock anew if another one, minutes before, bears it out. Any other counts only once the next one
  has come, so that a stray firing after a collapse does not start the clock anew;
* after the door (or a fix away from home) she counts as gone until two firings within a quarter of an hour of each
  other, later than the door by more than it takes to leave, show somebody inside; strays in an empty home rarely come
  in pairs. A silence that begins with the door is still counted, from the door on: it may hide a collapse behind it;
* a door after which the home hardly ever goes quiet (a cupboard, a fridge, a bathroom) is no way out, but motion.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from alerting.rules.frame import Observation

APART_S: Final = 60.0
"""Firings of one sensor closer than this are one firing."""
TOGETHER_S: Final = 300.0
"""Firings closer than this bear each other out."""
BACK_S: Final = 900.0
"""After the door, two firings this close show somebody inside."""
LEAVING_S: Final = 45.0
"""So long the sensor at the door may still see somebody who leaves."""
HELD_S: Final = 300.0
"""A sensor that reports motion without a break for so long sees somebody: its end counts as a firing, too."""


class Sign(StrEnum):
    """What a reading shows."""

    MOTION = "motion"
    STILL = "still"
    DOOR = "door"
    ALIVE = "alive"
    """Worn devices: she moves, wherever she is."""
    OUTSIDE = "outside"


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a home is, WGS-84."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius_m: Annotated[float, Meta(ge=20, le=5000)] = 150.0


class Presence(msgspec.Struct, frozen=True):
    """The last two separate firings, the place of the last that others bear out, and the door.

    Times are epoch seconds; 0: never.
    """

    last_at: float = 0.0
    before_at: float = 0.0
    last_place: str = ""
    before_place: str = ""
    place: str = ""
    door_at: float = 0.0
    left: bool = False
    alive_at: float = 0.0
    steps: int = -1
    sure_at: float = 0.0
    """The last firing that proves something; until there is one, the last but one."""

    @property
    def silent_since(self) -> float:
        """From when on silence is counted; 0: nothing has been seen yet."""
        start = self.door_at if self.left else self.sure_at or self.last_at
        return max(start, self.alive_at)


class Silence(msgspec.Struct, frozen=True):
    """A silence that has ended: when it began, how long it was, where she was last seen, whether the door began it."""

    began_at: float
    length_s: float
    place: str
    left: bool


def sign_of(seen: Observation, home: Home | None, steps: int) -> Sign | None:
    """What a reading shows of life in the home, if anything. ``steps`` is what the pedometer said before."""
    reading = seen.reading
    if reading.motion is not None:
        return Sign.MOTION if reading.motion else Sign.STILL
    if reading.contact_open is not None:
        return Sign.DOOR
    if reading.steps is not None and 0 <= steps < reading.steps:
        return Sign.ALIVE
    if home is not None and reading.lat is not None and reading.lon is not None:
        from alerting.rules.fence import distance_m  # noqa: PLC0415  # fences are not needed for most homes

        away_m = distance_m((home.lat, home.lon), (reading.lat, reading.lon)) - (reading.accuracy_m or 0.0)
        return Sign.OUTSIDE if away_m > home.radius_m else None
    return None


def note(
    presence: Presence,
    seen: Observation,
    home: Home | None,
    inner_doors: Collection[str] = (),
) -> tuple[Presence, Silence | None]:
    """One more reading: what is known now, and the silence that it ended, if it ended one. ``inner_doors`` lead
    nowhere: whoever opens one is inside.
    """
    sign = sign_of(seen, home, presence.steps)
    if sign is Sign.DOOR and seen.source in inner_doors:
        sign = Sign.MOTION
    steps = seen.reading.steps
    if steps is not None and steps != presence.steps and seen.at > presence.alive_at:
        presence = msgspec.structs.replace(presence, steps=steps)
    known = seen.at == presence.last_at and seen.source == presence.last_place
    if sign is None or known or seen.at < max(presence.last_at, presence.alive_at):
        return presence, None
    if sign is Sign.MOTION:
        return _fired(presence, seen.at, seen.source)
    if sign is Sign.DOOR or sign is Sign.OUTSIDE:
        return _at_door(presence, seen.at, seen.source)
    if sign is Sign.ALIVE:
        return _alive(presence, seen.at)
    held = seen.source == presence.last_place and seen.at - presence.last_at >= HELD_S
    return _fired(presence, seen.at, seen.source) if held else (presence, None)


def _fired(presence: Presence, at: float, place: str) -> tuple[Presence, Silence | None]:
    """A firing inside."""
    if place == presence.last_place and at - presence.last_at < APART_S:
        return presence, None
    after_s = at - presence.last_at
    sure = after_s <= TOGETHER_S
    inside = not presence.left or (after_s <= BACK_S and presence.last_at > presence.door_at + LEAVING_S)
    where = place if sure or place == presence.last_place or not presence.place else presence.place
    now = Presence(
        at,
        presence.last_at,
        place,
        presence.last_place,
        where if inside else presence.place,
        presence.door_at,
        not inside,
        presence.alive_at,
        presence.steps,
        at if sure else presence.last_at,
    )
    return now, _ended(presence, now, at)


def _at_door(presence: Presence, at: float, place: str) -> tuple[Presence, Silence | None]:
    now = Presence(
        at, presence.last_at, place, presence.last_place, place, at, True, presence.alive_at, presence.steps, at
    )
    return now, _ended(presence, now, at)


def _alive(presence: Presence, at: float) -> tuple[Presence, Silence | None]:
    """She moves, somewhere: silence begins anew, and where she is stays as it was."""
    now = msgspec.structs.replace(presence, alive_at=at)
    return now, _ended(presence, now, at)


def _ended(before: Presence, now: Presence, at: float) -> Silence | None:
    """The silence that ran and has ended, if the clock has begun anew. Its length is what the clock had come to."""
    began = before.silent_since
    if not began or now.silent_since == began:
        return None
    until = now.silent_since if before.left and not now.left else at
    return Silence(began, until - began, before.place, before.left)
