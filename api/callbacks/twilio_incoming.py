"""Calls that people make to our number: whoever is on her way reports that she is there."""

import asyncio
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response

from alerting import reporting
from alerting.channels.twilio_account import TwilioConfig
from api.callbacks import twiml
from api.callbacks.signature import genuine_form, text
from api.services import Services
from domain.people import Language
from store.errors import StoreError
from store.wakeups import Bell, ring

log = structlog.get_logger(__name__)

_WITHIN_S: Final = 8.0  # as for the calls that we make


def router(services: Services) -> APIRouter:
    """``/callbacks/twilio/incoming``: the voice URL to set for our number, given an account."""
    routes = APIRouter(prefix="/callbacks/twilio", include_in_schema=False)
    config = services.config.twilio
    if config is None:
        return routes

    @routes.post("/incoming")
    async def called(request: Request) -> Response:
        form = await genuine_form(request, config)
        about = request.query_params.get("about", "")
        try:
            asked = await _asked(services, config, text(form, "From"), about, text(form, "Digits"))
        except (StoreError, TimeoutError) as error:
            log.warning("a call to us could not be taken", error=str(error))
            language = Language.ZH if text(form, "From").startswith("+86") else Language.EN
            return twiml.answer(twiml.give_up(language, config))
        return twiml.answer(twiml.of_report(asked, config))

    return routes


async def _asked(services: Services, config: TwilioConfig, number: str, about: str, digits: str) -> reporting.Asked:
    async with asyncio.timeout(_WITHIN_S), services.database.transaction() as connection:
        asked = await reporting.called_back(
            connection,
            number,
            about=int(about) if about.isascii() and about.isdecimal() else None,
            digits=digits[:1],
            overseas=config.overseas,
            now=services.clock.now(),
        )
    await ring(services.database, Bell.ENGINE)
    return asked
