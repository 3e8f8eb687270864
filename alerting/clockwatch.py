"""The loop that compares two clocks: the database server's on the wall, and this machine's monotonic one."""

from datetime import datetime, timedelta
from typing import Final, Protocol

from alerting.platform import Trouble, report
from store.pool import Database

EVERY: Final = timedelta(seconds=5)
TOLERANCE_S: Final = 2.0
"""Source: DESIGN, invariant 7."""


class Compared(Protocol):
    """A clock that knows how far the wall clock has left the monotonic one since somebody last took note of it."""

    @property
    def drift_s(self) -> float:
        """Seconds, positive where the wall clock went ahead."""
        ...

    def note_drift(self, drift_s: float) -> None:
        """Somebody has taken note of so much of it."""
        ...


class ClockWatch:
    """Reports a jump of the wall clock as trouble of the platform."""

    def __init__(self, clock: Compared) -> None:
        self._clock = clock

    async def turn(self, database: Database, now: datetime) -> datetime:
        """Look at how far the clocks are apart, again after :data:`EVERY`."""
        drift_s = self._clock.drift_s
        if abs(drift_s) > TOLERANCE_S:
            async with database.transaction() as connection:
                await report(connection, Trouble.CLOCK_JUMPED, {"drift_s": round(drift_s, 3)}, now=now)
            self._clock.note_drift(drift_s)
        return now + EVERY
