"""Every benchmark, one after the other: ``make bench``. Each can be run by itself, with its options."""

import subprocess
import sys

_ALL = (
    "mqtt_codec",
    "decode",
    "ingest_flood",
    "filling",
    "alarm_latency",
    "presses",
    "desk",
    "engine_cycle",
    "absence_loop",
    "rules",
    "rules_price",
    "backtest_homes",
    "import_homes",
    "fleet",
)


def main() -> int:
    """Run them all; the exit code is the number of those that failed."""
    failed = 0
    for name in _ALL:
        print(f"\n== python -P -m benchmarks.{name}", flush=True)
        failed += subprocess.run([sys.executable, "-P", "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
