"""Everything that a scenario makes happen, settled before it begins: pure, and the same for the same seed."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from devices.model import Protocol
from simulator.causes.planning import plan
from simulator.causes.truth import Cause
from simulator.faults.mishaps import mishaps
from simulator.fleet.chronicle import Muted, chronicle
from simulator.fleet.deeds import Deed, Vanishes
from simulator.fleet.outfit import Device, Outfit, equip
from simulator.lives.day import days
from simulator.lives.home_day import Fate, live
from simulator.lives.village import settle
from simulator.reconciliation import Listening
from simulator.responders import Responder, recruit
from simulator.scenario import ReconnectStorm, Scenario

_SETTLING_S = 600.0
_AFTERWARDS_S = 1800.0
"""The run goes on so long after the end of the scenario, at most, for deadlines that come later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Homes, people, emergencies and mishaps of one run."""

    scenario: Scenario
    seed: int
    outfits: tuple[Outfit, ...]
    causes: tuple[Cause, ...]
    responders: tuple[Responder, ...]
    mishaps: tuple[Deed, ...]

    @property
    def devices(self) -> list[Device]:
        """All devices."""
        return [device for outfit in self.outfits for device in outfit.devices]

    @property
    def end(self) -> float:
        """When the last deadline has passed, or the scenario is over."""
        scenario = self.scenario
        due = [
            cause.at + one.after_s + one.within_s
            for cause in self.causes
            for one in cause.expectations
            if not one.unjudged
        ]
        return max([scenario.end, *(min(moment, scenario.end + _AFTERWARDS_S) for moment in due)])

    def deeds(self, lived: Callable[[int], None] = lambda homes: None) -> Iterator[Deed]:
        """Everything that devices do, in order of time, a day at a time; ``lived`` is told how many homes are ready."""
        caused = [deed for cause in self.causes for deed in cause.deeds]
        extra = sorted([*caused, *self.mishaps], key=lambda deed: (deed.at, deed.device))
        end = self.end
        everything = heapq.merge(self._lives(lived), extra, key=lambda deed: deed.at)
        return itertools.takewhile(lambda deed: deed.at <= end, everything)

    def broken(self) -> dict[str, list[tuple[float, float]]]:
        """When which device had no connection because of the scenario: it may be missed meanwhile."""
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        caused = [deed for cause in self.causes for deed in cause.deeds]
        behind = defaultdict(list)
        for device in self.devices:
            behind[device.speaks_through].append(device)
        for deed in [*self.mishaps, *caused]:
            if isinstance(deed, Vanishes):
                for device in behind[deed.device]:
                    until = deed.at + deed.for_s + device.model.silent_after_s
                    found[device.device_id].append((deed.at, until))
        for trouble in self.scenario.troubles:
            if isinstance(trouble, ReconnectStorm):
                self._mute_phones(self.scenario.moment(trouble.at_h), found)
        return found

    def listening(self, speed: float) -> Listening:
        """Which devices can be told something, and when not: at ``speed`` a storm's return takes more care time."""
        deaf: dict[str, list[tuple[float, float]]] = defaultdict(list)
        caused = [deed for cause in self.causes for deed in cause.deeds]
        for deed in [*self.mishaps, *caused]:
            if isinstance(deed, Vanishes):
                deaf[deed.device].append((deed.at - _SETTLING_S, deed.at + deed.for_s + _SETTLING_S))
        for trouble in self.scenario.troubles:
            if isinstance(trouble, ReconnectStorm):
                at = self.scenario.moment(trouble.at_h)
                for device in self.devices:
                    deaf[device.device_id].append((at - _SETTLING_S, at + trouble.back_within_s * speed + _SETTLING_S))
        able = (one for one in self.devices if one.model.protocol is Protocol.NATIVE and one.model.hears)
        return Listening(devices=frozenset(one.device_id for one in able if not one.model.sleeps), deaf=deaf)

    def _mute_phones(self, storm_at: float, found: dict[str, list[tuple[float, float]]]) -> None:
        """After a storm everybody says at once that it is back, but OwnTracks has no word for it: its next location is
        the sign of life.
        """
        for device in self.devices:
            if device.model.protocol is Protocol.OWNTRACKS:
                found[device.device_id].append((storm_at, storm_at + device.model.heartbeat_s + _SETTLING_S))

    def _lives(self, lived: Callable[[int], None]) -> Iterator[Deed]:
        fates: dict[str, Fate] = {cause.resident: cause.fate for cause in self.causes if cause.resident and cause.fate}
        muted: Muted = defaultdict(list)
        for cause in self.causes:
            for device, interval in cause.muted:
                muted[device].append(interval)
        for day in days(self.scenario.start, self.scenario.end):
            deeds: list[Deed] = []
            for count, outfit in enumerate(self.outfits, 1):
                deeds += self._within(chronicle(live(outfit.home, day, self.seed, fates), outfit, self.seed, muted))
                lived(count)
            yield from sorted(deeds, key=lambda deed: (deed.at, deed.device))

    def _within(self, deeds: Iterable[Deed]) -> Iterator[Deed]:
        return (deed for deed in deeds if self.scenario.start <= deed.at < self.scenario.end)


def devise(scenario: Scenario, *, seed: int | None = None, homes: int | None = None) -> Plot:
    """Settle the scenario for ``homes`` homes under ``seed``, by default its own. Raises NoSuitableHome."""
    seed = scenario.seed if seed is None else seed
    homes = homes or scenario.homes
    outfits = tuple(equip(home, seed, scenario.fleet.shares) for home in settle(seed, homes, scenario.lives))
    causes = tuple(plan(scenario.wishes(homes), outfits, seed, since=scenario.start, until=scenario.end))
    silent = {cause.home for cause in causes if cause.nobody_answers and cause.home}
    return Plot(
        scenario=scenario,
        seed=seed,
        outfits=outfits,
        causes=causes,
        responders=tuple(recruit([outfit.home for outfit in outfits], scenario.responders, seed, silent)),
        mishaps=tuple(mishaps(outfits, scenario.fleet, scenario.start, scenario.end, seed)),
    )
