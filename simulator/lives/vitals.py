"""What a health band measures: a course over the day, what she does at the moment, and chance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from simulator.lives.day import Activity, ResidentDay
from simulator.lives.draws import Draws

_PEAK_H: Final = 15.0
"""Heart rate and temperature are highest in the afternoon, lowest some hours before waking."""
_EXERTION_BPM: Final = {
    Activity.ASLEEP: -6.0,
    Activity.NAP: -4.0,
    Activity.NIGHT_VISIT: 8.0,
    Activity.ROAMING: 10.0,
    Activity.WASHING: 8.0,
    Activity.MEAL: 5.0,
    Activity.AT_HOME: 1.0,
    Activity.OUT: 18.0,
}


class Sample(NamedTuple):
    """One measurement of everything the band has a sensor for."""

    at: float
    heart_rate_bpm: int
    spo2_pct: int
    temperature_c: float
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """A measurement with the cuff."""

    at: float
    systolic_mmhg: int
    diastolic_mmhg: int


def samples(
    draw: Draws, day: ResidentDay, every_s: float, lies_still: Callable[[float], bool] = lambda moment: False
) -> list[Sample]:
    """Measurements every ``every_s`` seconds of the day; ``steps`` counts from midnight, and not while she
    ``lies_still``.
    """
    who = day.resident.character
    start, end = day.episodes[0].start, day.episodes[-1].end
    times = np.arange(start + draw.uniform(0, every_s), end, every_s)
    drift = _wandering(draw, len(times))
    course = np.cos((times - start - _PEAK_H * 3600) / 86400 * 2 * np.pi)
    found, steps = [], 0
    for at, slow, wave in zip(times.tolist(), drift.tolist(), course.tolist(), strict=True):
        activity = day.at(at).activity
        walked = _steps(draw, activity, every_s, who.pace_mps)
        steps += 0 if lies_still(at) else walked
        pulse = who.pulse_bpm + who.pulse_swing_bpm * wave + _EXERTION_BPM[activity] + slow
        asleep = activity is Activity.ASLEEP
        found.append(
            Sample(
                at,
                round(min(180.0, max(38.0, pulse))),
                round(min(100.0, who.spo2_pct - (0.8 if asleep else 0.0) + draw.normal(0, 0.6))),
                round(36.3 + 0.3 * wave + draw.normal(0, 0.08), 1),
                steps,
            )
        )
    return found


def pressures(draw: Draws, day: ResidentDay) -> list[Pressure]:
    """With the cuff, after getting up and before the night, if she thinks of it."""
    found = []
    start = day.episodes[0].start
    for hour in (day.resident.character.wakes_h + 0.5, 19.0):
        at = start + (hour + draw.uniform(0, 0.6)) * 3600
        if day.at(at).room is not None and draw.random() < 0.8:
            systolic = day.resident.character.systolic_mmhg + draw.normal(0, 7)
            found.append(
                Pressure(
                    at=at, systolic_mmhg=round(systolic), diastolic_mmhg=round(systolic * 0.58 + draw.normal(0, 4))
                )
            )
    return found


def _wandering(draw: Draws, count: int) -> np.ndarray:
    """A slow drift without a trend: each value keeps nine tenths of the one before. Standard deviation about 4."""
    drift = np.empty(count)
    last = 0.0
    for index, push in enumerate(draw.normal(0, 1.8, count).tolist()):
        last = 0.9 * last + push
        drift[index] = last
    return drift


def _steps(draw: Draws, activity: Activity, lasts_s: float, pace_mps: float) -> int:
    if activity is Activity.OUT:
        return int(draw.poisson(lasts_s * 0.5 * pace_mps / 0.55))
    if activity in (Activity.ASLEEP, Activity.NAP):
        return 0
    return int(draw.poisson(lasts_s * 0.03))
