"""Twilio's side of a call: instructions asked for at each turn, and how the call goes on."""

import asyncio
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import Counter

from alerting import dialogue, progress
from alerting.channels import Sent
from alerting.channels.twilio_account import TwilioConfig
from alerting.dialogue import Heard, Manners, Stage, Then, Turn
from alerting.messages import say
from alerting.progress import CallStatus
from api import problems
from api.callbacks import twiml
from api.callbacks.signature import genuine_form, text
from api.services import Services
from domain.people import Language
from store import calls
from store.calls import Call
from store.errors import StoreError
from store.wakeups import Bell, ring

log = structlog.get_logger(__name__)

HELD = Counter(
    "carewatch_calls_held_total", "Turns of calls that could not be taken at once: the person was asked to hold"
)
STRAY = Counter("carewatch_callbacks_stray_total", "Call-backs about calls that we do not know")

# Twilio waits 15 s for instructions (Source: its guides), and then hangs up with an apology.
_WITHIN_S: Final = 8.0
_HOLDS: Final = 6


def router(services: Services) -> APIRouter:
    """``/callbacks/twilio/voice/{token}[/{stage}]`` and ``/callbacks/twilio/status/{token}``, given an account."""
    routes = APIRouter(prefix="/callbacks/twilio", include_in_schema=False)
    config = services.config.twilio
    if config is None:
        return routes
    phone = _Phone(services, config)

    @routes.post("/voice/{token}")
    async def answered(request: Request, token: str) -> Response:
        return await phone.instruct(request, token, Stage.START)

    @routes.post("/voice/{token}/{stage}")
    async def goes_on(request: Request, token: str, stage: Stage) -> Response:
        return await phone.instruct(request, token, stage)

    @routes.post("/status/{token}")
    async def status(request: Request, token: str) -> Response:
        await phone.note_status(request, token)
        return Response(status_code=204)

    return routes


class _Phone:
    def __init__(self, services: Services, config: TwilioConfig) -> None:
        self._services = services
        self._database = services.database
        self._config = config
        self._manners = Manners(overseas=config.overseas, drills_may_dial=services.config.deployment.synthetic)

    async def instruct(self, request: Request, token: str, stage: Stage) -> Response:
        """What Twilio is to do next. A database that is slow or away puts the person on hold, keys and all."""
        form = await genuine_form(request, self._config)
        query = request.query_params
        digits = text(form, "Digits") or query.get("digits", "")
        heard = Heard(
            stage=stage,
            about=query.get("about", ""),
            tries=_whole(query.get("tries", "")),
            digits=digits[:1],
            answered_by=text(form, "AnsweredBy") or query.get("by") or None,
            dialled=text(form, "DialCallStatus") or query.get("dialled", ""),
        )
        try:
            async with asyncio.timeout(_WITHIN_S):
                turn = await self._turn(token, text(form, "CallSid"), heard)
        except (StoreError, TimeoutError) as error:
            language = Language.EN if query.get("language") == Language.EN else Language.ZH
            return self._hold(token, heard, language, _whole(query.get("held", "")), error)
        return twiml.answer(twiml.of_turn(turn, self._config, token))

    async def _turn(self, token: str, ref: str, heard: Heard) -> Turn:
        now = self._services.clock.now()
        call = await self._call(token, ref)
        if call is None:
            return Turn(language=Language.ZH, said=(say(Language.ZH, "speech.nothing"),))
        if dialogue.listening(heard):
            async with self._database.statement() as connection:
                await calls.board(connection, call.id, now=now)
        async with self._database.transaction() as connection:
            turn = await dialogue.turn(connection, call, heard, self._manners, now=now)
        await ring(self._database, Bell.ENGINE)
        return turn

    async def _call(self, token: str, ref: str) -> Call | None:
        """Our record of the provider's call ``ref``; if its number was not known yet, it is now."""
        async with self._database.statement() as connection:
            call = await calls.find(connection, ref=ref, token=token)
        if call is None:
            STRAY.inc()
            log.warning("a call-back about a call that we do not know", call=ref)
            return None
        if call.provider_ref is None:
            async with self._database.transaction() as connection:
                await progress.adopted(connection, call, ref, now=self._services.clock.now())
        return call

    def _hold(self, token: str, heard: Heard, language: Language, held: int, error: Exception) -> Response:
        HELD.inc()
        log.warning("a caller is asked to hold", stage=heard.stage, held=held, error=str(error))
        if held >= _HOLDS:
            return twiml.answer(twiml.give_up(language, self._config))
        then = Then(stage=heard.stage, about=heard.about, tries=heard.tries)
        known = {"digits": heard.digits, "by": heard.answered_by or "", "dialled": heard.dialled}
        url = twiml.url_of(self._config, token, then, language, **known, held=held + 1)
        return twiml.answer(twiml.hold(language, self._config, url))

    async def note_status(self, request: Request, token: str) -> None:
        """How the call goes on; late, repeated and reordered news change nothing wrongly."""
        form = await genuine_form(request, self._config)
        ref = text(form, "CallSid")
        try:
            status = CallStatus(text(form, "CallStatus"))
        except ValueError as error:
            raise problems.NotUnderstood(f"CallStatus: {error}") from error
        standing = Sent(ref=ref, status=status, answered_by=text(form, "AnsweredBy") or None)
        call = await self._call(token, ref)
        if call is None or call.provider_ref not in (None, ref):
            return
        async with self._database.transaction() as connection:
            news = await progress.call_moved(connection, call, standing, now=self._services.clock.now())
        if news and progress.is_end(status):
            # Its number is free for what waits; and whoever was not reached has a next channel.
            await ring(self._database, Bell.ENGINE, Bell.SENDER)


def _whole(written: str) -> int:
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 4 else 0
