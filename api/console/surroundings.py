"""What was measured around an incident, as plots, and where its residents were, as a line on its map.

Both come after the page: its browser is given them once it is there, and what is new every few seconds. The server
keeps no more of it than how far it has read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import nicegui.elements.echart  # noqa: F401  # puts ECharts into the import map of pages
import structlog
from nicegui import ui

from alerting.rulebook import load_rulebook
from alerting.rules.panel import Member
from alerting.rules.threshold import ThresholdRule
from alerting.rules.vitals import VitalsRule
from api.console.frame import OpenPage
from api.console.incident_view import Point
from api.console.rows import milliseconds
from api.console.tiles import on_tiles
from api.words import Words, noted
from devices.model import DeviceKind
from domain.consent import Recipient
from domain.permissions import Scope
from store import around, audit
from store.around import FoundBy, Stretch, Stretches
from store.errors import StoreError
from store.measured import Fix
from store.pool import Connection

log = structlog.get_logger(__name__)

BEFORE: Final = timedelta(hours=6)
_TRACK_BEFORE: Final = timedelta(hours=2)
_AFTER: Final = timedelta(hours=48)
_EVERY_S: Final = 4.0
_SHORTEST_STRETCH: Final = timedelta(seconds=30)
_STRETCHES: Final = 300  # on a plot at first
_LATE: Final = timedelta(minutes=10)  # what comes so late still gets into the plot
_MOST_FIXES: Final = 5000  # at a time
DOUBTFUL_FROM_M: Final = 100.0
"""A fix with so wide a circle, or with none, is a guess by cell or Wi-Fi: satellite receivers on the wrist state some 5
to 50 m, Wi-Fi some tens to hundreds, cells hundreds of metres to kilometres.
"""

_PLOTS: Final = (
    ("heart_rate_bpm", noted("Heart rate"), "/min"),
    ("spo2_pct", noted("Blood oxygen"), "%"),
    ("systolic_mmhg", noted("Blood pressure, upper"), "mmHg"),
    ("diastolic_mmhg", noted("Blood pressure, lower"), "mmHg"),
    ("temperature_c", noted("Temperature"), "°C"),
    ("smoke_level", noted("Smoke level"), ""),
    ("motion", noted("Motion"), ""),
    ("contact_open", noted("Door open"), ""),
    ("steps", noted("Steps"), ""),
    ("battery_pct", noted("Battery"), "%"),
)
"""Quantity, word, unit; in the order of the page."""
_TOGETHER: Final = {"diastolic_mmhg": "systolic_mmhg"}
_YES_OR_NO: Final = ("motion", "contact_open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of the rule that found the incident."""

    quantity: str
    value: float


