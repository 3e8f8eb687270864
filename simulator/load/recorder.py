"""Latencies as HdrHistograms: microseconds, three significant figures, mergeable over processes."""

from array import array
from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from hdrh.histogram import HdrHistogram

_HIGHEST_US: Final = 3_600_000_000
_FIGURES: Final = 3
_PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9, 99.99)


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_9_ms: float
    p99_99_ms: float
    highest_ms: float


class Recorder:
    """Takes seconds; builds its histogram when asked, so that recording costs next to nothing."""

    def __init__(self) -> None:
        self._waiting = array("d")
        self._histogram = HdrHistogram(1, _HIGHEST_US, _FIGURES)

    def record(self, seconds: float) -> None:
        """One latency; below a microsecond it counts as one."""
        self._waiting.append(seconds)

    def encoded(self) -> bytes:
        """The histogram in HdrHistogram's own exchange format."""
        self._settle()
        coded: bytes = self._histogram.encode()
        return coded

    def add(self, encoded: bytes) -> None:
        """Take in what another process recorded."""
        self._settle()
        self._histogram.decode_and_add(encoded)

    @property
    def count(self) -> int:
        """How many latencies there are."""
        self._settle()
        return int(self._histogram.get_total_count())

    def percentile_s(self, share: float) -> float:
        """The latency that ``share`` per cent did not exceed, in seconds; 0 for none."""
        self._settle()
        return float(self._histogram.get_value_at_percentile(share)) / 1e6

    def latencies(self) -> Latencies | None:
        """The percentiles; None if there is nothing."""
        if not self.count:
            return None
        p50, p90, p99, p99_9, p99_99 = (round(self.percentile_s(share) * 1000, 3) for share in _PERCENTILES)
        return Latencies(
            count=self.count,
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            p99_9_ms=p99_9,
            p99_99_ms=p99_99,
            highest_ms=round(self._histogram.get_max_value() / 1000, 3),
        )

    def _settle(self) -> None:
        if not self._waiting:
            return
        microseconds = np.clip(np.frombuffer(self._waiting, dtype=np.float64) * 1e6, 1, _HIGHEST_US - 1)
        values, counts = np.unique(np.rint(microseconds).astype(np.int64), return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._histogram.record_value(value, count)
        self._waiting = array("d")


def merged(parts: Iterable[bytes]) -> Recorder:
    """One recorder from encoded ones."""
    whole = Recorder()
    for part in parts:
        whole.add(part)
    return whole
