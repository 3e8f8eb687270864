"""What can go wrong at the provider, switchable at run time."""

import time
from collections.abc import Callable
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """Ways in which the provider's REST interface fails."""

    SLOW = "slow"
    """It answers ``delay_s`` late (machine time)."""
    RATE_LIMITED = "rate_limited"
    """It answers 429 with code 20429, and does nothing."""
    SERVER_ERROR = "server_error"
    """It answers ``status`` (500 by default), and does nothing."""
    SILENT = "silent"
    """It takes the connection and the request, does nothing, and never answers."""
    ANSWER_LOST = "answer_lost"
    """It does what it was asked, and the connection breaks before the answer."""


class Resource(StrEnum):
    """The parts of the REST interface that a fault can be confined to."""

    CALLS = "Calls"
    MESSAGES = "Messages"


class Fault(msgspec.Struct, kw_only=True):
    """One thing that goes wrong; ``times`` requests long, or until it is cleared."""

    kind: FaultKind
    on: Resource | None = None
    """Only requests for this resource; None is all of them."""
    method: str | None = None
    """Only requests with this HTTP method; None is all of them."""
    times: int | None = None
    delay_s: float = 0.0
    status: int = 500

    def takes(self, path: str, method: str) -> bool:
        """Whether this fault concerns a request, and still has strength for it; if so, one of ``times`` is used up."""
        if self.times == 0 or self.method not in (None, method):
            return False
        if self.on is not None and f"/{self.on}" not in path:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Mischief(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with the call-backs on their way to the platform."""

    repeats: int = 0
    """Each is delivered this many more times."""
    late_s: float = 0.0
    """Each is delivered this late (care time); its Timestamp stays true."""
    reverse: bool = False
    """Those of one call or message are held back until its end and then delivered newest first."""
    forged: bool = False
    """Each is preceded by one that claims the best possible news and carries a signature that does not fit."""
    lost: bool = False
    """None is delivered at all."""


class RateLimit:
    """A bucket of requests that fills with ``per_s`` a second of machine time, up to ``burst``."""

    def __init__(self, per_s: float, burst: int = 1, machine_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._machine_s = machine_s
        self._left = float(burst)
        self._seen_s = machine_s()

    def allows(self) -> bool:
        """Whether one more request fits now; if so, it is counted."""
        now_s = self._machine_s()
        self._left = min(self._burst, self._left + (now_s - self._seen_s) * self._per_s)
        self._seen_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
