"""Who is on duty at a moment: weekly shifts with overrides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.people import ResponderId


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A weekly duty in local time. ``weekday`` 0 is Monday; a shift that ends at or before its start runs past
    midnight into the next day.
    """

    responder_id: ResponderId
    weekday: int
    starts: time
    ends: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """An exception to the week: on duty after all, or not, from ``starts_at`` until ``ends_at`` (aware UTC)."""

    responder_id: ResponderId
    starts_at: datetime
    ends_at: datetime
    on_duty: bool


def on_duty(
    shifts: Iterable[Shift], overrides: Iterable[Override], moment: datetime, zone: ZoneInfo
) -> frozenset[ResponderId]:
    """Who is on duty at ``moment`` (aware). An override beats the week; of two overrides "off" beats "on"."""
    local = moment.astimezone(zone)
    present = {shift.responder_id for shift in shifts if _covers(shift, local)}
    current = [override for override in overrides if override.starts_at <= moment < override.ends_at]
    present |= {override.responder_id for override in current if override.on_duty}
    present -= {override.responder_id for override in current if not override.on_duty}
    return frozenset(present)


def _covers(shift: Shift, local: datetime) -> bool:
    today = local.date()
    return any(_within(shift, day, local) for day in (today, today - timedelta(days=1)))


def _within(shift: Shift, day: date, local: datetime) -> bool:
    if day.weekday() != shift.weekday:
        return False
    last_day = day if shift.ends > shift.starts else day + timedelta(days=1)
    wall = local.replace(tzinfo=None)
    return datetime.combine(day, shift.starts) <= wall < datetime.combine(last_day, shift.ends)
