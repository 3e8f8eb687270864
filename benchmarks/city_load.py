"""The highest telemetry rate at which nothing falls behind, and what becomes of alarms at half, once and twice of it.

``python -P -m benchmarks.city_load [--probe | --rate PER_S] [--processes N]``, alone on the machine: runs ``carewatch
simulate`` with the shipped ``city-load`` (its devices, its share of alarms) under a staircase of rates, takes the
highest step at which nothing fell behind, and holds a fifth less for 300 s; then prints a table and one JSON object.
``--probe`` stops after the staircase (2 minutes), ``--rate`` leaves it out. Exits with 1 if the rate did not hold.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from carewatch.embedded.processes import dying_with_parent
from simulator.load.run import KEEPS_UP_WITHIN_S
from simulator.scenario import Phase, load

STEPS_PER_S: Final = (2000, 3000, 4000, 5000, 6000, 7000, 8000, 10_000)
STEP_S: Final = 8.0
BEHIND_S: Final = 1.2
"""What falls behind by a tenth has fallen back by as much after a step, beside the half second that a look takes."""
HELD_S: Final = 300.0
MARGIN: Final = 0.8
SHARES: Final = ((0.5, 60.0), (1.0, HELD_S), (2.0, 60.0))
_RUN_WITHIN_S: Final = 1500.0


def simulate(phases: Sequence[Phase], processes: int) -> dict[str, Any]:
    """The report of ``city-load`` with other phases."""
    city = load("city-load")
    assert city.load is not None
    changed = city.model_copy(update={"load": city.load.model_copy(update={"phases": list(phases)})})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "city-load.yaml"
        file.write_text(yaml.safe_dump(changed.model_dump(mode="json", exclude_none=True)), "utf-8")
        words = ["simulate", str(file), "--embedded", "--json", "--processes", str(processes)]
        done = subprocess.run(
            [*dying_with_parent(signal.SIGTERM), sys.executable, "-P", "-m", "carewatch", *words],
            stdout=subprocess.PIPE,
            text=True,
            timeout=_RUN_WITHIN_S,
            check=False,
        )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def phase(per_s: float, for_s: float, kind: str = "steady") -> Phase:
    """``per_s`` readings a second, and alarms in the proportion of the scenario."""
    city = load("city-load")
    assert city.load is not None
    one = next(each for each in city.load.phases if each.kind == "steady")
    alarms_per_s = per_s * one.alarms_per_s / one.telemetry_per_s
    return Phase.model_validate({"kind": kind, "for_s": for_s, "telemetry_per_s": per_s, "alarms_per_s": alarms_per_s})


def probe(processes: int) -> float:
    """The highest step at which nothing fell behind; 0 if there is none."""
    found = simulate([phase(per_s, STEP_S) for per_s in STEPS_PER_S], processes)
    show(found)
    highest = 0.0
    for per_s, behind_s, one in zip(STEPS_PER_S, found["behind_s"], found["report"]["phases"], strict=True):
        if one["bottleneck"] or behind_s is None or behind_s > BEHIND_S:
            break
        highest = per_s
    print(f"highest step at which nothing fell behind: {highest:.0f}/s", flush=True)
    return highest


def hold(per_s: float, processes: int) -> dict[str, Any]:
    """Half of ``per_s``, all of it for 300 s, twice of it."""
    ramp = phase(per_s * SHARES[0][0], 10.0, "ramp_up")
    found = simulate([ramp, *(phase(per_s * share, for_s) for share, for_s in SHARES)], processes)
    show(found)
    return found


def show(found: dict[str, Any]) -> None:
    """A line for each phase. Alarms count from the planned time until stored, and until somebody is being called."""
    for one, behind_s in zip(found["report"]["phases"], found["behind_s"], strict=True):
        stored, notified = (_said(one[stage]) for stage in ("stored", "notified"))
        print(
            f"{one['per_s']:8.0f}/s for {one['seconds']:.0f} s: behind {behind_s} s; alarms stored {stored}, "
            f"notified {notified} (p50/p99/p99.9 ms); unanswered {one['unanswered']}; "
            f"generator {one['generator_busy']:.0%} {one['bottleneck']}",
            flush=True,
        )


def _said(latencies: dict[str, Any] | None) -> str:
    if latencies is None:
        return "–"
    return "/".join(f"{latencies[name]:.0f}" for name in ("p50_ms", "p99_ms", "p99_9_ms"))


def main() -> int:
    """Search, hold, show."""
    asked = argparse.ArgumentParser(description="The load of a city: how much is held, and how fast alarms are then.")
    asked.add_argument("--probe", action="store_true", help="only search")
    asked.add_argument("--rate", type=float, help="readings a second to hold, without a search")
    asked.add_argument("--processes", type=int, default=1, help="generators")
    said = asked.parse_args()
    per_s = said.rate or probe(said.processes) * MARGIN
    if said.probe or not per_s:
        return 0 if per_s else 1
    found = hold(per_s, said.processes)
    index = 1 + [share for share, _ in SHARES].index(1.0)  # behind the ramp
    held, behind_s = found["report"]["phases"][index], found["behind_s"][index]
    holds = not held["bottleneck"] and not held["unanswered"] and behind_s is not None
    holds = holds and behind_s <= KEEPS_UP_WITHIN_S
    print(f"{per_s:.0f}/s for {HELD_S:.0f} s: {'held' if holds else 'not held'}")
    print(json.dumps(found))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
