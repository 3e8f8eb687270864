"""`carewatch chaos`: a scenario on a stack whose processes are killed and stopped all the while."""

from typing import Annotated

import typer

from carewatch import playing
from carewatch.commands.shared import stderr
from carewatch.commands.simulate import AsJson, Homes, Hours, Html, Keep, ScenarioName, Seed, Speed
from simulator.report import page, table


def chaos(
    scenario: ScenarioName,
    *,
    kills: Annotated[int, typer.Option(min=1, max=1000, help="How often a process is killed with -9.")] = 20,
    homes: Homes = None,
    speed: Speed = None,
    seed: Seed = None,
    hours: Hours = None,
    as_json: AsJson = False,
    html: Html = None,
    keep: Keep = None,
) -> None:
    """Run a scenario while the processes of a private stack are killed. Exits with 1 on any miss or loss."""
    wanted = playing.order(
        scenario, homes=homes, speed=speed, seed=seed, hours=hours, folder=keep, quiet=not stderr.is_terminal
    )
    summary = playing.run(playing.play(wanted, kills))
    if html is not None:
        html.write_text(page.render(summary), "utf-8")
    playing.end(summary, table.render, as_json=as_json)
