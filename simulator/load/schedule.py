"""When what is to be sent: an open-loop schedule, fixed before the first message and never bent to what happens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.lives.draws import Floats
from simulator.scenario import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One phase: seconds from its beginning at which each message is to be sent, in order."""

    phase: Phase
    telemetry_s: Floats
    alarms_s: Floats


def schedule(phases: Sequence[Phase], share: float = 1.0) -> list[Planned]:
    """The send times of all phases, for a process that does ``share`` of the work.

    A ramp rises evenly from the rate before it; all other phases keep their rate. Messages are evenly spaced, so that
    a rate is a rate in every millisecond, and bursts are where the scenario says.
    """
    found, before, alarms_before = [], 0.0, 0.0
    for phase in phases:
        ramp = phase.kind == "ramp_up"
        found.append(
            Planned(
                phase=phase,
                telemetry_s=_times(before * ramp, phase.telemetry_per_s, phase.for_s, share, rising=ramp),
                alarms_s=_times(alarms_before * ramp, phase.alarms_per_s, phase.for_s, share, rising=ramp),
            )
        )
        before, alarms_before = phase.telemetry_per_s, phase.alarms_per_s
    return found


def _times(first_per_s: float, last_per_s: float, for_s: float, share: float, *, rising: bool) -> Floats:
    """Where the integral of the rate passes 1, 2, 3 …"""
    first, last = first_per_s * share, last_per_s * share
    if not rising:
        return np.linspace(0.5, int(last * for_s) - 0.5, int(last * for_s)) / last if last > 0 else np.empty(0)
    seconds = np.linspace(0, for_s, 2001)
    sent = first * seconds + (last - first) * seconds**2 / (2 * for_s)
    times: Floats = np.interp(np.arange(int(sent[-1])) + 0.5, sent, seconds)
    return times
