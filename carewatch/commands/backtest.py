"""`carewatch backtest`: what rules would have found in a recorded history, and how soon after a collapse."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from alerting.recordings import moment, read_recording
from alerting.replay import Collapse, Comparison, collapses, compare, replay
from alerting.rulebook import default_rules, rules_from
from alerting.rules.frame import Finding, Observation, Rule
from alerting.rules.localtime import DAY_S, zone_of
from carewatch.commands.recorded import stored_home
from carewatch.commands.shared import stderr
from devices.model import SignalState

_MONTH_DAYS = 30.0


def backtest(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="CSV `ts,sensor,kind,value`, or readings as JSON lines.", dir_okay=False)
    ] = None,
    household: Annotated[str | None, typer.Option(help="Instead of a file: a home in the database, by code.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="With --household: from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="With --household: up to this time; else all.")] = None,
    rules: Annotated[Path | None, typer.Option(help="A YAML file of rules; without it, the shipped ones.")] = None,
    against: Annotated[Path | None, typer.Option(help="Another version of the rules, to compare with.")] = None,
    timezone: Annotated[str, typer.Option("--tz", help="Local time of the home.")] = "Asia/Shanghai",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
    collapse_at: Annotated[
        list[str] | None, typer.Option(help="Everything later is removed: when would it have alarmed? Repeatable.")
    ] = None,
    stray_per_day: Annotated[
        float, typer.Option(help="Stray firings a day of the motion sensors after a collapse.", min=0, max=1000)
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the stray firings.")] = 1,
) -> None:
    """Replay the recorded history of one home, and say what the rules find.

    With --household the rules are those that hold for that home now, unless --rules names others.

    Kinds: motion, door, contact, location ("lat lon accuracy_m"), steps, worn, or a quantity with its unit, as
    heart_rate_bpm. Times without a zone are local.
    """
    if (file is None) == (household is None):
        raise typer.BadParameter("either a file or --household must be given, not both", param_hint="FILE")
    zone = _zone(timezone)
    first = _rules(rules, timezone)
    second = None if against is None else _rules(against, timezone)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=True) as bar:
        bar.add_task(f"replaying {household if file is None else file.name}")
        if file is not None:
            history = _history(file, zone)
        else:
            span = [None if text is None else moment(text, zone, 0) for text in (start, until)]
            history, stored = stored_home(context, household or "", span[0], span[1])
            first = first if rules is not None else stored
        if collapse_at:
            moments = [moment(text, zone, 0) for text in collapse_at]
            report = _collapses(first, history, moments, stray_per_day, seed, zone)
        else:
            report = _findings(first, second, history, zone)
    out = typer.get_text_stream("stdout")
    if as_json:
        out.write(msgspec.json.encode(report.figures).decode() + "\n")
    else:
        out.write("\n".join(report.lines) + "\n")


class _Report(msgspec.Struct):
    """The same twice: for programs, and for people."""

    figures: dict[str, Any]
    lines: list[str]


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_of(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--tz") from error


def _rules(path: Path | None, timezone: str) -> tuple[Rule, ...]:
    if path is not None:
        return rules_from(path, timezone=timezone)
    return tuple(msgspec.structs.replace(rule, timezone=timezone) for rule in default_rules())


def _history(file: Path, zone: ZoneInfo) -> list[Observation]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            recording = read_recording(lines, zone)
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="FILE") from error
    for kind, count in sorted(recording.passed_over.items()):
        stderr.print(f"{count} lines of kind {kind!r} are not judged", style="yellow", markup=False)
    return recording.observations


def _when(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat(timespec="seconds")


def _as_json(one: Finding, trial: bool, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "hazard": one.hazard.value,
        "state": one.state.value,
        "subject": one.subject,
        "onset": _when(one.onset, zone),
        "found_at": _when(one.found_at, zone),
        "reason": one.reason,
        "trial": trial,
        "evidence": one.evidence,
    }


def _line(one: Finding, trial: bool, zone: ZoneInfo) -> str:
    words = one.evidence.get("explanation", {}).get("en")
    figures = words or ", ".join(f"{name} {value}" for name, value in one.evidence.items() if value is not None)
    cleared = " cleared" if one.state is SignalState.CLEARED else ""
    on_trial = " (on trial)" if trial else ""
    since = f"since {_when(one.onset, zone)}"
    return f"{_when(one.found_at, zone)}  {one.rule}{on_trial}{cleared}: {one.hazard}, {one.reason}, {since}. {figures}"


def _days(history: Sequence[Observation]) -> float:
    return max((history[-1].at - history[0].at) / DAY_S, 1 / 24) if history else 0.0


def _summary(rules: Iterable[Rule], findings: Iterable[Finding], days: float) -> dict[str, dict[str, Any]]:
    """Alarms by rule: how many, and how many in thirty days."""
    counts = Counter(one.rule for one in findings if one.state is SignalState.RAISED)
    return {
        rule.name: {
            "alarms": counts[rule.name],
            "per_30_days": round(counts[rule.name] * _MONTH_DAYS / days, 3) if days else 0.0,
            "trial": rule.trial,
        }
        for rule in rules
        if rule.enabled
    }


def _findings(
    rules: Sequence[Rule], others: Sequence[Rule] | None, history: Sequence[Observation], zone: ZoneInfo
) -> _Report:
    trial = {rule.name: rule.trial for rule in rules}
    findings = replay(rules, history)
    days = _days(history)
    summary = _summary(rules, findings, days)
    figures: dict[str, Any] = {
        "readings": len(history),
        "days": round(days, 3),
        "findings": [_as_json(one, trial[one.rule], zone) for one in findings],
        "rules": summary,
    }
    lines = [_line(one, trial[one.rule], zone) for one in findings]
    lines += ["", f"{len(history)} readings over {days:.1f} days"]
    lines += [
        f"{name}{' (on trial)' if row['trial'] else ''}: {row['alarms']} alarms, {row['per_30_days']:.2f} in 30 days"
        for name, row in summary.items()
        if row["alarms"]
    ]
    if others is not None:
        comparison = compare(findings, replay(others, history))
        figures["comparison"] = _comparison(comparison, zone)
        lines += ["", *_compared(comparison, zone)]
    return _Report(figures, lines)


def _comparison(found: Comparison, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "both": [
            {"first": _as_json(one, False, zone), "second": _as_json(other, False, zone)} for one, other in found.both
        ],
        "only_first": [_as_json(one, False, zone) for one in found.only_first],
        "only_second": [_as_json(one, False, zone) for one in found.only_second],
    }


def _compared(found: Comparison, zone: ZoneInfo) -> list[str]:
    earlier = [(one.found_at - other.found_at) / 60 for one, other in found.both]
    lines = [
        f"Both versions: {len(found.both)} alarms"
        + (f"; the second on average {mean(earlier):+.0f} minutes earlier" if earlier else ""),
        f"Only the first version: {len(found.only_first)} (missed by the second)",
        *(f"  {_line(one, False, zone)}" for one in found.only_first),
        f"Only the second version: {len(found.only_second)} (called more often)",
        *(f"  {_line(one, False, zone)}" for one in found.only_second),
    ]
    return lines


def _collapses(
    rules: Sequence[Rule],
    history: Sequence[Observation],
    moments: Sequence[float],
    stray_per_day: float,
    seed: int,
    zone: ZoneInfo,
) -> _Report:
    trial = {rule.name: rule.trial for rule in rules}
    found = collapses(rules, history, moments, stray_per_day=stray_per_day, seed=seed)
    rows = [_collapse(one, trial, zone) for one in found]
    lines: list[str] = []
    for one, row in zip(found, rows, strict=True):
        lines.append(f"Collapse at {row['collapse_at']}:")
        lines += [f"  {_outcome(name, one, trial, zone)}" for name in one.alarms if _speaks(name, one)]
        if not any(_speaks(name, one) for name in one.alarms):
            lines.append("  no alarm")
    return _Report({"collapses": rows, "stray_per_day": stray_per_day, "seed": seed}, lines)


def _speaks(name: str, one: Collapse) -> bool:
    return one.alarms[name] is not None or name in one.running


def _first_alarm(name: str, one: Collapse) -> tuple[float | None, bool]:
    """When the rule alarmed (None: never), and whether it had done so before."""
    if name in one.running:
        return one.at, True
    alarm = one.alarms[name]
    return (None if alarm is None else alarm.found_at), False


def _collapse(one: Collapse, trial: dict[str, bool], zone: ZoneInfo) -> dict[str, Any]:
    """By rule, and the first alarm of all that are not on trial."""
    by_rule: dict[str, Any] = {}
    for name, alarm in one.alarms.items():
        at, before = _first_alarm(name, one)
        by_rule[name] = {
            "alarm_at": None if at is None else _when(at, zone),
            "delay_s": None if at is None else round(at - one.at, 1),
            "raised_before": before,
            "trial": trial[name],
            "reason": None if alarm is None else alarm.reason,
            "evidence": None if alarm is None else alarm.evidence,
        }
    first = min(
        ((row["delay_s"], name) for name, row in by_rule.items() if row["delay_s"] is not None and not row["trial"]),
        default=(None, None),
    )
    return {
        "collapse_at": _when(one.at, zone),
        "alarm_at": by_rule[first[1]]["alarm_at"] if first[1] is not None else None,
        "delay_s": first[0],
        "rule": first[1],
        "rules": by_rule,
    }


def _outcome(name: str, one: Collapse, trial: dict[str, bool], zone: ZoneInfo) -> str:
    on_trial = " (on trial)" if trial[name] else ""
    if name in one.running:
        return f"{name}{on_trial}: had alarmed already, at {_when(one.running[name].found_at, zone)}"
    alarm = one.alarms[name]
    assert alarm is not None
    minutes = round((alarm.found_at - one.at) / 60)
    words = alarm.evidence.get("explanation", {}).get("en", alarm.reason)
    return f"{name}{on_trial}: {_when(alarm.found_at, zone)}, {minutes // 60} h {minutes % 60:02d} min later. {words}"
