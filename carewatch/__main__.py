"""The command line: ``carewatch COMMAND``, or ``python -P -m carewatch COMMAND``."""

import logging
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from alerting.errors import AlertingError
from carewatch.commands.shared import Stated, stderr
from carewatch.errors import CarewatchError
from simulator.errors import SimulatorError
from store.errors import StoreError

COMMANDS: Final = {
    "up": "up:up",
    "demo": "demo:demo",
    "send": "send:send",
    "incidents": "incidents:app",
    "drill": "drill:drill",
    "doctor": "doctor:doctor",
    "run": "run:run",
    "migrate": "migrate:migrate",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "import": "import_files:import_files",
    "export": "export_files:export_files",
    "devices": "devices:app",
    "keys": "keys:app",
    "users": "users:users",
    "settings": "settings_page:settings",
    "decode": "decode:decode",
    "backtest": "backtest:backtest",
    "stand-in": "stand_in:stand_in",
    "simulate": "simulate:simulate",
    "chaos": "chaos:chaos",
    "scenario-schema": "simulate:scenario_schema",
}
"""Each command with the module below ``carewatch.commands`` and the function or group in it."""


class _OnDemand(TyperGroup):
    """Imports a command when it is called: an engine need not carry what a demo needs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"carewatch.commands.{module}"), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = cmd_name
            return group
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(found)
        return typer.main.get_command(single)


app = typer.Typer(cls=_OnDemand, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def carewatch(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A TOML file of settings.", envvar="CAREWATCH_CONFIG")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the embedded database and broker.")] = None,
) -> None:
    """CareWatch: emergency response for old people living at home. Nothing is lost, and someone comes."""
    context.obj = Stated(config, folder)


def main() -> None:
    """Run the command line; exits with 0, 1 for what could not be done (and says why), or 2 for a wrong argument."""
    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it has to say comes as an error as well
    try:
        app()
    except (CarewatchError, AlertingError, SimulatorError, StoreError) as error:
        stderr.print(f"carewatch: {error}", style="red", markup=False)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
