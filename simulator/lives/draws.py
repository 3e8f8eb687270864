"""Random draws that depend on a seed and a name only, never on what was drawn before for somebody else."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draws = np.random.Generator


def draws(seed: int, *path: str | int) -> Draws:
    """The generator of ``path`` (a home, a day, a purpose) under ``seed``: the same one, whoever asks and when.

    So a home lives the same day in a village of five as in a city of thousands.
    """
    name = "/".join(map(str, (seed, *path))).encode()
    return np.random.Generator(np.random.PCG64(int.from_bytes(blake2b(name, digest_size=16).digest(), "big")))


def moments(draw: Draws, start: float, end: float, per_hour: float) -> Floats:
    """Moments of a Poisson process between ``start`` and ``end`` (seconds), in order."""
    if end <= start or per_hour <= 0:
        return np.empty(0)
    count = int(draw.poisson((end - start) / 3600 * per_hour))
    return np.sort(draw.uniform(start, end, count))


def between(draw: Draws, mean: float, spread: float, lowest: float, highest: float) -> float:
    """A normal draw, held between ``lowest`` and ``highest``."""
    return float(np.clip(draw.normal(mean, spread), lowest, highest))


def apart(sorted_moments: Floats, at_least_s: float) -> Floats:
    """Those of ``sorted_moments`` that come ``at_least_s`` after the last one kept: a sensor with a blind time."""
    kept: list[float] = []
    for moment in sorted_moments.tolist():
        if not kept or moment - kept[-1] >= at_least_s:
            kept.append(moment)
    return np.array(kept)
