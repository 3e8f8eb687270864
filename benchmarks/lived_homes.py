"""Simulated homes as rules hear them: a month of everything that their devices say, with emergencies planted in it.

    python -P -m benchmarks.lived_homes FILE [--days 365] [--seed N]

writes a year of one home, without an emergency, as ``carewatch backtest`` reads it.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec

from alerting.rules.frame import Observation
from devices.model import DeviceKind, Hazard, Reading
from ingest.config import MISDATED_BEYOND
from simulator.causes import alarms
from simulator.causes.planning import Wish, plan
from simulator.causes.truth import Cause, CauseKind
from simulator.errors import NoSuitableHome
from simulator.fleet.chronicle import Muted, chronicle
from simulator.fleet.deeds import Alarms, Deed, Quantities, Tells
from simulator.fleet.outfit import Outfit, Shares, equip
from simulator.lives.day import midnight
from simulator.lives.draws import draws
from simulator.lives.home_day import Fate, live
from simulator.lives.people import Life
from simulator.lives.village import settle

FIRST: Final = date(2026, 1, 5)
MIX: Final = {Life.LIVING_ALONE: 0.5, Life.COUPLE: 0.25, Life.FRAIL: 0.15, Life.DEMENTIA: 0.1}
"""Kinds of lives as the scenarios mix them."""
PLANTED: Final = {
    CauseKind.COLLAPSE: (0.06, 0.0, 24.0),
    CauseKind.HEART: (0.06, 0.0, 24.0),
    CauseKind.FIRE: (0.04, 0.0, 24.0),
    CauseKind.FALL: (0.04, 0.0, 24.0),
    CauseKind.WANDER: (0.03, 22.0, 27.5),
}
"""The share of homes in which an emergency of the kind is planted each week, and between which hours of the day."""
_WEEK: Final = 7
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86400.0
_CALLS_AFTER_S: Final = 90.0
_AFTERMATH_S: Final = 3600.0
"""So long after its end an emergency still explains what a rule finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """An emergency in a home: what it is, from when to when, and which quantities tell of it."""

    kind: CauseKind
    hazards: frozenset[Hazard]
    at: float
    ends: float
    still: bool
    """She cannot move."""
    hidden: bool
    """The simulator itself says that nobody could tell it from an ordinary day."""
    quantities: frozenset[str]

    def explains(self, at: float) -> bool:
        """True if what is found at this moment is no false alarm."""
        return self.at <= at <= self.ends + _AFTERMATH_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A home's month: its readings in order of time, the alarms that its devices raised by themselves, the truth."""

    outfit: Outfit
    said: Sequence[Observation]
    alarmed: Sequence[Alarms]
    planted: Sequence[Planted]


def village(homes: int, seed: int) -> list[Outfit]:
    """The homes with their devices."""
    return [equip(home, seed, Shares()) for home in settle(seed, homes, MIX)]


