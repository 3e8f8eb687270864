"""One line of the queue: what it is, what is being done about it now, and what happens next, by when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from api.console.flood import Group
from api.people import titled
from api.words import Words, noted
from devices.model import Hazard
from domain.incident import IncidentState
from domain.notification import NotificationState
from domain.people import ChannelName
from store.desk import Waiting

MOST_NAMES: Final = 3
"""So many are named where there may be many."""

ICONS: Final[dict[str, str]] = {
    Hazard.SOS: "sos",
    Hazard.FALL: "personal_injury",
    Hazard.SMOKE: "local_fire_department",
    Hazard.HEAT: "device_thermostat",
    Hazard.GAS: "propane_tank",
    Hazard.CO: "co2",
    Hazard.WATER: "water_drop",
    Hazard.INTRUSION: "meeting_room",
    Hazard.INACTIVITY: "hotel",
    Hazard.WANDER: "explore_off",
    Hazard.VITALS: "monitor_heart",
    Hazard.TAMPER: "build",
    Hazard.DEVICE_OFFLINE: "wifi_off",
    Hazard.LOW_BATTERY: "battery_alert",
    Hazard.AREA_OUTAGE: "cloud_off",
    Hazard.UNCLEAR: "help",
    Hazard.NOBODY_REACHED: "phone_missed",
    Hazard.PLATFORM: "report",
}
"""Names in the font of Material Icons, which NiceGUI brings along."""

# Source of the keys: Twilio, call status, as alerting.progress keeps it.
_CALLS: Final = {
    "starting": noted("being placed"),
    "queued": noted("being placed"),
    "initiated": noted("being dialled"),
    "ringing": noted("ringing"),
    "in-progress": noted("in conversation"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the queue, in words. Times are milliseconds since 1970 for the clocks of the page; None: no clock."""

    id: int
    number: int
    severity: int
    drill: bool
    icon: str
    hazard: str
    who: str
    where: str
    state: str
    state_word: str
    doing: str
    since_ms: int
    opened: str
    deadline: str
    deadline_ms: int | None
    alarms: int
    may_take: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Folded incidents as one line, in words; ``rows`` once it is unfolded, and ``more`` that are not drawn."""

    key: str
    severity: int
    drill: bool
    icon: str
    hazard: str
    where: str
    count: int
    doing: str
    since_ms: int
    rows: Sequence[Row]
    more: int


def group_row(group: Group, say: Words, *, shown: int, may_act: bool) -> GroupRow:
    """What a flooded desk says of ``group``, with the first ``shown`` of its lines."""
    first, count, unanswered = group.first, len(group.members), group.unanswered
    return GroupRow(
        key=group.key,
        severity=first.severity,
        drill=first.mode == "drill",
        icon=ICONS[first.hazard],
        hazard=say.of(Hazard(first.hazard)),
        where=first.organisation,
        count=count,
        doing=say("{unanswered} wait, {others} are looked after", unanswered=unanswered, others=count - unanswered),
        since_ms=milliseconds(group.since),
        rows=[row(one, say, may_act=may_act) for one in group.members[:shown]],
        more=max(count - shown, 0),
    )


def row(one: Waiting, say: Words, *, may_act: bool) -> Row:
    """What the queue says of ``one``."""
    doing, deadline, until = _now_and_next(one, say)
    opened = one.opened_at.astimezone(ZoneInfo(one.timezone))
    return Row(
        id=one.id,
        number=one.number,
        severity=one.severity,
        drill=one.mode == "drill",
        icon=ICONS[one.hazard],
        hazard=say.of(Hazard(one.hazard)),
        who=titled(say, one.residents),
        where=one.organisation
        if one.community in (None, one.organisation)
        else f"{one.community} · {one.organisation}",
        state=one.state,
        state_word=say.of(IncidentState(one.state)),
        doing=doing,
        since_ms=milliseconds(one.opened_at),
        opened=f"{opened:%Y-%m-%d %H:%M}",
        deadline=deadline,
        deadline_ms=milliseconds(until) if until is not None else None,
        alarms=one.alarms,
        may_take=may_act and one.state == IncidentState.OPEN and one.taken_until is None and not one.held,
    )


def _now_and_next(one: Waiting, say: Words) -> tuple[str, str, datetime | None]:
    """What is done now; what happens next; when."""
    names = listed(say, [name for name, _ in one.going])
    if one.held:
        return say("Held: an area outage speaks for it"), "", None
    if one.state == IncidentState.ON_SCENE:
        there = listed(say, [name for name, arrived in one.going if arrived]) or names
        next_ = say("opens again in") if one.reminded_at else say("reminder in")
        return say("{names} on scene", names=there), next_, one.next_step_at
    if one.state == IncidentState.ACKNOWLEDGED:
        if one.reask_until is not None:
            return say("New alarm: {names} asked again", names=names), say("everyone is asked in"), one.reask_until
        return say("{names} on the way", names=names), say("must arrive within"), one.next_step_at
    if one.taken_by is not None and one.taken_until is not None:
        who = one.taken_by.partition(":")[2] or one.taken_by
        return say("{who} looks after it; calls are paused", who=who), say("calls go on in"), one.taken_until
    if not one.reaching:
        return say("Nobody is being called right now"), say("next step in"), one.next_step_at
    people = [
        say("{name} ({how})", name=name or say("the resident"), how=attempt_word(say, channel, state, call))
        for name, channel, state, call in reversed(one.reaching)
    ]
    return say("Reaching {names}", names=listed(say, people)), say("next step in"), one.next_step_at


def attempt_word(say: Words, channel: str, state: str, call: str) -> str:
    """How an attempt stands: "call: ringing", "SMS: delivered"."""
    how = say(_CALLS[call]) if call in _CALLS else say.of(NotificationState(state))
    return say("{channel}: {how}", channel=say.of(ChannelName(channel)), how=how)


def listed(say: Words, names: Sequence[str], *, more: int = 0) -> str:
    """Some names, and how many more there are, with ``more`` that are not even named here."""
    comma = say(", ")
    more += max(len(names) - MOST_NAMES, 0)
    if not more:
        return comma.join(names)
    return say("{names} and {more} more", names=comma.join(names[:MOST_NAMES]), more=more)


def milliseconds(moment: datetime) -> int:
    """``moment`` as browsers count it."""
    return int(moment.timestamp() * 1000)


def after(start: datetime, end: datetime | None) -> str:
    """How long after ``start``: 4:05, 1:04:05; a dash if never."""
    if end is None:
        return "–"
    minutes, seconds = divmod(max(int((end - start).total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
