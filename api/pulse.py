"""A hint, shared by all streams of a process, that there may be something new."""

import asyncio


class Pulse:
    """Wakes everybody who waits. A missed beat costs the time of one poll, and nothing else."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def beat(self) -> None:
        """Wake everybody who waits now."""
        woken, self._next = self._next, asyncio.Event()
        woken.set()

    async def wait(self, at_most_s: float) -> None:
        """Return at the next beat, or when the time (machine time) is over."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._next.wait()
        except TimeoutError:
            pass
