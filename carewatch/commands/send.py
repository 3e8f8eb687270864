"""`carewatch send`: be a device, and see what the platform answers."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from carewatch.commands.shared import settings_of, stdout
from carewatch.errors import CarewatchError
from carewatch.settings import Settings
from devices.model import Hazard, Reading, SignalState
from devices.native import Receipt, Stage
from simulator.fleet.deeds import Quantities
from simulator.fleet.in_hand import DeviceInHand
from simulator.fleet.witness import Journey
from store import enrolled
from store.pool import open_database
from store.registry import Noun

_ORDER = tuple(Stage)


class NoSuchDevice(CarewatchError):
    """The device is not registered, so that its cell is unknown."""


class NotHeard(CarewatchError):
    """The receipt ``until`` has not come in time."""

    def __init__(self, journey: Journey, until: Stage, wait_s: float) -> None:
        known = ", ".join(journey.receipts) or "none"
        super().__init__(
            f"no receipt {until.value} within {wait_s:g} s; receipts: {known}; sent {journey.sendings} time(s)"
        )
        self.journey = journey
        self.until = until


def send(
    context: typer.Context,
    device: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    hazard: Annotated[Hazard, typer.Option(help="What the alarm is about.")] = Hazard.SOS,
    state: Annotated[SignalState, typer.Option(help="Whether it is raised, cleared or tested.")] = SignalState.RAISED,
    telemetry: Annotated[
        str | None, typer.Option(help='Send these readings instead, as in {"heart_rate_bpm": 72}.', metavar="JSON")
    ] = None,
    online: Annotated[
        bool | None, typer.Option("--online/--offline", help="Send this status instead.", show_default=False)
    ] = None,
    until: Annotated[Stage, typer.Option(help="Wait for this receipt.")] = Stage.ACCEPTED,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for it.")] = 300.0,
    cell: Annotated[
        str | None, typer.Option(help="Where the device is provisioned; by default as it is registered.")
    ] = None,
    password: Annotated[str | None, typer.Option(help="Of the device at the broker.", envvar="DEVICE_PASSWORD")] = None,
) -> None:
    """Act as a native device: press, measure or say that it is online, over MQTT with QoS 1, and show the receipts.

    An alarm without a `stored` receipt is sent again every 5 s, under the same id. Exits with 1 if the receipt that
    is waited for does not come.
    """
    settings = settings_of(context)
    measured = _quantities(telemetry) if telemetry is not None else None

    async def act() -> None:
        place = cell or await _cell_of(settings, device)
        async with DeviceInHand(settings.broker, place, device, password=password) as in_hand:
            if measured is not None:
                await in_hand.measure(measured)
                stdout.print(f"the broker has the reading of {device}")
            elif online is not None:
                await in_hand.say_online(online)
                stdout.print(f"the broker has the status of {device}")
            else:
                await _follow(in_hand, in_hand.press(hazard, state), until, wait)

    asyncio.run(act())


async def _follow(device: DeviceInHand, journey: Journey, until: Stage, wait_s: float) -> None:
    stdout.print(f"{_clock(journey.planned)}  {journey.device} raises alarm {journey.event}")
    try:
        async with asyncio.timeout(wait_s):
            async for told in device.receipts(journey):
                stdout.print(_line(journey, told), markup=False)
                if _ORDER.index(told.stage) >= _ORDER.index(until):
                    return
    except TimeoutError as error:
        raise NotHeard(journey, until, wait_s) from error


def _line(journey: Journey, told: Receipt) -> str:
    at = journey.receipts[told.stage]
    by = f"  by {told.by}" if told.by else ""
    return f"{_clock(at)}  {told.stage.value:9} after {at - journey.planned:6.2f} s{by}"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"


async def _cell_of(settings: Settings, device_id: str) -> str:
    async with (
        open_database(settings.database_dsn, "carewatch send", size=1) as database,
        database.transaction() as connection,
    ):
        found = await enrolled.read(connection, Noun.DEVICES, within=None, codes=[device_id])
    if not found:
        raise NoSuchDevice(f"there is no device {device_id!r}; register it, or say its --cell")
    return str(found[0].written["cell"])


def _quantities(written: str) -> Quantities:
    try:
        reading = msgspec.json.decode(written, type=Reading)
    except msgspec.DecodeError as error:
        raise typer.BadParameter(f"not a reading: {error}", param_hint="--telemetry") from error
    quantities: Quantities = msgspec.to_builtins(reading)
    return quantities
