"""`carewatch backtest`: findings with time and reason, two versions side by side, and a collapse."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fixtures.quiet_home import lives
from typer.testing import CliRunner

from alerting.errors import BadRecording
from alerting.rules.spec import RulesFault
from carewatch.__main__ import app

RULES = """
- {name: quiet, kind: silence, hazard: inactivity, day_s: 10800, night_s: 36000, left_s: 43200}
- {name: patient, kind: silence, hazard: inactivity, day_s: 21600, night_s: 36000, left_s: 43200, trial: true}
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of a plain life, with a hole of five hours on the last afternoon."""
    start = datetime(2026, 6, 1)  # noqa: DTZ001  # local on purpose: the file states no zone
    file = tmp_path_factory.mktemp("history") / "home.csv"
    rows = ["sensor,ts,value,kind"]
    first = lives(1)[0].at // 86400 * 86400 - 8 * 3600
    for one in lives(10):
        day, second = divmod(one.at - first, 86400)
        if day == 9 and 13 * 3600 < second < 18 * 3600:
            continue
        kind, value = ("motion", "ON") if one.reading.motion else ("door", "OPEN")
        rows.append(f"{one.source},{(start + timedelta(seconds=one.at - first)).isoformat()},{value},{kind}")
    file.write_text("\n".join(rows) + "\n")
    return file


def run(*arguments: str | Path, code: int = 0) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["backtest", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout


def rules(folder: Path, text: str = RULES, name: str = "rules.yaml") -> Path:
    """A file of rules."""
    file = folder / name
    file.write_text(text)
    return file


def test_findings_are_told_with_time_rule_and_reason(history: Path, tmp_path: Path) -> None:
    """The hole on the last afternoon, by the rule that waits for three hours only."""
    said = json.loads(run(history, "--rules", rules(tmp_path), "--json"))
    raised = [one for one in said["findings"] if one["state"] == "raised"]
    assert [(one["rule"], one["reason"]) for one in raised] == [("quiet", "no_motion")]
    assert raised[0]["found_at"].endswith("+08:00")
    assert said["rules"]["patient"] == {"alarms": 0, "per_30_days": 0.0, "trial": True}
    text = run(history, "--rules", rules(tmp_path))
    assert "quiet: inactivity, no_motion, since 2026-06-" in text


def test_two_versions_are_compared_alarm_by_alarm(history: Path, tmp_path: Path) -> None:
    """A version that waits for longer misses the hole; one that waits for less finds it earlier."""
    now = rules(tmp_path)
    slower = rules(tmp_path, RULES.replace("10800", "25200"), "slower.yaml")
    missed = json.loads(run(history, "--rules", now, "--against", slower, "--json"))["comparison"]
    assert (len(missed["both"]), len(missed["only_first"]), len(missed["only_second"])) == (0, 1, 0)
    faster = rules(tmp_path, RULES.replace("10800", "9000"), "faster.yaml")
    text = run(history, "--rules", now, "--against", faster)
    assert "Both versions: 1 alarms; the second on average +30 minutes earlier" in text


def test_a_collapse_removes_what_came_later(history: Path, tmp_path: Path) -> None:
    """Three hours after the last firing before it, whatever the file says of later hours."""
    arguments: tuple[Any, ...] = (history, "--rules", rules(tmp_path), "--collapse-at", "2026-06-05T15:00", "--json")
    (found,) = json.loads(run(*arguments))["collapses"]
    assert found["rule"] == "quiet"
    assert 2.5 * 3600 < found["delay_s"] <= 3 * 3600
    assert found["rules"]["patient"]["delay_s"] > found["delay_s"]
    (among,) = json.loads(run(*arguments, "--stray-per-day", "100"))["collapses"]
    assert among["delay_s"] is None or among["delay_s"] > found["delay_s"]
    assert json.loads(run(*arguments, "--stray-per-day", "100"))["collapses"] == [among]


def test_the_shipped_rules_say_why_in_words(history: Path) -> None:
    """Without a file of rules."""
    text = run(history, "--collapse-at", "2026-06-05T15:00")
    assert "inactivity: 2026-06-05T" in text
    assert "No sign of life since" in text


def test_what_is_wrong_is_told_with_its_line(history: Path, tmp_path: Path) -> None:
    """In the history, in the rules, in the time."""
    broken = tmp_path / "broken.csv"
    broken.write_text("ts,sensor,kind,value\n2026-06-01T08:00,m,motion,perhaps\n")
    result = CliRunner().invoke(app, ["backtest", str(broken)])
    assert isinstance(result.exception, BadRecording)
    assert "line 2" in str(result.exception)
    result = CliRunner().invoke(app, ["backtest", str(history), "--rules", str(rules(tmp_path, "- {name: x}\n"))])
    assert isinstance(result.exception, RulesFault)
    run(history, "--tz", "Mars/Olympus", code=2)
