"""The report of a load for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.load.recorder import Latencies
from simulator.load.run import LoadSummary


def render(summary: LoadSummary) -> RenderableType:
    """Rates and latencies by phase; all latencies count from the planned time."""
    report = summary.report
    table = Table("phase", "per s", "lag p99", "busy", "PUBACK p50/p99", "stored", "notified")
    for phase in report.phases:
        table.add_row(
            phase.kind.replace("_", " "),
            f"{phase.per_s:.0f}",
            "" if phase.generator_lag is None else f"{phase.generator_lag.p99_ms:.1f} ms",
            f"{phase.generator_busy:.0%}",
            _said(phase.acknowledged),
            _said(phase.stored),
            _said(phase.notified),
        )
    wrong = [
        Text(f"{phase.kind.replace('_', ' ')}: {reason}", style="yellow")
        for phase in report.phases
        for reason in (phase.bottleneck, f"{phase.unanswered} alarms unanswered" if phase.unanswered else "")
        if reason
    ]
    return Group(
        Text(
            f"{report.devices} connections from {report.processes} processes, {report.connects_per_s:.0f} connects/s, "
            f"{report.kib_a_device:.1f} KiB each; {report.connections_lost} lost, {report.resent} alarms sent again"
        ),
        table,
        *wrong,
        Text(
            f"behind by {summary.drain_s:.1f} s at the end: " + ("kept up" if summary.keeps_up else "did not keep up")
        ),
        Text("valid" if summary.valid else "invalid: the generator was the bottleneck", style="bold"),
    )


def _said(latencies: Latencies | None) -> str:
    if latencies is None:
        return ""
    return f"{latencies.p50_ms:.0f}/{latencies.p99_ms:.0f} ms"
