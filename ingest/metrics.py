"""What ingest counts and measures, for ``/metrics``."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

MESSAGES: Final = Counter("carewatch_ingest_messages", "Messages received from the broker", ["lane"])
READINGS: Final = Counter("carewatch_ingest_readings", "Readings committed, repeats included", ["lane"])
ALARMS: Final = Counter(
    "carewatch_ingest_alarms", "Alarms committed, by hazard and what became of them", ["hazard", "as"]
)
QUARANTINED: Final = Counter("carewatch_ingest_quarantined", "Messages put into quarantine", ["reason"])
RECEIPTS: Final = Counter("carewatch_ingest_receipts", "Receipts 'stored' sent to devices")
SESSIONS: Final = Counter("carewatch_ingest_sessions", "Sessions with the broker begun", ["lane"])
WAITING: Final = Gauge("carewatch_ingest_waiting", "Messages received and not yet acknowledged", ["lane"])
DEVICES: Final = Gauge("carewatch_ingest_devices", "Devices in the registry in memory", ["lane"])
COMMIT_S: Final = Histogram(
    "carewatch_ingest_commit_seconds",
    "From receipt to commit",
    ["path"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
