"""Texts: what became of ours, and what people write back."""

import asyncio
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import Counter
from twilio.twiml.messaging_response import MessagingResponse

from alerting import correspondence, progress
from alerting.channels import Sent
from alerting.channels.twilio_account import TwilioConfig
from alerting.messages import say
from api.callbacks.signature import genuine_form, text
from api.callbacks.twiml import answer
from api.services import Services
from domain.people import Language
from store import outbox
from store.errors import StoreError
from store.wakeups import Bell, ring

log = structlog.get_logger(__name__)

STRAY = Counter("carewatch_message_callbacks_stray_total", "Call-backs about messages that we do not know")

# Twilio waits 15 s. Source: its guides.
_WITHIN_S: Final = 8.0


def router(services: Services) -> APIRouter:
    """``/callbacks/twilio/sms`` and ``/callbacks/twilio/message/{token}``, given an account."""
    routes = APIRouter(prefix="/callbacks/twilio", include_in_schema=False)
    config = services.config.twilio
    if config is None:
        return routes
    texts = _Texts(services, config)

    @routes.post("/sms")
    async def received(request: Request) -> Response:
        return await texts.receive(request)

    @routes.post("/message/{token}")
    async def status(request: Request, token: str) -> Response:
        await texts.note_status(request, token)
        return Response(status_code=204)

    return routes


class _Texts:
    def __init__(self, services: Services, config: TwilioConfig) -> None:
        self._services = services
        self._database = services.database
        self._config = config

    async def receive(self, request: Request) -> Response:
        """Act on a person's text and write back. With the database away she is asked to write once more."""
        form = await genuine_form(request, self._config)
        sender = text(form, "From")
        try:
            async with asyncio.timeout(_WITHIN_S), self._database.transaction() as connection:
                reply = await correspondence.received(
                    connection,
                    sender,
                    text(form, "Body"),
                    overseas=self._config.overseas,
                    now=self._services.clock.now(),
                )
        except (StoreError, TimeoutError) as error:
            log.warning("a text could not be taken", error=str(error))
            language = Language.ZH if sender.startswith("+86") else Language.EN
            return _twiml(say(language, "text.prefix") + say(language, "text.busy"))
        await ring(self._database, Bell.ENGINE)
        return _twiml(reply)

    async def note_status(self, request: Request, token: str) -> None:
        """What became of a message; late, repeated and reordered news change nothing wrongly."""
        form = await genuine_form(request, self._config)
        ref, status = text(form, "MessageSid"), text(form, "MessageStatus")
        now = self._services.clock.now()
        async with self._database.transaction() as connection:
            one = await outbox.by_token(connection, token)
            if one is None:
                STRAY.inc()
                return
            if one.provider_ref is None:
                await progress.message_taken(connection, one.id, ref, status, now=now)
        standing = Sent(ref=ref, status=status, error=text(form, "ErrorCode") or None)
        if one.provider_ref not in (None, ref) and not progress.has_arrived(standing):
            return  # the second copy of a message was lost; the first may yet arrive
        async with self._database.transaction() as connection:
            await progress.message_moved(connection, one.id, one.incident_id, standing, now=now)
        await ring(self._database, Bell.ENGINE)


def _twiml(reply: str) -> Response:
    response = MessagingResponse()
    if reply:
        response.message(reply)
    return answer(str(response))
