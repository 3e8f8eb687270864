"""Care time for stories and simulations: a clock set by hand, and one that runs faster than the world.

Both are a :class:`domain.clock.Clock`.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from simulator.errors import TimeWentBackwards

# Turns of the event loop granted to those just woken, so that a chain of coroutines without I/O comes to rest.
_TURNS_TO_REST = 100


class HandSetClock:
    """Care time that stands still until a story moves it, and then stops at every moment somebody waits for.

    Sleepers wake in the order of their moments, and of their coming for the same moment; each sees ``now()`` equal
    to its own moment and may go back to sleep for a later one within the same advance. After every stop the event
    loop gets some turns, and those registered with :meth:`settle_with` are awaited, before the clock goes on.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._arrivals = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._settlers: list[Callable[[], Awaitable[bool]]] = []

    def now(self) -> datetime:
        """The moment the clock was last set to, as aware UTC."""
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        """Return once the clock has been moved to ``moment`` or beyond; at once if it is there."""
        if moment <= self._now:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (moment, next(self._arrivals), woken))
        await woken

    def settle_with(self, settle: Callable[[], Awaitable[bool]]) -> None:
        """Await ``settle()`` after every stop: it returns when its owner rests, and whether it had been at work.

        Meant for work that needs real I/O, which turns of the event loop alone do not bring to rest. All are asked
        again until none had been at work, as one's work may set another going.
        """
        self._settlers.append(settle)

    async def advance(self, by: timedelta) -> None:
        """Move on by ``by``, zero or more, waking everybody due on the way."""
        await self.advance_to(self._now + by)

    async def advance_to(self, moment: datetime) -> None:
        """Move on to ``moment``, waking everybody due on the way; raises TimeWentBackwards for a moment in the past."""
        if moment < self._now:
            raise TimeWentBackwards(self._now, moment)
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= moment:
            self._now = max(self._now, self._sleepers[0][0])
            self._wake_due()
            await self._settle()
        self._now = moment
        await self._settle()

    def next_due(self) -> datetime | None:
        """The earliest moment somebody waits for; None when nobody does."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake_due(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)

    async def _settle(self) -> None:
        at_work = True
        while at_work:
            for _ in range(_TURNS_TO_REST):
                await asyncio.sleep(0)
            at_work = any([await settle() for settle in self._settlers])


class AcceleratedClock:
    """Care time that runs ``speed`` times as fast as the machine's monotonic clock; with speed 1, real time.

    ``start`` is the care time at construction; by default the machine's wall clock is read once for it.
    """

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._speed = speed
        self._start = (start or datetime.now(UTC)).astimezone(UTC)
        self._started_s = time.monotonic()

    def now(self) -> datetime:
        """The present moment of care time, as aware UTC."""
        return self._start + timedelta(seconds=(time.monotonic() - self._started_s) * self._speed)

    async def sleep_until(self, moment: datetime) -> None:
        """Return once care time has reached ``moment``; at once if it already has."""
        left = moment - self.now()
        while left > timedelta(0):
            await asyncio.sleep(left.total_seconds() / self._speed)
            left = moment - self.now()
