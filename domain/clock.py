"""Care time: the clock that rules, deadlines and links obey. Always passed in, never read from the machine here."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Care time. In production the database server's clock; in tests and simulation set by hand or accelerated.

    Machine time (leases, keep-alives, back-off, provider time-outs) is not this: it is ``time.monotonic`` at the edge.
    """

    def now(self) -> datetime:
        """The present moment as aware UTC."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return once ``now()`` has reached ``moment`` (aware UTC); at once if it already has."""
        ...