def emergencies(outfits: Sequence[Outfit], days: int, seed: int) -> dict[str, list[Cause]]:
    """What is planted in each home, by its code: in every whole week at most one thing, in its first six days."""
    since = midnight(FIRST)
    until = since + days * _DAY_S
    by_code = {one.home.code: one for one in outfits}
    found: dict[str, list[Cause]] = defaultdict(list)
    for week in range(days // _WEEK):
        begins = since + week * _WEEK * _DAY_S
        for cause in _of_a_week(outfits, begins, seed, since, until):
            assert cause.home is not None
            found[cause.home].append(_with_company(cause, by_code[cause.home], seed))
    return found


def _with_company(cause: Cause, outfit: Outfit, seed: int) -> Cause:
    """Whoever is in a fire presses a button, too; the wristband of one who collapses feels the fall."""
    draw = draws(seed, "company", cause.id, round(cause.at))
    also = None
    if cause.kind is CauseKind.FIRE:
        also = alarms.press(draw, cause.at + _CALLS_AFTER_S, outfit, f"{cause.id}-press")
    elif cause.kind is CauseKind.COLLAPSE:
        also = alarms.fall(draw, cause.at, outfit, f"{cause.id}-fall")
    if also is None:
        return cause
    expectations = (*cause.expectations, *also.expectations)
    return msgspec.structs.replace(cause, deeds=(*cause.deeds, *also.deeds), expectations=expectations)


def _of_a_week(outfits: Sequence[Outfit], begins: float, seed: int, since: float, until: float) -> list[Cause]:
    wishes: list[Wish] = []
    for kind, (share, first_h, last_h) in PLANTED.items():
        for number in range(round(share * len(outfits))):
            day_at = begins + number % (_WEEK - 1) * _DAY_S
            start, end = day_at + first_h * _HOUR_S, day_at + last_h * _HOUR_S
            wishes.append(Wish(kind=kind, count=1, start=start + number, end=end))
    while True:
        try:
            return plan(wishes, outfits, seed, since=since, until=until)
        except NoSuitableHome as error:
            lacking = next(one for one in reversed(wishes) if one.kind is error.kind)
            wishes.remove(lacking)  # fewer homes are able to suffer this than the share would have


def lived(outfit: Outfit, causes: Sequence[Cause], days: int, seed: int) -> Lived:
    """The month of a home."""
    fates = _fates(causes)
    muted: Muted = defaultdict(list)
    for cause in causes:
        for device, interval in cause.muted:
            muted[device].append(interval)
    deeds: list[Deed] = [deed for cause in causes for deed in cause.deeds]
    for offset in range(days):
        day = live(outfit.home, FIRST + timedelta(days=offset), seed, fates)
        deeds += chronicle(day, outfit, seed, muted)
    told = (deed for deed in deeds if isinstance(deed, Tells))
    return Lived(
        outfit=outfit,
        said=sorted(_heard(told, outfit), key=lambda one: one.at),
        alarmed=sorted((deed for deed in deeds if isinstance(deed, Alarms)), key=lambda one: one.at),
        planted=[_planted(one) for one in causes],
    )


def _fates(causes: Iterable[Cause]) -> dict[str, Fate]:
    found: dict[str, Fate] = {}
    for cause in causes:
        if cause.resident is not None and cause.fate is not None:
            before = found.get(cause.resident, Fate())
            still, strays = (*before.still, *cause.fate.still), (*before.strays, *cause.fate.strays)
            found[cause.resident] = Fate(still=still, strays=strays)
    return found


def _heard(told: Iterable[Tells], outfit: Outfit) -> Iterable[Observation]:
    """Readings with times that count: those of the device's own clock, but neither of the future nor of years ago."""
    by_id = {device.device_id: device for device in outfit.devices}
    for deed in told:
        device = by_id[deed.device]
        if abs(device.clock_off_s) > MISDATED_BEYOND.total_seconds():
            continue
        for at, quantities in (*deed.history, (deed.at, deed.quantities)):
            stated = min(at + device.clock_off_s, deed.at)
            yield Observation(stated, deed.device, device.model.kind, _reading(quantities))


def _reading(quantities: Quantities) -> Reading:
    return msgspec.convert(quantities, Reading)


def _planted(cause: Cause) -> Planted:
    """An emergency ends with its last deed, or with what it has done to the resident."""
    fate = cause.fate or Fate()
    ends = [deed.at for deed in cause.deeds] + [gap.end for gap in fate.still] + [walk.end for walk in fate.strays]
    said: list[Mapping[str, object]] = [deed.quantities for deed in cause.deeds if isinstance(deed, Tells)]
    return Planted(
        kind=cause.kind,
        hazards=frozenset(one.hazard for one in cause.expectations),
        at=cause.at,
        ends=max(ends),
        still=bool(fate.still),
        hidden=any(one.unjudged for one in cause.expectations),
        quantities=frozenset(name for one in said for name in one),
    )


def main() -> int:
    """Write the history of the home, of forty in which one person lives, that has the most devices, a wristband and a
    phone among them.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    worn = (DeviceKind.WRISTBAND, DeviceKind.PHONE)
    able = [one for one in village(40, options.seed)
            if len(one.home.residents) == 1 and all(one.of(kind) for kind in worn)]  # fmt: skip
    year = lived(max(able, key=lambda one: len(one.devices)), [], options.days, options.seed)
    with options.file.open("wb") as lines:
        for one in year.said:
            said = {"at": one.at, "sensor": one.source, "device_kind": one.kind, **msgspec.to_builtins(one.reading)}
            lines.write(msgspec.json.encode(said) + b"\n")
    print(f"{len(year.said):,} readings of {len(year.outfit.devices)} devices")
    return 0


if __name__ == "__main__":
    sys.exit(main())
