"""What infrared sensors see of a day: movement where somebody is, and now and then movement where nobody is."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from simulator.lives.day import Activity, Episode
from simulator.lives.draws import Draws, Floats, apart, moments
from simulator.lives.people import Home, Room

_AN_HOUR: Final = {
    Activity.ASLEEP: 1.6,
    Activity.NAP: 1.6,
    Activity.NIGHT_VISIT: 60.0,
    Activity.ROAMING: 45.0,
    Activity.WASHING: 45.0,
    Activity.MEAL: 30.0,
    Activity.AT_HOME: 14.0,
}
"""Movements within sight of the sensor of a room: assumptions but for sleep, in which people shift their position 1.6
times an hour. Source: Skarpsno et al. 2017, Nature and Science of Sleep 9:267–275 (664 adults, accelerometers).
"""

BLIND_S: Final = 60.0
"""A battery sensor reports no second movement within this time. Source: common Zigbee occupancy sensors, 60–90 s."""
STRAY_A_DAY: Final = 3.0
"""Firings of sensors in an empty home: heat, curtains, insects. Source: the project's issue on rules, item 3."""
_PET_AN_HOUR: Final = 0.8


def movements(
    draw: Draws, home: Home, days: Sequence[Sequence[Episode]], liveliness: Sequence[float]
) -> dict[Room, Floats]:
    """When the sensor of each room fires (epoch seconds, in order), from the episodes of each resident."""
    seen: dict[Room, list[Floats]] = {room: [] for room in home.rooms}
    for episodes, lively in zip(days, liveliness, strict=True):
        for episode in episodes:
            if episode.room in seen:
                rate = _AN_HOUR[episode.activity] * lively
                seen[episode.room].append(moments(draw, episode.start, episode.end, rate))
    return {room: _fired(parts) for room, parts in seen.items()}


def strays(draw: Draws, home: Home, start: float, end: float) -> dict[Room, Floats]:
    """Firings without a human being: a few a day for the home, and those of a pet."""
    rate = STRAY_A_DAY / 24 / len(home.rooms) + (_PET_AN_HOUR / len(home.rooms) if home.pet else 0.0)
    return {room: moments(draw, start, end, rate) for room in home.rooms}


def together(*parts: dict[Room, Floats]) -> dict[Room, Floats]:
    """All firings of each room in one order, with the sensor's blind time."""
    rooms = dict.fromkeys(room for part in parts for room in part)
    return {room: _fired([part[room] for part in parts if room in part]) for room in rooms}


def _fired(parts: Iterable[Floats]) -> Floats:
    parts = list(parts)
    return apart(np.sort(np.concatenate(parts)), BLIND_S) if parts else np.empty(0)
