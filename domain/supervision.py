"""Silence: until when it is normal, and what it means when it is not. Pure.

The clock of absence is not the clock on the wall: it runs up to the moment until which we are known to have heard
everything (``horizon``), and stands still during our own outages.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.people import DeviceKey

WILL_WAIT: Final = timedelta(minutes=5)
"""How long a device whose last will was read may take to connect again, if its class does not say less: a phone in a
lift or a router that restarts is back by then."""
STEADY_FOR: Final = timedelta(hours=1)
"""A device that fell silent again within this time of its return has to be heard for so long before it is believed."""
GATHER_FOR: Final = timedelta(minutes=5)
"""How long the first message about a silent device waits, if its class does not say less: whatever silenced it may be
silencing its neighbours, and then one message speaks for all."""

_UNWRITTEN_SHARE: Final = 0.25
_UNWRITTEN_LEAST: Final = timedelta(seconds=1)
_UNWRITTEN_MOST: Final = timedelta(seconds=60)
_UNWRITTEN_SPREAD: Final = 1.25

LOW_BATTERY_PCT: Final = 15.0
WELL_BATTERY_PCT: Final = 25.0
"""Below the first a battery is low, from the second on it is well: ten points apart, because the same cell reads some
points higher in a warm room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is remembered of a device's silences; see the table ``watches``."""

    device_key: DeviceKey
    silent_after: timedelta
    resting: bool
    armed_at: datetime
    offline_since: datetime | None
    offline_session: str | None
    silent_since: datetime | None
    judged_at: datetime | None
    back_since: datetime | None
    recovered_at: datetime | None
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What has been heard of a device: when last, and what it or its last will said of its connection."""

    last_at: datetime | None
    online: bool | None
    session: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which we heard nobody, and until when silence is excused by it."""

    began_at: datetime
    excused_until: datetime


class Finding(StrEnum):
    """What a look at a watch found."""

    NOTHING = "nothing"
    SILENT = "silent"  # longer than its class allows
    CONNECTION_LOST = "connection_lost"  # its last will was read, and it has not come back
    NEVER_HEARD = "never_heard"
    HEARD_AGAIN = "heard_again"
    UNSTEADY = "unsteady"  # heard again, but on and off too often to be believed at once

    @property
    def fallen_silent(self) -> bool:
        """True where an incident is to be raised."""
        return self in _FALLEN_SILENT


_FALLEN_SILENT: Final = frozenset({Finding.SILENT, Finding.CONNECTION_LOST, Finding.NEVER_HEARD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a watch stands after a look, and when to look next (None: as soon as something is heard)."""

    watch: Watch
    due_at: datetime | None
    finding: Finding = Finding.NOTHING


def unwritten_for(silent_after: timedelta) -> timedelta:
    """How long words that say nothing new may stay unwritten: ingest writes when a device was last heard only so often,
    a quarter of its class apart at most. So much longer it may seem to be silent.
    """
    return min(max(silent_after * _UNWRITTEN_SHARE, _UNWRITTEN_LEAST), _UNWRITTEN_MOST) * _UNWRITTEN_SPREAD


def deadline(start: datetime, allowed: timedelta, outages: Iterable[Outage]) -> datetime:
    """When ``allowed`` will have passed since ``start``, not counting ``outages`` (ordered by their beginning)."""
    left, at = allowed, start
    for outage in outages:
        if outage.excused_until <= at:
            continue
        if at + left <= outage.began_at:
            break
        left -= max(outage.began_at - at, timedelta(0))
        at = outage.excused_until
    return at + left


def judge(watch: Watch, heard: Heard, *, horizon: datetime, now: datetime, outages: Iterable[Outage]) -> Judgement:
    """Look at a device: silent, or heard again, or neither.

    ``horizon`` is up to when everything has been heard, ``now`` what is written as the time of the finding. Judging
    twice finds nothing the second time; a judgement that was overtaken by late words is taken back by the next one.
    """
    watch = _with_connection(watch, heard, now)
    last = heard.last_at
    base = watch.armed_at if last is None else max(last, watch.armed_at)
    gone = watch.offline_since is not None and (last is None or last <= watch.offline_since)
    due = deadline(base, watch.silent_after + unwritten_for(watch.silent_after), outages)
    if gone and watch.offline_since is not None:
        lost_at = max(watch.offline_since, watch.armed_at)
        due = min(due, deadline(lost_at, min(watch.silent_after, WILL_WAIT), outages))
    if watch.silent_since is None:
        if watch.resting:
            return Judgement(watch=watch, due_at=None)
        if due > horizon:
            return Judgement(watch=watch, due_at=due)
        finding = Finding.CONNECTION_LOST if gone else Finding.NEVER_HEARD if last is None else Finding.SILENT
        return _silent(watch, base, now, finding)
    if watch.back_since is None:
        return _still_silent(watch, last, gone, due, now)
    if due <= horizon:
        return _silent(watch, base, now, Finding.CONNECTION_LOST if gone else Finding.SILENT)
    steady_at = watch.back_since + STEADY_FOR
    return _back(watch, due, now) if steady_at <= horizon else Judgement(watch=watch, due_at=min(due, steady_at))


def _with_connection(watch: Watch, heard: Heard, now: datetime) -> Watch:
    """Remember when the last will of a session was first seen: it carries no time of its own."""
    if heard.online is not False:
        return replace(watch, offline_since=None, offline_session=None)
    if watch.offline_since is None or watch.offline_session != heard.session:
        return replace(watch, offline_since=now, offline_session=heard.session)
    return watch


def _silent(watch: Watch, since: datetime, now: datetime, finding: Finding) -> Judgement:
    silent = replace(watch, silent_since=since, judged_at=now, back_since=None, epoch=watch.epoch + 1)
    return Judgement(watch=silent, due_at=None, finding=finding)


def _still_silent(watch: Watch, last: datetime | None, gone: bool, due: datetime, now: datetime) -> Judgement:
    assert watch.silent_since is not None
    if last is None or last <= watch.silent_since or gone:
        return Judgement(watch=watch, due_at=None)
    flapping = watch.recovered_at is not None and watch.silent_since < watch.recovered_at + STEADY_FOR
    if not flapping:
        return _back(watch, due, now)
    return Judgement(
        watch=replace(watch, back_since=last), due_at=min(due, last + STEADY_FOR), finding=Finding.UNSTEADY
    )


def _back(watch: Watch, due: datetime, now: datetime) -> Judgement:
    heard = replace(watch, silent_since=None, judged_at=None, back_since=None, recovered_at=now)
    return Judgement(watch=heard, due_at=None if watch.resting else due, finding=Finding.HEARD_AGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """What is held of a battery: low or not, and whether it has just said 0 for the first time."""

    low: bool
    doubted: bool


def judge_battery(battery: Battery, percent: float, *, charging: bool | None) -> Battery:
    """What one more measurement makes of it. A 0 is no measurement while charging, and is doubted until it is repeated:
    many devices say 0 for "unknown", above all after a restart, and one that is empty says it again or falls silent.
    """
    if percent == 0 and (charging or not battery.doubted):
        return Battery(low=battery.low, doubted=not charging)
    low = percent < WELL_BATTERY_PCT if battery.low else percent <= LOW_BATTERY_PCT
    return Battery(low=low, doubted=percent == 0)