class Surroundings:
    """Plots and track of one incident on one page."""

    def __init__(
        self, page: OpenPage, incident_id: int, opened_at: datetime, residents: Sequence[str], zone: str
    ) -> None:
        self._page = page
        self._id = incident_id
        self._opened_at = opened_at
        self._residents = residents
        self._zone = zone
        self._cut: Stretches | None = None
        self._read_until = opened_at - BEFORE
        self._seen_until: dict[str, datetime] = {}

    def start(self, *, map_id: int | None, seen: Sequence[Point]) -> None:
        """Begin on the page that is being built. ``seen``: where somebody was last, for who was not seen lately."""
        page = self._page
        ui.add_head_html('<script src="/static/plots.js" defer></script>')
        common = {"zone": self._zone, "language": page.say.language.value}
        plots = {
            "plots": _plots(page.say),
            "words": _plot_words(page.say),
            "event": milliseconds(self._opened_at),
            "since": milliseconds(self._opened_at - BEFORE),
        }
        page.run_script(f"carewatchPlots.begin({json.dumps(common | plots)})")
        if map_id is not None:
            track = {"doubtful": DOUBTFUL_FROM_M, "words": _track_words(page.say)}
            page.run_script(f"carewatchMap.track({map_id}, {json.dumps(common | track)})")
        if map_id is not None and seen:
            tracks = {
                f"seen {number}": [self._placed(one.lat, one.lon, one.at_ms or 0, one.accuracy_m or None)]
                for number, one in enumerate(seen)
            }
            page.run_script(f"carewatchMap.fixes({json.dumps(tracks)})")
        ui.timer(_EVERY_S, self._turn)

    async def _turn(self) -> None:
        page = self._page
        if not page.shown and self._cut is not None:
            return
        now = page.console.clock.now()
        until = min(now, self._opened_at + _AFTER)
        try:
            async with page.console.database.transaction() as connection:
                limits = await self._first(connection, until, now=now) if self._cut is None else None
                assert self._cut is not None
                found = await around.readings(
                    connection,
                    self._id,
                    self._cut,
                    recipient=Recipient.DUTY_DESK if self._may_see else None,
                    since=max(self._opened_at - BEFORE, self._read_until - _LATE - self._cut.length),
                    until=until,
                    now=now,
                )
                fixes = await self._fixes(connection, until, now=now) if self._may_see else {}
        except StoreError as error:
            log.info("what was measured could not be read", incident=self._id, error=str(error))
            return
        self._tell(found, fixes, limits)
        self._read_until = until

    @property
    def _may_see(self) -> bool:
        return Scope.HEALTH in self._page.visitor.actor.scopes

    async def _first(self, connection: Connection, until: datetime, *, now: datetime) -> list[Limit]:
        """How time is cut on this page; the view is recorded; the limits of the rule that found the incident."""
        span = until - (self._opened_at - BEFORE)
        seconds = max(span / _STRETCHES, _SHORTEST_STRETCH).total_seconds()
        self._cut = Stretches(origin=self._opened_at - BEFORE, length=timedelta(seconds=round(seconds)))
        if self._may_see:
            by, detail = self._page.visitor.actor.id, {"what": "readings, track"}
            await audit.record(connection, by, "view", "residents", self._residents, now=now, detail=detail)
        return await _limits(connection, await around.rules(connection, self._id))

    async def _fixes(self, connection: Connection, until: datetime, *, now: datetime) -> Mapping[str, Sequence[Fix]]:
        since = min(self._seen_until.values(), default=self._opened_at - _TRACK_BEFORE)
        return await around.positions(connection, self._id, since=since, until=until, most=_MOST_FIXES, now=now)

    def _tell(
        self, found: Sequence[Stretch], fixes: Mapping[str, Sequence[Fix]], limits: Sequence[Limit] | None
    ) -> None:
        told: dict[str, Any] = {"series": self._series(found)}
        if limits is not None:
            told["limits"] = [{"quantity": one.quantity, "value": one.value} for one in limits]
        if told["series"] or limits is not None:
            self._page.run_script(f"carewatchPlots.take({json.dumps(told)})")
        tracks = {}
        for code, those in fixes.items():
            fresh = [one for one in those if code not in self._seen_until or one.at > self._seen_until[code]]
            if fresh:
                self._seen_until[code] = fresh[-1].at
                tracks[code] = [self._placed(one.lat, one.lon, milliseconds(one.at), one.accuracy_m) for one in fresh]
        if tracks:
            self._page.run_script(f"carewatchMap.fixes({json.dumps(tracks)})")

    def _placed(self, lat: float, lon: float, at_ms: int, accuracy_m: float | None) -> list[float | None]:
        lat, lon = on_tiles(self._page.console.config, (lat, lon))
        return [round(lat, 6), round(lon, 6), at_ms, accuracy_m]

    def _series(self, found: Sequence[Stretch]) -> list[dict[str, Any]]:
        say = self._page.say
        series: dict[tuple[str, str], dict[str, Any]] = {}
        for one in found:
            word = f"{say.of(DeviceKind(one.kind))} {one.device_id}" + (f" ({one.room})" if one.room else "")
            line = series.setdefault(
                (one.device_id, one.quantity), {"quantity": one.quantity, "device": word, "points": []}
            )
            figures = [round(figure, 1 if figure >= 10 else 2) for figure in (one.least, one.greatest, one.last)]
            line["points"].append([milliseconds(one.begins), *figures, milliseconds(one.last_at)])
        return list(series.values())


def _plots(say: Words) -> list[dict[str, Any]]:
    return [
        {
            "quantity": name,
            "on": _TOGETHER.get(name, name),
            "word": say(word),
            "unit": unit,
            "flag": name in _YES_OR_NO,
        }
        for name, word, unit in _PLOTS
    ]


def _plot_words(say: Words) -> dict[str, str]:
    """What the script says; it fills in the fields."""
    return {
        "last": say("Last {value} at {time}, lowest {least}, highest {greatest}."),
        "yes": say("Last at {time}."),
        "never": say("Not in these hours."),
        "limit": say("limit"),
        "event": say("Alarm"),
        "nothing": say("Nothing was measured here in these hours, or nobody consents that it is shown."),
    }


def _track_words(say: Words) -> dict[str, str]:
    return {
        "start": say("Line begins {time}"),
        "last": say("Last at {time}"),
        "within": say("within {metres} m"),
        "doubtful": say("doubtful: by cell or Wi-Fi"),
    }


async def _limits(connection: Connection, found_by: Sequence[FoundBy]) -> list[Limit]:
    """The limits of those rules, as they hold for whom they judged, each once."""
    if not found_by:
        return []
    rulebook = await load_rulebook(connection)
    limits: dict[Limit, None] = {}
    for one in found_by:
        member = Member(
            device=str(one.device_key or 0),
            kind=DeviceKind(one.kind) if one.kind is not None else DeviceKind.GATEWAY,
            resident=None if one.resident_id is None else str(one.resident_id),
            household=None if one.household_id is None else str(one.household_id),
        )
        for rule in rulebook.rules_for(one.organisation_id, member, None):
            if rule.name != one.rule:
                continue
            if isinstance(rule, ThresholdRule) and rule.change_within_s is None:
                limits |= dict.fromkeys(_stated(rule.quantity, rule.above, rule.below))
            elif isinstance(rule, VitalsRule):
                limits |= dict.fromkeys(_stated(rule.quantity, rule.high, rule.low))
    return list(limits)


def _stated(quantity: str, *values: float | None) -> list[Limit]:
    return [Limit(quantity=str(quantity), value=value) for value in values if value is not None]
