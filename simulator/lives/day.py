"""One day of one resident: an unbroken chain of episodes from midnight to midnight."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from simulator.lives.draws import Draws, between, draws
from simulator.lives.people import Character, Home, Resident, Room
from simulator.lives.walks import Walk, draw_walk

LOCAL: Final = timedelta(hours=8)
"""The village's offset from UTC: China has one time zone and no summer time."""
DAY_H: Final = 24.0


class Activity(StrEnum):
    """What somebody does; ``OUT`` has no room."""

    ASLEEP = "asleep"
    NIGHT_VISIT = "night_visit"
    ROAMING = "roaming"
    WASHING = "washing"
    MEAL = "meal"
    NAP = "nap"
    AT_HOME = "at_home"
    OUT = "out"


class Episode(NamedTuple):
    """Something done in one place, from ``start`` until ``end`` (epoch seconds of care time)."""

    start: float
    end: float
    activity: Activity
    room: Room | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentDay:
    """What one resident does on one day. The episodes touch each other and cover the day."""

    resident: Resident
    episodes: tuple[Episode, ...]
    walks: tuple[Walk, ...]

    def at(self, moment: float) -> Episode:
        """The episode at ``moment`` (epoch seconds); before and after the day the first and the last one."""
        index = bisect_right(self.episodes, moment, key=lambda episode: episode.start)
        return self.episodes[max(0, index - 1)]


def midnight(day: date) -> float:
    """When ``day`` begins in the village, as epoch seconds."""
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - LOCAL).timestamp()


def days(start: float, end: float) -> Iterator[date]:
    """The days of the village that ``start`` to ``end`` (epoch seconds) touch."""
    day, last = (datetime.fromtimestamp(moment, timezone(LOCAL)).date() for moment in (start, end))
    while day <= last:
        yield day
        day += timedelta(days=1)


class _Block(NamedTuple):
    """Something planned, in hours of the day."""

    start: float
    end: float
    activity: Activity
    room: Room | None


def plan_day(resident: Resident, home: Home, day: date, seed: int) -> ResidentDay:
    """The day of ``resident``; the same for the same arguments."""
    draw = draws(seed, "day", resident.code, day.isoformat())
    who = resident.character
    start_s = midnight(day)
    fixed = _fixed_points(draw, who)
    walks = []
    for walk in _draw_walks(draw, who, home, start_s):
        block = _Block(_hour(walk.start, start_s), _hour(walk.end, start_s), Activity.OUT, None)
        if not any(block.start < other.end and other.start < block.end for other in fixed):
            fixed.append(block)
            walks.append(walk)
    episodes = []
    for block in _filled(draw, sorted(fixed), home.rooms):
        for part in _disturbed(draw, block, who, home.rooms):
            episodes.append(Episode(start_s + part.start * 3600, start_s + part.end * 3600, part.activity, part.room))
    return ResidentDay(resident=resident, episodes=tuple(episodes), walks=tuple(sorted(walks, key=lambda w: w.start)))


def _hour(moment: float, start_s: float) -> float:
    return (moment - start_s) / 3600


def _fixed_points(draw: Draws, who: Character) -> list[_Block]:
    """Sleep, washing, meals, and perhaps a nap; none overlaps another."""

    def about(hour: float, lowest: float, highest: float) -> float:
        return between(draw, hour, who.irregular_h, lowest, highest)

    wakes = about(who.wakes_h, 3.5, 9.5)
    sleeps = about(who.sleeps_h, 18.3, 23.9)
    breakfast = wakes + 0.25 + draw.uniform(0, 0.4)
    lunch = about(11.7, 10.8, 12.6)
    dinner = about(17.4, 16.5, 18.0)
    blocks = [
        _Block(0.0, wakes, Activity.ASLEEP, Room.BEDROOM),
        _Block(wakes, wakes + 0.2, Activity.WASHING, Room.BATHROOM),
        _Block(breakfast, breakfast + draw.uniform(0.3, 0.6), Activity.MEAL, Room.KITCHEN),
        _Block(lunch - 0.6, lunch + draw.uniform(0.3, 0.6), Activity.MEAL, Room.KITCHEN),
        _Block(dinner - 0.5, dinner + 0.3, Activity.MEAL, Room.KITCHEN),
        _Block(sleeps, DAY_H, Activity.ASLEEP, Room.BEDROOM),
    ]
    if draw.random() < who.naps:
        nap = lunch + draw.uniform(0.7, 1.1)
        blocks.append(_Block(nap, nap + between(draw, 1.0, 0.35, 0.3, 2.2), Activity.NAP, Room.BEDROOM))
    return blocks


def _draw_walks(draw: Draws, who: Character, home: Home, start_s: float) -> Iterator[Walk]:
    for _ in range(int(draw.poisson(who.outings))):
        hour = between(draw, 8.6, 0.9, 7.0, 11.0) if draw.random() < 0.6 else between(draw, 15.2, 0.8, 13.5, 17.0)
        yield draw_walk(draw, home.place, start_s + hour * 3600, who.reach_m, who.pace_mps)


def _filled(draw: Draws, fixed: list[_Block], rooms: tuple[Room, ...]) -> Iterator[_Block]:
    """``fixed``, and stays in rooms between."""
    favoured = [room for room in rooms if room is not Room.HALL]
    weights = np.array(
        [{Room.LIVING: 6.0, Room.BEDROOM: 2.0, Room.KITCHEN: 1.5, Room.BATHROOM: 0.6}[r] for r in favoured]
    )
    weights /= weights.sum()
    clock = 0.0
    for block in fixed:
        while clock < block.start:
            room = favoured[int(draw.choice(len(favoured), p=weights))]
            median_h = 0.12 if room is Room.BATHROOM else 0.5
            end = min(block.start, clock + float(draw.lognormal(np.log(median_h), 0.7)))
            yield _Block(clock, end, Activity.AT_HOME, room)
            clock = end
        yield block
        clock = block.end


def _disturbed(draw: Draws, block: _Block, who: Character, rooms: tuple[Room, ...]) -> Iterator[_Block]:
    """A night with its visits to the bathroom, and its walks about the home; any other block as it is."""
    if block.activity is not Activity.ASLEEP:
        yield block
        return
    nightly = (block.end - block.start) / 8.5
    stirs = [(hour, Activity.NIGHT_VISIT) for hour in _hours(draw, block, who.night_visits * nightly)]
    stirs += [(hour, Activity.ROAMING) for hour in _hours(draw, block, who.roams_at_night * nightly)]
    clock = block.start
    for hour, activity in sorted(stirs):
        if hour <= clock:
            continue
        yield block._replace(start=clock, end=hour)
        clock = hour
        for room, lasts_h in _stirring(draw, activity, rooms):
            end = min(block.end, clock + lasts_h)
            if end > clock:
                yield _Block(clock, end, activity, room)
            clock = end
    if clock < block.end:
        yield block._replace(start=clock)


def _hours(draw: Draws, block: _Block, mean: float) -> list[float]:
    hours: list[float] = draw.uniform(block.start, block.end, int(draw.poisson(mean))).tolist()
    return hours


def _stirring(draw: Draws, activity: Activity, rooms: tuple[Room, ...]) -> list[tuple[Room, float]]:
    if activity is Activity.NIGHT_VISIT:
        return [(Room.BATHROOM, draw.uniform(0.04, 0.15))]
    return [(rooms[int(draw.integers(len(rooms)))], draw.uniform(0.05, 0.25)) for _ in range(int(draw.integers(2, 5)))]
