"""The command line: ``carewatch COMMAND``, or ``python -P -m carewatch COMMAND``."""

from pathlib import Path
from typing import Annotated

import typer

from alerting.errors import AlertingError
from carewatch.commands import devices, keys
from carewatch.commands.backup import backup, restore
from carewatch.commands.decode import decode
from carewatch.commands.export_files import export_files
from carewatch.commands.import_files import import_files
from carewatch.commands.migrate import migrate
from carewatch.commands.run import run
from carewatch.commands.shared import Stated, stderr
from carewatch.commands.up import up
from carewatch.commands.users import users
from carewatch.errors import CarewatchError
from store.errors import StoreError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


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


app.command()(up)
app.command()(run)
app.command()(migrate)
app.command()(backup)
app.command()(restore)
app.command("import")(import_files)
app.command("export")(export_files)
app.add_typer(devices.app, name="devices")
app.add_typer(keys.app, name="keys")
app.command()(decode)
app.add_typer(users, name="users")


def main() -> None:
    """Run the command line; exits with 0, 1 for what could not be done (and says why), or 2 for a wrong argument."""
    try:
        app()
    except (CarewatchError, AlertingError, StoreError) as error:
        stderr.print(f"carewatch: {error}", style="red", markup=False)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
