"""The report as one page of HTML, with its plots and what draws them: plotly's own export."""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from simulator.ledger import Finding, Verdict
from simulator.report.moments import clock_time, local
from simulator.report.summary import Summary

_COLOURS: Final = {
    Verdict.DETECTED: "#2a9d5c",
    Verdict.LATE: "#e0a100",
    Verdict.MISSED: "#c4302b",
    Verdict.PENDING: "#9a9a9a",
    Verdict.NOT_JUDGED: "#3f7fbf",
}
_SYMBOLS: Final = {
    Verdict.DETECTED: "circle",
    Verdict.LATE: "triangle-up",
    Verdict.MISSED: "x",
    Verdict.PENDING: "circle-open",
    Verdict.NOT_JUDGED: "diamond-open",
}
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c1c1c}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .75rem;border-bottom:1px solid #ddd;text-align:left}
.holds{color:#2a9d5c}.fails{color:#c4302b}"""


def render(summary: Summary) -> str:
    """The whole page."""
    run = summary.run
    title = f"{run.scenario}, seed {run.seed}"
    verdict = ("holds", "It holds.") if summary.holds else ("fails", "It does not hold.")
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>CareWatch: {escape(title)}</title>',
            f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="{verdict[0]}"><strong>{verdict[1]}</strong></p>',
            f"<p>{_figures(summary)}</p>",
            *(f"<p class='fails'>Invalid: {escape(reason)}.</p>" for reason in summary.invalid_because),
            _plot(_day(summary)),
            *(_plot(figure) for figure in _histograms(summary)),
            _table("What was missed, late or not judged, and why", _misses(summary)),
            _table("Doubled, lost, and who was not told", _broken(summary)),
            _table("False alarms, and what the platform said about itself", _unexplained(summary)),
            "</body></html>",
        ]
    )


def _figures(summary: Summary) -> str:
    run = summary.run
    counts = {
        "detected": summary.detected,
        "late": summary.late,
        "missed": summary.missed,
        "doubled": len(summary.doubled),
        "lost": len(summary.lost),
        "untold": len(summary.untold),
        "false": len(summary.false),
        "not judged": summary.not_judged,
    }
    hours = (run.ended - run.begins) / 3600
    said = ", ".join(f"{count} {what}" for what, count in counts.items())
    return f"{run.homes} homes, {run.devices} devices, {hours:.1f} hours at speed {run.speed:g}: {said}."


def _plot(figure: Any) -> str:
    html: str = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return html


def _day(summary: Summary) -> Any:
    figure = go.Figure(layout={"title": "The run", "height": 420, "template": "plotly_white"})
    for verdict in Verdict:
        found = [finding for finding in summary.findings if finding.verdict is verdict]
        if found:
            figure.add_scatter(
                x=[local(one.known_at) for one in found],
                y=[one.hazard.value for one in found],
                text=[_said(one) for one in found],
                name=verdict.value.replace("_", " "),
                mode="markers",
                marker={"color": _COLOURS[verdict], "symbol": _SYMBOLS[verdict], "size": 11},
            )
    if summary.false:
        figure.add_scatter(
            x=[local(one.opened_at) for one in summary.false],
            y=[one.hazard for one in summary.false],
            text=[one.reason for one in summary.false],
            name="false",
            mode="markers",
            marker={"color": "#7b3fa0", "symbol": "star", "size": 11},
        )
    return figure


def _said(finding: Finding) -> str:
    parts = [finding.cause, finding.home or "a street", finding.why]
    return ", ".join(escape(part) for part in parts if part)


def _histograms(summary: Summary) -> Iterator[Any]:
    scale = "s" if summary.run.speed == 1 else "s of care time, accelerated: not a figure of the platform"
    for name, values in (
        ("first contact", [one.contacted_s for one in summary.findings if one.contacted_s is not None]),
        ("acceptance", [one.accepted_s for one in summary.findings if one.accepted_s is not None]),
    ):
        if values:
            layout = {
                "title": f"From the event to {name}",
                "xaxis": {"title": scale},
                "height": 320,
                "template": "plotly_white",
            }
            yield go.Figure(data=[go.Histogram(x=values, nbinsx=40)], layout=layout)


def _table(title: str, rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table>{cells}</table>"


def _misses(summary: Summary) -> list[tuple[str, ...]]:
    return [
        (one.verdict.value, one.hazard.value, one.cause, one.home or "–", clock_time(one.known_at), one.why)
        for one in summary.findings
        if one.verdict is not Verdict.DETECTED
    ]


def _broken(summary: Summary) -> list[tuple[str, ...]]:
    return [
        *(("doubled", one.what) for one in summary.doubled),
        *(("lost", f"{one.event} of {one.device}, acknowledged by the broker") for one in summary.lost),
        *(("untold", one.what) for one in summary.untold),
    ]


def _unexplained(summary: Summary) -> list[tuple[str, ...]]:
    return [
        (label, one.hazard, one.device or one.home or "–", clock_time(one.opened_at), one.reason)
        for label, found in (("false", summary.false), ("own", summary.own))
        for one in found
    ]
