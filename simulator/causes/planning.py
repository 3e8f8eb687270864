"""When and to whom emergencies happen: drawn by seed, spread over homes so that each can be told from the others."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from simulator.causes import alarms, silences
from simulator.causes.collapse import collapse
from simulator.causes.truth import Cause, CauseKind
from simulator.errors import NoSuitableHome
from simulator.fleet.outfit import Outfit
from simulator.lives.draws import Draws, draws

_Maker = Callable[[Draws, float, Outfit, str], Cause | None]

_MAKERS: Final[Mapping[CauseKind, _Maker]] = {
    CauseKind.PRESS: alarms.press,
    CauseKind.PRESS_CANCELLED: alarms.press_cancelled,
    CauseKind.PRESS_UNANSWERED: alarms.press,
    CauseKind.FALL: alarms.fall,
    CauseKind.FALL_PRESSED: alarms.fall_pressed,
    CauseKind.SMOKE_COOKING: alarms.smoke_cooking,
    CauseKind.FIRE: alarms.fire,
    CauseKind.GAS: alarms.gas,
    CauseKind.CO: alarms.carbon_monoxide,
    CauseKind.LEAK: alarms.leak,
    CauseKind.TAMPER: alarms.tamper,
    CauseKind.WANDER: silences.wander,
    CauseKind.HEART: silences.heart,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """So many causes of a kind between two moments (epoch seconds of care time)."""

    kind: CauseKind
    count: int
    start: float
    end: float


def plan(wishes: Sequence[Wish], outfits: Sequence[Outfit], seed: int, *, since: float, until: float) -> list[Cause]:
    """The causes that fulfil ``wishes`` in a run from ``since`` to ``until``, in order of time; the same for the same
    arguments.

    A home has one emergency in a run, so that each incident belongs to one cause; to a street without power nothing
    else happens, for half of its devices could not say so. Raises NoSuitableHome.
    """
    planner = _Planner(outfits, seed, since, until)
    darkest_first = sorted(wishes, key=lambda wish: wish.kind is not CauseKind.STREET_POWER_CUT)
    found = [cause for wish in darkest_first for cause in planner.fulfil(wish)]
    return sorted(found, key=lambda cause: (cause.at, cause.id))


class _Planner:
    def __init__(self, outfits: Sequence[Outfit], seed: int, since: float, until: float) -> None:
        self._outfits = outfits
        self._seed = seed
        self._since = since
        self._until = until
        self._taken: set[str] = set()
        self._count = 0

    def fulfil(self, wish: Wish) -> list[Cause]:
        draw = draws(self._seed, "causes", wish.kind, round(wish.start))
        found: list[Cause] = []
        for _ in range(wish.count):
            at = round(float(draw.uniform(wish.start, wish.end)), 3)
            match wish.kind:
                case CauseKind.STREET_POWER_CUT:
                    found.append(self._cut(draw, at))
                case CauseKind.TWO_AT_ONCE:
                    found += [
                        msgspec.structs.replace(self._one(draw, at, CauseKind.PRESS), kind=CauseKind.TWO_AT_ONCE)
                        for _ in range(2)
                    ]
                case _:
                    found.append(self._one(draw, at, wish.kind))
        return found

    def _one(self, draw: Draws, at: float, kind: CauseKind) -> Cause:
        self._count += 1
        name = f"{kind}-{self._count:04d}"
        for index in draw.permutation(len(self._outfits)).tolist():
            outfit = self._outfits[index]
            if outfit.home.code in self._taken:
                continue
            cause = self._make(draw, at, outfit, kind, name)
            if cause is not None:
                self._taken.add(outfit.home.code)
                return cause
        raise NoSuitableHome(kind, len(self._outfits))

    def _make(self, draw: Draws, at: float, outfit: Outfit, kind: CauseKind, name: str) -> Cause | None:
        if kind is CauseKind.DEVICE_DIES:
            return silences.device_dies(draw, at, outfit, name, self._until)
        if kind is CauseKind.COLLAPSE:
            return collapse(draw, at, outfit, name, self._seed, self._since)
        cause = _MAKERS[kind](draw, at, outfit, name)
        if cause is not None and kind is CauseKind.PRESS_UNANSWERED:
            return msgspec.structs.replace(cause, kind=kind, nobody_answers=True)
        return cause

    def _cut(self, draw: Draws, at: float) -> Cause:
        self._count += 1
        streets = defaultdict(list)
        for outfit in self._outfits:
            streets[outfit.home.street].append(outfit)
        for street in draw.permutation(sorted(streets)).tolist():
            homes = {outfit.home.code for outfit in streets[street]}
            if homes & self._taken:
                continue
            cause = silences.street_power_cut(
                draw, at, streets[street], f"{CauseKind.STREET_POWER_CUT}-{self._count:04d}"
            )
            if cause is not None:
                self._taken |= homes
                return cause
        raise NoSuitableHome(CauseKind.STREET_POWER_CUT, len(self._outfits))
