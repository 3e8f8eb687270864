"""`carewatch keys`: the first API key of an organisation; further ones are made through the interface."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from carewatch.admission import first_key
from carewatch.commands.connecting import with_database
from carewatch.commands.shared import stderr
from domain.permissions import Scope
from store.pool import Database

app = typer.Typer(no_args_is_help=True, help="Keys of the REST interface.")


@app.command()
def create(
    context: typer.Context,
    organisation: Annotated[str, typer.Argument(help="The code of the organisation whose subtree it sees.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; say it several times for several.")],
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="How long it counts; none: for ever.")] = None,
) -> None:
    """Make a key, and show it this once."""

    async def work(database: Database, now: datetime) -> str | None:
        expires_at = None if days is None else now + timedelta(days=days)
        async with database.transaction() as connection:
            return await first_key(
                connection,
                organisation,
                name=name,
                scopes=scope,
                now=now,
                by="command:keys",
                expires_at=expires_at,
            )

    key = with_database(context, "keys", work)
    if key is None:
        stderr.print(f"there is no organisation {organisation!r} in use", style="red", markup=False)
        raise typer.Exit(1)
    typer.echo(key)
