"""`carewatch users`: accounts of the people who sign in at the console."""

import asyncio
import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

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
    subject: Annotated[
        str | None,
        typer.Option(
            help="Instead of a password: the `sub` by which the OpenID provider of the settings knows the person."
        ),
    ] = None,
) -> None:
    """Make an account. Its password is made up and shown once, unless it is given on standard input."""
    if role is Role.SYSTEM:
        raise typer.BadParameter("`system` is for the platform itself", param_hint="--role")
    account = {"name": name, "role": role, "organisation": organisation, "language": language}
    if subject is not None:
        issuer = settings_of(context).console.oidc_issuer
        if issuer is None:
            raise typer.BadParameter("console.oidc_issuer is not set", param_hint="--subject")
        _make(context, account | {"identity": (issuer, subject)})
        return
    password = sys.stdin.readline().rstrip("\n") if password_from_stdin else secrets.token_urlsafe(12)
    if len(password) < SHORTEST_PASSWORD:
        raise typer.BadParameter(
            f"has {len(password)} characters; {SHORTEST_PASSWORD} are needed", param_hint="password"
        )
    _make(context, account | {"password_hash": accounts.hash_password(password)})
    if not password_from_stdin:
        stdout.print(password, markup=False, soft_wrap=True)


def _make(context: typer.Context, account: dict[str, Any]) -> None:
    if not asyncio.run(_add(settings_of(context).database_dsn, account)):
        organisation = account["organisation"]
        raise typer.BadParameter(f"there is no organisation {organisation!r} in use", param_hint="--organisation")
    stderr.print(f"{account['name']} may sign in as {account['role']} of {account['organisation']}.", markup=False)


async def _add(dsn: str, account: dict[str, Any]) -> bool:
    async with open_database(dsn, "carewatch users", size=1) as database, database.transaction() as connection:
        made = await accounts.add_user(connection, **account)
        if made:
            await audit.record(connection, "command:users", "create", "users", [account["name"]], now=datetime.now(UTC))
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
