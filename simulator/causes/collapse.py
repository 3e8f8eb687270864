"""A collapse: she lies still, out of reach of every button, and by when her silence can be known to be one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from typing import Final

from devices.model import DeviceKind, Hazard
from simulator.causes.truth import Cause, CauseKind, Expectation
from simulator.fleet.outfit import Outfit
from simulator.lives.day import LOCAL, days
from simulator.lives.draws import Draws
from simulator.lives.home_day import Fate, HomeDay, Interval, live
from simulator.lives.people import Life, Room

_HOUR: Final = 3600.0
_DAY_H: Final = (6.0, 22.0)
_BY_DAY_S: Final = 4 * _HOUR
"""By day, and seen inside. Source: docs/rules.md, the fixed limit, which holds until a home is known and is kept
beside what is learned.
"""
_BY_NIGHT_S: Final = 10 * _HOUR
"""Whoever lies still at night looks like one who sleeps. Source: docs/rules.md, the limit by night."""
_BEHIND_THE_DOOR_S: Final = 12 * _HOUR
"""The door was the last that was heard: she may be out. Source: docs/rules.md, outings."""
_LEAVING_S: Final = 45.0
_TOGETHER_S: Final = 300.0
"""Two movements within this time, later than it takes to leave, show somebody inside. Source: docs/rules.md."""
_HIDDEN_BY_PET: Final = "a pet moves within sight of the sensors and hides it (docs/rules.md)"


def collapse(draw: Draws, at: float, outfit: Outfit, name: str, seed: int, since: float) -> Cause | None:
    """Somebody who lives alone falls at home and cannot move or call until the next day.

    A run that begins at ``since`` must have seen her move before: what was never alive is not missed.
    """
    home, resident = outfit.home, outfit.home.residents[0]
    if resident.life is Life.COUPLE or not outfit.of(DeviceKind.INFRARED_SENSOR):
        return None
    lies = Interval(at, at + float(draw.uniform(14, 20)) * _HOUR)
    fate = Fate(still=(lies,))
    lived = [live(home, day, seed, {resident.code: fate}) for day in days(max(since, at - 86400), lies.end)]
    seen = _Seen.of(lived, since)
    if not _at_home(lived, at) or len(seen.before(at)) < 2:
        return None
    found_at = _found_by(seen, at)
    if found_at >= lies.end:
        return None
    return Cause(
        id=name,
        kind=CauseKind.COLLAPSE,
        at=at,
        home=home.code,
        resident=resident.code,
        fate=fate,
        expectations=(
            Expectation(
                hazard=Hazard.INACTIVITY,
                subject=f"household:{home.code}",
                home=home.code,
                after_s=round(found_at - at, 3),
                unjudged=_HIDDEN_BY_PET if home.pet else "",
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the sensors of a home notice from the beginning of the run: movements with their room, and the door."""

    movements: Sequence[tuple[float, Room]]
    door: Sequence[float]

    @classmethod
    def of(cls, lived: Sequence[HomeDay], since: float) -> "_Seen":
        fired = [(at, room) for day in lived for room, times in day.movements.items() for at in times.tolist()]
        door = [at for day in lived for passage in day.passages for at in passage]
        return cls(sorted(one for one in fired if one[0] >= since), sorted(at for at in door if at >= since))

    def before(self, at: float) -> list[tuple[float, Room]]:
        """The movements until ``at``."""
        return [one for one in self.movements if one[0] <= at]

    def inside(self, at: float) -> bool:
        """Whether, at ``at``, movements since the door have shown somebody inside."""
        door_at = max((moment for moment in self.door if moment <= at), default=None)
        if door_at is None:
            return True
        since_door = [moment for moment, _ in self.before(at) if moment > door_at + _LEAVING_S]
        return any(second - first <= _TOGETHER_S for first, second in pairwise(since_door))


def _at_home(lived: Sequence[HomeDay], at: float) -> bool:
    """Whether she is at home at ``at``, and not on a walk from which she would still come back."""
    plans = [day.bodies[0].day for day in lived]
    today = next((plan for plan in plans if plan.episodes[0].start <= at < plan.episodes[-1].end), None)
    return today is not None and today.at(at).room is not None and not any(w.start <= at <= w.end for w in today.walks)


def _found_by(seen: _Seen, at: float) -> float:
    """By when her silence has lasted for longer than the platform says that it waits.

    Silence is counted from the last sign of life but one, so that one stray firing of a sensor does not start it anew,
    but two do; the collapse itself counts as her last sign.
    """
    inside, awake = seen.inside(at), _is_day(seen.before(at)[-2][0])
    begun = last = at
    for stray in (moment for moment, _ in seen.movements if moment > at):
        if stray >= begun + _waits_s(begun, inside=inside, awake=awake):
            break
        begun, last = last, stray
    return begun + _waits_s(begun, inside=inside, awake=awake)


def _waits_s(begun: float, *, inside: bool, awake: bool) -> float:
    if not inside:
        return _BEHIND_THE_DOOR_S
    return _BY_DAY_S if awake and _is_day(begun) and _is_day(begun + _BY_DAY_S) else _BY_NIGHT_S


def _is_day(moment: float) -> bool:
    local = datetime.fromtimestamp(moment, timezone(LOCAL))
    return _DAY_H[0] <= local.hour + local.minute / 60 < _DAY_H[1]
