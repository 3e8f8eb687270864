"""Local time of day, fast: zones change their offset at full quarters of an hour only."""

import functools
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

DAY_S: Final = 86400.0
HOUR_S: Final = 3600.0
_QUARTER_S: Final = 900.0

Between = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
"""A part of every day in local time, as in ``22:00-06:00``; the end is not in it."""


@functools.lru_cache(maxsize=65536)
def _offset_s(zone: str, quarter: int) -> float:
    offset = datetime.fromtimestamp(quarter * _QUARTER_S, UTC).astimezone(zone_of(zone)).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The zone called ``name``. Raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone of the IANA database, as in Asia/Shanghai") from error


def local_s(at: float, zone: str) -> float:
    """Seconds of local wall time from 1970: its multiples of a day are local midnights."""
    return at + _offset_s(zone, int(at // _QUARTER_S))


def day_and_second(at: float, zone: str) -> tuple[int, float]:
    """The local day (counted from 1970) and the second within it."""
    local = local_s(at, zone)
    day = int(local // DAY_S)
    return day, local - day * DAY_S


@functools.cache
def bounds_s(between: str) -> tuple[int, int]:
    """Start and end of ``between`` in seconds of the day."""
    start, end = (int(part[:2]) * 3600 + int(part[3:]) * 60 for part in between.split("-"))
    return start, end


def within(at: float, between: str, zone: str) -> bool:
    """True if ``at`` lies in that part of the local day, which may run past midnight."""
    start, end = bounds_s(between)
    second = day_and_second(at, zone)[1]
    return start <= second < end if start < end else second >= start or second < end


def clock(at: float, zone: str) -> str:
    """Local time for people, as in ``06:24``."""
    minute = int(day_and_second(at, zone)[1] // 60)
    return f"{minute // 60:02d}:{minute % 60:02d}"
