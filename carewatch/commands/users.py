"""`carewatch users`: accounts of the people who sign in at the console."""

import asyncio
import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from carewatch.commands.shared import settings_of, stderr, stdout
from domain.people import Language
from domain.permissions import Role
from store import accounts, audit
from store.pool import open_database

users = typer.Typer(no_args_is_help=True, help="Accounts of the people who sign in at the console.")

SHORTEST_PASSWORD = 12  # characters


@users.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the person signs in with.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What the account is for.", show_default=False)],
    organisation: Annotated[str, typer.Option(help="Code of the organisation whose subtree it sees.")],
    language: Annotated[Language, typer.Option(help="Language of its pages.")] = Language.ZH,
    password_from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account. Its password is made up and shown once, unless it is given on standard input."""
    if role is Role.SYSTEM:
        raise typer.BadParameter("`system` is for the platform itself", param_hint="--role")
    password = sys.stdin.readline().rstrip("\n") if password_from_stdin else secrets.token_urlsafe(12)
    if len(password) < SHORTEST_PASSWORD:
        raise typer.BadParameter(
            f"has {len(password)} characters; {SHORTEST_PASSWORD} are needed", param_hint="password"
        )
    made = asyncio.run(_add(settings_of(context).database_dsn, name, role, organisation, language, password))
    if not made:
        raise typer.BadParameter(f"there is no organisation {organisation!r} in use", param_hint="--organisation")
    stderr.print(f"{name} may sign in as {role} of {organisation}.", markup=False)
    if not password_from_stdin:
        stdout.print(password, markup=False, soft_wrap=True)


async def _add(dsn: str, name: str, role: Role, organisation: str, language: Language, password: str) -> bool:
    password_hash = accounts.hash_password(password)
    async with open_database(dsn, "carewatch users", size=1) as database, database.transaction() as connection:
        made = await accounts.add_user(
            connection,
            name=name,
            organisation=organisation,
            role=role,
            language=language,
            password_hash=password_hash,
        )
        if made:
            await audit.record(connection, "command:users", "create", "users", [name], now=datetime.now(UTC))
        return made


@users.command(name="list")
def list_(context: typer.Context) -> None:
    """List the accounts."""
    found = asyncio.run(_all(settings_of(context).database_dsn))
    for one in found:
        retired = f" retired {one.retired_at:%Y-%m-%d}" if one.retired_at else ""
        stdout.print(f"{one.name}  {one.role} of {one.organisation}{retired}", markup=False)
    if not found:
        stderr.print("there are no accounts yet: carewatch users add NAME --role … --organisation …", markup=False)


async def _all(dsn: str) -> list[accounts.Account]:
    async with open_database(dsn, "carewatch users", size=1) as database, database.transaction() as connection:
        return await accounts.every_user(connection)
