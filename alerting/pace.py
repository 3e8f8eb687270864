"""How fast a provider may be asked: a bucket that fills by machine time."""

import time
from collections.abc import Callable


class Bucket:
    """Fills with ``per_s`` tokens a second up to ``per_s`` (at least one), and starts full."""

    def __init__(self, per_s: float, *, machine_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._size = max(1.0, per_s)
        self._machine_s = machine_s
        self._left = self._size
        self._seen_s = machine_s()

    @property
    def ready(self) -> int:
        """How many tokens can be taken now."""
        self._fill()
        return int(self._left)

    @property
    def wait_s(self) -> float:
        """Seconds until a token can be taken; 0 if one can be now."""
        self._fill()
        return 0.0 if self._left >= 1 else (1 - self._left) / self._per_s

    def take(self, tokens: int) -> None:
        """Take ``tokens``, of those that were ``ready``."""
        self._fill()
        self._left -= tokens

    def _fill(self) -> None:
        now_s = self._machine_s()
        self._left = min(self._size, self._left + (now_s - self._seen_s) * self._per_s)
        self._seen_s = now_s
