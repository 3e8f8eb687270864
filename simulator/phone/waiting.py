"""Waiting for states, in care time and in machine time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from domain.clock import Clock
from simulator.errors import NothingCame

Found = TypeVar("Found")


class Changes:
    """Tells those who wait for a state that something has changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def tell(self) -> None:
        """Let everybody waiting look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(
        self, look: Callable[[], Found | None], *, awaited: str, within_s: float, instead: Callable[[], str]
    ) -> Found:
        """Return what ``look()`` finds, looking again after each change; raises NothingCame after ``within_s``.

        ``within_s`` is machine time. ``instead()`` tells what there was, for the error.
        """
        deadline_s = time.monotonic() + within_s
        while not (found := look()):
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, deadline_s - time.monotonic()))
            except TimeoutError:
                raise NothingCame(awaited, within_s, instead()) from None
        return found


async def first_of(*contenders: Coroutine[Any, Any, object]) -> None:
    """Run all until one ends, and cancel the rest; an exception in one that ended is raised."""
    tasks = [asyncio.ensure_future(contender) for contender in contenders]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def happens_by(event: asyncio.Event, clock: Clock, moment: datetime) -> bool:
    """Whether ``event`` is set before care time reaches ``moment``; returns as soon as that is known."""
    if not event.is_set():
        await first_of(event.wait(), clock.sleep_until(moment))
    return event.is_set()
