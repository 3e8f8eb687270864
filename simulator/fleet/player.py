"""Plays deeds at their moments of care time, however late it finds itself: and says how late that was."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from domain.clock import Clock
from simulator.fleet.deeds import Deed
from simulator.fleet.fleet import Fleet

_AHEAD_S = 0.002
_AT_ONCE = 100


@dataclass(slots=True)
class Lag:
    """How late deeds were done, in seconds of care time."""

    late_s: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The lag that ``share`` per cent of deeds did not exceed; 0 for none."""
        return float(np.percentile(self.late_s, share)) if self.late_s else 0.0


async def play(
    deeds: Iterable[Deed], fleet: Fleet, clock: Clock, lag: Lag, progress: Callable[[float], None] = lambda at: None
) -> None:
    """Do ``deeds``, which are in order of time, each when ``clock`` has reached its moment."""
    for done, deed in enumerate(deeds):
        if done % _AT_ONCE == 0:
            await asyncio.sleep(0)  # let the connections breathe, however late it is
        now = clock.now().timestamp()
        if deed.at > now + _AHEAD_S:
            progress(now)
            await clock.sleep_until(datetime.fromtimestamp(deed.at, UTC))
            now = clock.now().timestamp()
        lag.late_s.append(max(0.0, now - deed.at))
        fleet.do(deed)
