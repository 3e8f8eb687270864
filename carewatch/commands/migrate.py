"""`carewatch migrate`: bring the database up to date."""

import typer

from carewatch.commands.shared import settings_of, stdout
from store import migrate as migrations


def migrate(context: typer.Context) -> None:
    """Bring the database up to date; ``carewatch up`` does it at every start."""
    ran = migrations.migrate(settings_of(context).database_dsn)
    for name in ran:
        stdout.print(f"ran {name}")
    if not ran:
        stdout.print("the database is up to date")
