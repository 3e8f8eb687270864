"""What one native telemetry message costs to decode, beside what json.loads alone would cost on the same bytes."""

import json
import sys
import timeit
from collections.abc import Callable
from functools import partial

from devices import native

MESSAGES = {
    "telemetry within the contract": (
        b'{"at":1786000000.123,"seq":123456,"lat":30.123456,"lon":114.123456,"accuracy_m":12.5,"speed_mps":0.8,'
        b'"heart_rate_bpm":72,"spo2_pct":97,"steps":1618,"battery_pct":88,"rssi_dbm":-71,"worn":true}'
    ),
    "telemetry with an unknown field and a text time": (
        b'{"at":"2026-08-06T07:06:40Z","seq":123456,"lat":30.123456,"lon":114.123456,"heart_rate_bpm":72,"fw":"1.2"}'
    ),
}
ALARM = b'{"id":"e-1786000000-1","hazard":"sos","at":1786000000.123,"state":"raised","lat":30.1,"lon":114.1}'
ROUNDS, REPEATS = 20_000, 7


def microseconds(work: Callable[[], object]) -> float:
    """The least mean time of one call over several repeats: what the code costs when nobody disturbs it."""
    return min(timeit.repeat(work, number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e6


def compare(name: str, decode: Callable[[bytes], object], payload: bytes) -> None:
    """Print one line: what ``decode`` and json.loads cost on ``payload``."""
    ours, loads = microseconds(partial(decode, payload)), microseconds(partial(json.loads, payload))
    sys.stdout.write(f"{name:<50}{ours:>12.2f}{loads:>16.2f}\n")


def main() -> None:
    """Print one line for each kind of message."""
    sys.stdout.write(f"{'message':<50}{'decoded, us':>12}{'json.loads, us':>16}\n")
    for name, payload in MESSAGES.items():
        compare(name, native.decode_telemetry, payload)
    compare("alarm with a position", native.decode_alarm, ALARM)


if __name__ == "__main__":
    main()
