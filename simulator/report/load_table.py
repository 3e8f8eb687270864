"""The report of a load for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.load.recorder import Latencies
from simulator.load.run import LoadSummary


def render(summary: LoadSummary) -> RenderableType:
    """Rates and latencies by phase; all latencies count from the planned time."""
    report = summary.report
    table = Table("phase", "per s", "lag p99", "busy", "PUBACK p50/p99", "stored", "notified", "behind")
    for phase, behind_s in zip(report.phases, summary.behind_s, strict=True):
        table.add_row(
            phase.kind.replace("_", " "),
            f"{phase.per_s:.0f}",
            "" if phase.generator_lag is None else f"{phase.generator_lag.p99_ms:.1f} ms",
            f"{phase.generator_busy:.0%}",
            _said(phase.acknowledged),
            _said(phase.stored),
            _said(phase.notified),
            "" if behind_s is None else f"{behind_s:.1f} s",
        )
    wrong = [
        Text(f"{phase.kind.replace('_', ' ')}: {phase.unanswered} alarms unanswered", style="yellow")
        for phase in report.phases
        if phase.unanswered
    ]
    wrong += [Text(f"invalid: {reason}", style="bold yellow") for reason in summary.invalid_because]
    return Group(
        Text(
            f"{report.devices} connections from {report.processes} processes, {report.connects_per_s:.0f} connects/s, "
            f"{report.kib_a_device:.1f} KiB each; {report.connections_lost} lost, {report.resent} alarms sent again"
        ),
        table,
        Text(
            f"behind by {summary.drain_s:.1f} s at the end: " + ("kept up" if summary.keeps_up else "did not keep up")
        ),
        *wrong,
        Text("holds" if summary.holds else "does not hold", style="bold green" if summary.holds else "bold red"),
    )


def _said(latencies: Latencies | None) -> str:
    if latencies is None:
        return ""
    return f"{latencies.p50_ms:.0f}/{latencies.p99_ms:.0f} ms"
