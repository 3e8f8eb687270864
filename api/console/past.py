"""What is asked of the history, as it stands in an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from devices.model import Hazard
from domain.incident import IncidentState, Outcome
from store.incident_views import IncidentFilter

_LONGEST_TEXT: Final = 64  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked for; what makes no sense is left out. ``about``: part of a name, a code or an address of a
    resident or a home; ``responder``: part of the name or code of somebody who was asked or said something.
    """

    since: date | None
    until: date | None
    hazard: str
    severity: str
    outcome: str
    organisation: str
    number: str
    about: str
    responder: str
    before: int | None

    @property
    def personal(self) -> bool:
        """True if it asks about a person: whoever sees the answer has seen that person."""
        return bool(self.about or self.responder)

    def address(self, path: str, **other: object) -> str:
        """``path`` with this question, and ``other`` instead of some of it."""
        asked = {
            "since": self.since,
            "until": self.until,
            "hazard": self.hazard,
            "severity": self.severity,
            "outcome": self.outcome,
            "organisation": self.organisation,
            "number": self.number,
            "about": self.about,
            "responder": self.responder,
        } | other
        written = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
        return f"{path}?{written}" if written else path

    def filter(self, zone: ZoneInfo) -> IncidentFilter:
        """The same for the store; days are those of ``zone``, the last one included."""
        return IncidentFilter(
            states=[IncidentState.RESOLVED.value],
            hazards=[self.hazard] if self.hazard else None,
            severity=int(self.severity) if self.severity else None,
            organisation=self.organisation or None,
            since=_midnight(self.since, zone) if self.since else None,
            until=_midnight(self.until + timedelta(days=1), zone) if self.until else None,
            outcome=self.outcome or None,
            number=int(self.number) if self.number else None,
            about=self.about or None,
            responder=self.responder or None,
        )


def question(asked: Mapping[str, str]) -> Question:
    """Read what stands in an address."""

    def one_of(name: str, allowed: set[str]) -> str:
        return value if (value := asked.get(name, "")) in allowed else ""

    def digits(name: str, most: int) -> str:
        value = asked.get(name, "").strip().lstrip("#")
        return value if value.isascii() and value.isdigit() and len(value) <= most else ""

    def text(name: str) -> str:
        return asked.get(name, "").replace("\x00", "").strip()[:_LONGEST_TEXT]

    before = digits("before", 18)
    return Question(
        since=_day(asked.get("since", "")),
        until=_day(asked.get("until", "")),
        hazard=one_of("hazard", set(Hazard)),
        severity=one_of("severity", set("12345")),
        outcome=one_of("outcome", set(Outcome)),
        organisation=text("organisation"),
        number=digits("number", 5),
        about=text("about"),
        responder=text("responder"),
        before=int(before) if before else None,
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date.min < day < date.max else None  # its midnight and that of the next day can be said in UTC


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
