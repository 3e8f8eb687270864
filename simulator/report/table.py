"""The report for a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.ledger import Verdict
from simulator.report.moments import clock_time
from simulator.report.summary import Summary

_COLOURS = {
    Verdict.DETECTED: "green",
    Verdict.LATE: "yellow",
    Verdict.MISSED: "bold red",
    Verdict.PENDING: "dim",
    Verdict.NOT_JUDGED: "cyan",
}


def render(summary: Summary) -> RenderableType:
    """Verdicts by hazard, what went wrong and why, and whether the run counts."""
    return Group(*_parts(summary))


def _parts(summary: Summary) -> Iterator[RenderableType]:
    run = summary.run
    yield Text(
        f"{run.scenario}, seed {run.seed}: {run.homes} homes, {run.devices} devices, "
        f"{(run.ended - run.begins) / 3600:.1f} h in {run.machine_s / 60:.1f} min (speed {run.speed:g})"
    )
    yield _by_hazard(summary)
    for finding in summary.findings:
        if finding.verdict in (Verdict.LATE, Verdict.MISSED):
            where = finding.home or "the street"
            yield Text(
                f"{finding.verdict}: {finding.hazard} ({finding.cause}, {where}, {clock_time(finding.known_at)}): "
                f"{finding.why}",
                style=_COLOURS[finding.verdict],
            )
    for loss in summary.lost:
        yield Text(f"lost: {loss.event} of {loss.device}, acknowledged by the broker", style="bold red")
    for double in summary.doubled:
        where = "" if double.incident is None else f" (incident {double.incident})"
        yield Text(f"doubled: {double.what}{where}", style="bold red")
    for one in summary.untold:
        yield Text(f"untold: {one.what} ({one.cause or 'phones'})", style="yellow" if run.harmed else "bold red")
    for label, unexplained in (("false", summary.false), ("own", summary.own)):
        for other in unexplained:
            where = other.device or other.home or "–"
            yield Text(f"{label}: {other.hazard} {where} {clock_time(other.opened_at)}: {other.reason}", style="yellow")
    if summary.latencies:
        yield _latencies(summary)
    for reason in summary.invalid_because:
        yield Text(f"invalid: {reason}", style="bold yellow")
    yield Text("holds" if summary.holds else "does not hold", style="bold green" if summary.holds else "bold red")


def _by_hazard(summary: Summary) -> Table:
    table = Table("hazard", *(verdict.value.replace("_", " ") for verdict in Verdict))
    hazards = sorted({finding.hazard for finding in summary.findings})
    for hazard in hazards:
        row = [hazard.value]
        for verdict in Verdict:
            count = sum(one.hazard is hazard and one.verdict is verdict for one in summary.findings)
            row.append(f"[{_COLOURS[verdict]}]{count}[/]" if count else "")
        table.add_row(*row)
    return table


def _latencies(summary: Summary) -> Table:
    table = Table("seconds from the event until", "count", "p50", "p90", "p99", "p99.9", "highest")
    for name, one in summary.latencies.items():
        figures = (one.p50, one.p90, one.p99, one.p99_9, one.highest)
        table.add_row(name, str(one.count), *(f"{value:.2f}" for value in figures))
    return table
