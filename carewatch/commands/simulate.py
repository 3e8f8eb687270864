"""`carewatch simulate`: let a village live, cause emergencies, and hold the platform to account for each."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from carewatch import playing
from carewatch.commands.shared import stderr, stdout
from simulator.causes.truth import told
from simulator.report import load_table, page, table
from simulator.scenario import Scenario

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="quiet-day, bad-night …, or a YAML file; see docs/simulator.md.")
]
Homes = Annotated[int | None, typer.Option(min=1, max=100_000, help="How many homes, instead of the scenario's own.")]
Speed = Annotated[float | None, typer.Option(min=0.1, max=1000, help="Seconds of care time in a second.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Another village, another day.")]
Hours = Annotated[float | None, typer.Option(min=0.01, help="How long, instead of the scenario's own duration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Html = Annotated[Path | None, typer.Option(help="Write the report to this file, as one page that needs no other.")]
Keep = Annotated[Path | None, typer.Option(help="Keep the private stack with its logs in this folder.")]


def simulate(
    scenario: ScenarioName,
    *,
    homes: Homes = None,
    speed: Speed = None,
    seed: Seed = None,
    hours: Hours = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Of a load: how many generators.")] = 1,
    scale: Annotated[float, typer.Option(min=0.001, help="Of a load: all rates times this.")] = 1.0,
    embedded: Annotated[bool, typer.Option("--embedded", help="On a private stack that is thrown away.")] = False,
    api: Annotated[
        str | None, typer.Option(metavar="URL", help="On the running system with this REST interface.")
    ] = None,
    key: Annotated[str, typer.Option(help="Its key, of the organisation `sim-county`.", envvar="SIMULATE_KEY")] = "",
    broker: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Its broker, mqtt[s]://[user:password@]host[:port].", envvar="SIMULATE_BROKER"
        ),
    ] = "mqtt://127.0.0.1:1883",
    causes: Annotated[bool, typer.Option("--causes", help="Only print what would be caused, as JSON lines.")] = False,
    as_json: AsJson = False,
    html: Html = None,
    keep: Keep = None,
) -> None:
    """Let a village live, cause emergencies, and reckon. Exits with 1 unless all of them were found."""
    wanted = playing.order(
        scenario, homes=homes, speed=speed, seed=seed, hours=hours, folder=keep, quiet=not stderr.is_terminal
    )
    if causes:
        typer.echo(told(list(wanted.plot.causes)), nl=False)
        return
    if embedded == (api is not None):
        stderr.print("say either --embedded, or --api with the URL of a running system that is not real", style="red")
        raise typer.Exit(2)
    if api is None and wanted.scenario.load is not None:
        load = playing.run(playing.put_load_on(wanted, processes, scale))
        playing.end(load, load_table.render, as_json=as_json)
        return
    if api is None:
        summary = playing.run(playing.play(wanted))
    else:
        system = playing.System(api_url=api.rstrip("/"), key=key, broker_url=broker)
        summary = playing.run(playing.play_elsewhere(wanted, system))
    if html is not None:
        html.write_text(page.render(summary), "utf-8")
    playing.end(summary, table.render, as_json=as_json)


def scenario_schema() -> None:
    """Print the JSON schema of scenarios."""
    stdout.print_json(msgspec.json.encode(Scenario.model_json_schema()).decode())
