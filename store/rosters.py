"""Rosters: who is on duty in an organisation's circles."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.people import Circle, ResponderId
from domain.roster import Override, Shift, on_duty
from store.pool import Connection
from store.queries import queries


@dataclass(slots=True)
class Roster:
    """The shifts of one circle of one organisation."""

    zone: ZoneInfo
    shifts: list[Shift] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)

    def on_duty(self, moment: datetime) -> frozenset[ResponderId]:
        """Who is on duty at ``moment``."""
        return on_duty(self.shifts, self.overrides, moment, self.zone)


async def rosters(
    connection: Connection, organisations: Iterable[int], *, now: datetime
) -> dict[tuple[int, Circle], Roster]:
    """The rosters of ``organisations``, by organisation and circle. A circle without a roster has none here: all of its
    members are then on duty at all times.
    """
    wanted = sorted(set(organisations))
    found: dict[tuple[int, Circle], Roster] = {}
    if not wanted:
        return found
    cursor = await connection.execute(queries("incidents").rosters, {"organisations": wanted})
    for organisation, circle, zone, responder, weekday, starts, ends in await cursor.fetchall():
        roster = found.setdefault((organisation, Circle(circle)), Roster(ZoneInfo(zone)))
        roster.shifts.append(Shift(responder_id=ResponderId(responder), weekday=weekday, starts=starts, ends=ends))
    cursor = await connection.execute(queries("incidents").roster_overrides, {"organisations": wanted, "now": now})
    for organisation, circle, responder, starts_at, ends_at, duty in await cursor.fetchall():
        key = (organisation, Circle(circle))
        if key in found:
            found[key].overrides.append(
                Override(responder_id=ResponderId(responder), starts_at=starts_at, ends_at=ends_at, on_duty=duty)
            )
    return found
