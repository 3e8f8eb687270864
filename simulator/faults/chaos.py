"""When which process is killed or stopped: drawn by seed, spread over the run and over all processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulator.lives.draws import draws

_FROM: Final = 0.05
_UNTIL: Final = 0.9
"""Shares of the run between which blows fall: the end is left for the last alarms to be answered."""
_KILLS_A_STOP: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """At ``at_s`` of machine time from the beginning ``process`` is killed (0 s) or stopped for ``for_s`` seconds."""

    at_s: float
    process: str
    for_s: float


def blows(seed: int, processes: Sequence[str], kills: int, lasts_s: float) -> list[Blow]:
    """``kills`` kills, each process in its turn, and a stop for every fourth of them; in order of time."""
    draw = draws(seed, "chaos")
    gap_s = (_UNTIL - _FROM) * lasts_s / kills
    victims: list[str] = []
    while len(victims) < kills:
        victims += [processes[index] for index in draw.permutation(len(processes)).tolist()]
    found = []
    for turn in range(kills):
        at_s = _FROM * lasts_s + (turn + float(draw.uniform(0.1, 0.9))) * gap_s
        found.append(Blow(at_s=round(at_s, 2), process=victims[turn], for_s=0.0))
        if turn % _KILLS_A_STOP == 0:
            stopped = processes[int(draw.integers(len(processes)))]
            at_s += float(draw.uniform(0.3, 0.9)) * gap_s
            found.append(Blow(at_s=round(at_s, 2), process=stopped, for_s=round(float(draw.uniform(1, 5)), 1)))
    return sorted(found, key=lambda blow: blow.at_s)
