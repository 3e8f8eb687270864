"""`carewatch stand-in`: the phone network of a demo, a drill or a test, in the place of the provider."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import structlog
import typer

from alerting.channels.twilio_account import TwilioConfig, is_loopback
from carewatch.commands.shared import settings_of
from carewatch.errors import CarewatchError
from carewatch.logging import configure_logging
from carewatch.processes import care_clock
from carewatch.supervise import stop_on_signals
from domain.health import Health
from simulator.phone.books import Account, OwnNumber
from simulator.phone.server import PhoneConfig, run
from simulator.phone.timing import Timing

log = structlog.get_logger(__name__)

SMS_PATH: Final = "/callbacks/twilio/sms"


class NoStandIn(CarewatchError):
    """The settings name no stand-in on this machine."""


def stand_in(context: typer.Context) -> None:
    """Serve a stand-in for the phone network where `twilio.base_url` points, if that is this machine."""
    settings = settings_of(context)
    configure_logging(settings.log, process="stand-in")
    twilio = settings.twilio
    if twilio is None or not is_loopback(twilio.base_url):
        raise NoStandIn("twilio.base_url must be an address of this machine, as in http://127.0.0.1:8090")
    asyncio.run(_serve(phone_config(twilio), settings.database_dsn))


def phone_config(twilio: TwilioConfig) -> PhoneConfig:
    """A stand-in that has this account."""
    where = urlsplit(twilio.base_url)
    numbers = {twilio.voice_number, twilio.sms_number or twilio.voice_number}
    return PhoneConfig(
        account=Account(sid=twilio.account_sid, auth_token=twilio.auth_token.get_secret_value()),
        own_numbers=tuple(OwnNumber(number=one, sms_url=twilio.public_url + SMS_PATH) for one in sorted(numbers)),
        host=where.hostname or "127.0.0.1",
        port=where.port or 80,
        timing=Timing(pace=0.5),  # an unhurried reader would keep whoever looks on waiting
    )


async def _serve(config: PhoneConfig, dsn: str) -> None:
    """People take care time to answer and to speak: the platform's, which a simulation accelerates."""
    async with stop_on_signals() as stop, care_clock(dsn, "stand-in", Health()) as care:
        await care.known.wait()
        log.info("the stand-in is up", url=f"http://{config.host}:{config.port}")
        await run(config, care.clock, stop)
