"""The judge at work: a short accelerated day, and a short one in which processes die; real broker, real database."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from carewatch.supervise import OWN_COMMAND
from simulator.causes.truth import told
from simulator.plot import devise
from simulator.scenario import load

HERE = Path(__file__).parent


def _carewatch(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """Run a command; returns its exit code, what it printed, and what it said beside."""
    done = subprocess.run(
        [*OWN_COMMAND, *words], capture_output=True, text=True, cwd=tmp_path, timeout=900, check=False
    )
    return done.returncode, done.stdout, done.stderr


def _report(tmp_path: Path, *words: str) -> dict[str, Any]:
    code, printed, said = _carewatch(tmp_path, *words, "--json")
    assert printed, said
    report: dict[str, Any] = json.loads(printed)
    assert code == (0 if report["holds"] else 1)
    return report


@pytest.mark.timeout(900)
def test_a_short_day_is_valid_and_nothing_is_missed_lost_doubled_or_false(tmp_path: Path) -> None:
    page = tmp_path / "day.html"
    report = _report(tmp_path, "simulate", str(HERE / "short-day.yaml"), "--embedded", "--html", str(page))
    wrong = {name: report[name] for name in ("invalid_because", "lost", "doubled", "false")}
    assert wrong == {"invalid_because": [], "lost": [], "doubled": [], "false": []}
    assert [one for one in report["findings"] if one["verdict"] == "missed"] == []
    assert (report["holds"], report["detected"] + report["late"], report["not_judged"]) == (True, 9, 0)
    assert report["counts"]["acknowledged"] == report["counts"]["published"] > 300
    assert "heart" in page.read_text("utf-8")


@pytest.mark.timeout(900)
def test_no_acknowledged_alarm_is_lost_while_processes_are_killed(tmp_path: Path) -> None:
    report = _report(tmp_path, "chaos", str(HERE / "short-chaos.yaml"), "--kills", "10")
    assert (report["lost"], report["doubled"], report["missed"]) == ([], [], 0)
    assert report["detected"] + report["late"] == 10
    assert report["run"]["harmed"]
    assert report["holds"]


def test_the_ledger_of_causes_can_be_had_without_a_run_and_is_the_same_every_time(tmp_path: Path) -> None:
    file = str(HERE / "short-day.yaml")
    code, printed, _ = _carewatch(tmp_path, "simulate", file, "--causes")
    assert code == 0
    assert printed.encode() == told(list(devise(load(file)).causes))


def test_a_scenario_that_cannot_be_is_refused_with_file_field_and_value(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("{name: wrong, about: x, lasts_h: 1, homes: 1, emergencies: [{kind: flood, count: 1}]}")
    code, _, said = _carewatch(tmp_path, "simulate", str(wrong), "--embedded")
    assert code == 1
    assert "emergencies.0.kind: 'flood'" in " ".join(said.split())
