"""`carewatch devices`: register, bind, move, retire; passwords at the broker, and the broker's files of users."""

import csv
import sys
from contextlib import ExitStack
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from carewatch.commands.connecting import with_database
from carewatch.commands.import_files import show_faults
from carewatch.commands.shared import settings_of, stderr, stdout
from carewatch.importing.broker_files import PlatformUser, write_mosquitto_users, write_nats_users
from carewatch.importing.faults import Place
from carewatch.importing.forms import RETIRED
from carewatch.importing.importing import import_tables
from carewatch.importing.private_files import private
from carewatch.importing.reading import Row, Table
from store import enrolled
from store.credentials import (
    BrokerUser,
    Credential,
    broker_users,
    new_credential,
    set_credentials,
    without_credentials,
)
from store.pool import Database
from store.registry import Noun

app = typer.Typer(no_args_is_help=True, help="Register devices, and let them in at the broker.")

DeviceId = Annotated[str, typer.Argument(help="The id of the device: its client id and user name.")]
Household = Annotated[str | None, typer.Option(help="The code of the home; empty for none.")]
Resident = Annotated[str | None, typer.Option(help="The code of the resident; empty for none.")]
Room = Annotated[str | None, typer.Option(help="Where in the home.")]


class Broker(StrEnum):
    """Whose files are written."""

    NATS = "nats"
    MOSQUITTO = "mosquitto"


@app.command()
def register(
    context: typer.Context,
    device_id: DeviceId,
    cell: Annotated[str, typer.Option(help="The area code that it is provisioned into.")],
    model: Annotated[str, typer.Option(help="The name of its model.")],
    household: Household = None,
    resident: Resident = None,
    room: Room = None,
    address: Annotated[str | None, typer.Option(help="Of foreign protocols: its topic.")] = None,
) -> None:
    """Register a new device, and show the password that it has at the broker, this once."""

    async def known(database: Database, now: datetime) -> bool:
        async with database.transaction() as connection:
            return bool(await enrolled.read(connection, Noun.DEVICES, within=None, codes=[device_id]))

    if with_database(context, "devices", known):
        stderr.print(f"device {device_id} is registered already; bind or move it, or give it new credentials")
        raise typer.Exit(1)
    _change(
        context, device_id, cell=cell, model=model, household=household, resident=resident, room=room, address=address
    )
    _show(_renew(context, [device_id]), None)


@app.command()
def bind(
    context: typer.Context,
    device_id: DeviceId,
    household: Household = None,
    resident: Resident = None,
    room: Room = None,
) -> None:
    """Bind a device to a home, and perhaps to somebody in it; with ``--household ''`` to none."""
    if household is not None and resident is None:
        resident = ""  # whoever had it lives elsewhere
    _change(context, device_id, household=household, resident=resident, room=room)


@app.command()
def move(
    context: typer.Context, device_id: DeviceId, cell: Annotated[str, typer.Option(help="The new area code.")]
) -> None:
    """Move a device to another cell; it must be provisioned anew, for the cell stands in its topics."""
    _change(context, device_id, cell=cell)


@app.command()
def retire(context: typer.Context, device_id: DeviceId) -> None:
    """Put a device out of use; its password is void."""
    _change(context, device_id, **{RETIRED: "true"})


@app.command()
def credentials(
    context: typer.Context,
    device_ids: Annotated[list[str] | None, typer.Argument(help="Devices to give new passwords.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="All devices that have none yet.")] = False,
    out: Annotated[Path | None, typer.Option(help="A CSV file, for you alone, instead of the screen.")] = None,
) -> None:
    """Give devices new passwords at the broker, and show them this once."""
    if bool(device_ids) == missing:
        raise typer.BadParameter("name devices, or say --missing")
    _show(_renew(context, device_ids), out)


@app.command("broker-users")
def write_broker_users(
    context: typer.Context,
    broker: Annotated[Broker, typer.Argument(help="Whose files.")],
    folder: Annotated[Path, typer.Argument(help="Where to; made if it is not there.", file_okay=False)],
) -> None:
    """Write the broker's files of users and permissions, from all devices in use that have a password.

    nats-server: ``users.conf``, for its ``authorization`` block. mosquitto: ``passwords`` and ``acl``. CareWatch itself
    is the user that the setting ``broker_url`` names.
    """
    platform = _platform_user(context)
    folder.mkdir(parents=True, exist_ok=True)

    async def work(database: Database, now: datetime) -> list[BrokerUser]:
        async with database.transaction() as connection:
            return await broker_users(connection)

    devices = with_database(context, "devices", work)
    if broker is Broker.NATS:
        count = write_nats_users(folder / "users.conf", devices, platform)
    else:
        count = write_mosquitto_users(folder / "passwords", folder / "acl", devices, platform)
    stdout.print(f"{count} devices and {platform.name}, in {folder}; have the broker read them: kill -HUP")


def _platform_user(context: typer.Context) -> PlatformUser:
    parts = urlsplit(settings_of(context).broker)
    if not parts.username or not parts.password:
        raise typer.BadParameter("the setting broker_url must name user and password of CareWatch itself")
    return PlatformUser(unquote(parts.username), unquote(parts.password))


def _change(context: typer.Context, device_id: str, **fields: str | None) -> None:
    """Change what is given of a device; empty text clears, None leaves it as it is."""
    cells: dict[str, Any] = {"device_id": device_id}
    cells |= {name: value or None for name, value in fields.items() if value is not None}
    row = Row(Place("command line", 1), cells)

    async def work(database: Database, now: datetime) -> Any:
        return await import_tables(database, [Table(Noun.DEVICES, 1, lambda: iter([row]))], now=now)

    report = with_database(context, "devices", work)
    if report.faults:
        show_faults(report.faults)
        raise typer.Exit(1)


def _renew(context: typer.Context, device_ids: list[str] | None) -> list[Credential]:
    async def work(database: Database, now: datetime) -> list[Credential]:
        async with database.transaction() as connection:
            wanted = await without_credentials(connection) if device_ids is None else device_ids
            made = [new_credential(device_id) for device_id in wanted]
            given = await set_credentials(connection, made)
            unknown = [one.device_id for one in made if one.device_id not in given]
            if unknown:
                raise typer.BadParameter(f"no device in use: {', '.join(unknown)}")
            return made

    return with_database(context, "devices", work)


def _show(made: list[Credential], out: Path | None) -> None:
    with ExitStack() as files:
        writer = csv.writer(sys.stdout if out is None else files.enter_context(private(out)), lineterminator="\n")
        writer.writerow(["device_id", "password"])
        writer.writerows([one.device_id, one.password] for one in made)
