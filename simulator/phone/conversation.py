"""What happens on an answered call: TwiML is fetched and followed, verb by verb, until somebody hangs up."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import urljoin

from simulator.errors import NotTwiml
from simulator.phone.books import Books, LineKind
from simulator.phone.call import Call, CallRequest, CallStatus, Menu, Notification, Script
from simulator.phone.parameters import of_call
from simulator.phone.postman import Postman
from simulator.phone.twiml import Dial, Document, Gather, Hangup, Message, Pause, Play, Prompt, Redirect, Say, parse
from simulator.phone.waiting import first_of, happens_by

# What Twilio says before it hangs up on a call whose TwiML it cannot get.
APOLOGY = "We are sorry, an application error has occurred. Goodbye."
# Invalid URL format, HTTP retrieval failure, HTTP connection failure. Source: Twilio error dictionary.
_INVALID_URL, _RETRIEVAL_FAILURE, _CONNECTION_FAILURE = 11100, 11200, 11205
# On a real call every document takes time; a clock set by hand would stand still in a circle for ever.
_DOCUMENTS_IN_ONE_MOMENT = 50
# A sound's length is not known here; this is an assumption.
_SOUND_S = 5.0


class Operator(Protocol):
    """Connects a call to further numbers."""

    def place(self, request: CallRequest, parent: Call | None = None) -> Call:
        """Place a call; with ``parent`` as a leg of that one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """Go on with ``script``, sending ``parameters`` along."""

    script: Script
    parameters: Mapping[str, str] = field(default_factory=dict)


class Conversation:
    """Follows TwiML on one call. Cancelled when the call ends otherwise."""

    def __init__(self, *, books: Books, postman: Postman, operator: Operator, call: Call) -> None:
        self._books = books
        self._postman = postman
        self._operator = operator
        self._call = call

    async def run(self) -> None:
        """Follow the call's script, and those that REST gives it meanwhile; returns when the call is to be hung up."""
        scripts = self._call.updates or [self._call.request.script]
        while scripts:
            self._call.updated.clear()
            await first_of(self._follow(_Step(script=scripts.pop(0))), self._call.updated.wait())
            scripts = self._call.updates

    async def _follow(self, step: _Step | None) -> None:
        moment, documents = self._books.now(), 0
        while step is not None:
            if moment != self._books.now():
                moment, documents = self._books.now(), 0
            documents += 1
            if documents > _DOCUMENTS_IN_ONE_MOMENT:
                self._books.wonder(self._call.to, self._call.sid, f"instructions in a circle at {step.script.url}")
                return
            document = await self._obtain(step)
            if document is None:
                await self._say(Say(text=APOLOGY))
                return
            step = await self._perform(document, step.script.url)

    async def _obtain(self, step: _Step) -> Document | None:
        """The document that ``step`` leads to, or the one its fallback gives; None if there is neither."""
        script = step.script
        outcome = await self._fetch(script, step.parameters) if script.url else self._read(script.twiml, script)
        if isinstance(outcome, int) and script.fallback_url:
            fallback = Script(url=script.fallback_url, method=script.fallback_method)
            outcome = await self._fetch(fallback, {"ErrorCode": str(outcome), "ErrorUrl": script.url})
        return outcome if isinstance(outcome, Document) else None

    async def _fetch(self, script: Script, parameters: Mapping[str, str]) -> Document | int:
        """The document at the script's URL, or Twilio's code for what went wrong."""
        if not script.url.startswith(("http://", "https://")):
            return self._complain(_INVALID_URL, "invalid URL format", script)
        reply = await self._postman.ask(
            script.url, of_call(self._books.account, self._call) | dict(parameters), script.method
        )
        if reply is None:
            return self._complain(_CONNECTION_FAILURE, "HTTP connection failure", script)
        if not 200 <= reply.status < 300:
            return self._complain(_RETRIEVAL_FAILURE, f"HTTP retrieval failure: status {reply.status}", script)
        return self._read(reply.text, script)

    def _read(self, text: str, script: Script) -> Document | int:
        try:
            document = parse(text)
        except NotTwiml as error:
            return self._complain(error.code, error.detail, script)
        for oddity in document.oddities:
            self._books.wonder(self._call.to, self._call.sid, oddity)
        return document

    def _complain(self, code: int, text: str, script: Script) -> int:
        self._call.notifications.append(
            Notification(
                sid=self._books.new_sid("NO"),
                at=self._books.now(),
                code=code,
                text=text,
                url=script.url,
                method=script.method,
            )
        )
        self._books.note(LineKind.TROUBLE, self._call.to, self._call.sid, f"{code} {text} {script.url}".strip())
        return code

    async def _perform(self, document: Document, base_url: str) -> _Step | None:
        """Perform the verbs up to one that goes on elsewhere; None when the call is to be hung up."""
        for verb in document.verbs:
            step: _Step | None = None
            match verb:
                case Say() | Play() | Pause():
                    await self._speak(verb)
                case Gather():
                    step = await self._gather(verb, base_url)
                case Redirect():
                    step = _step(base_url, verb.url, verb.method)
                case Dial():
                    step = await self._dial(verb, base_url)
                case Hangup():
                    return None
                case Message():
                    self._books.wonder(self._call.to, self._call.sid, "<Message> in a voice document")
            if step is not None:
                return step
        return None

    async def _speak(self, prompt: Prompt) -> None:
        match prompt:
            case Say():
                await self._say(prompt)
            case Play():
                self._books.note(LineKind.PLAYED, self._call.to, self._call.sid, prompt.url)
                await self._books.pass_time(_SOUND_S * self._books.timing.pace)
            case Pause():
                await self._books.pass_time(prompt.length_s)

    async def _say(self, say: Say) -> None:
        for _ in range(max(1, say.loop)):
            self._call.spoken.append(say.text)
            self._books.note(LineKind.SAID, self._call.to, self._call.sid, say.text, say.language)
            await self._books.pass_time(self._books.timing.speaking(say.text, say.language).total_seconds())

    async def _gather(self, gather: Gather, base_url: str) -> _Step | None:
        menu = Menu()
        self._call.menu = menu
        self._call.menu_opened.set()
        self._books.changes.tell()
        try:
            await first_of(self._prompt(gather), menu.interrupted.wait())
            menu.heard.set()
            digits = await self._digits(gather, menu)
        finally:
            self._call.menu = None
            self._books.changes.tell()
        if not digits and not gather.action_on_empty_result:
            return None
        if digits:
            self._books.note(LineKind.PRESSED, self._call.to, self._call.sid, digits)
        return _step(base_url, gather.action, gather.method, {"Digits": digits})

    async def _prompt(self, gather: Gather) -> None:
        for prompt in gather.prompt:
            await self._speak(prompt)

    async def _digits(self, gather: Gather, menu: Menu) -> str:
        """The keys pressed, until there are enough, the finishing one comes, or none comes in time."""
        digits = ""
        while gather.num_digits is None or len(digits) < gather.num_digits:
            deadline = self._books.now() + timedelta(seconds=gather.timeout_s)
            if not await happens_by(menu.pressed, self._books.clock, deadline):
                break
            key = menu.take()
            self._books.changes.tell()
            if key == gather.finish_on_key:
                break
            digits += key
        return digits

    async def _dial(self, dial: Dial, base_url: str) -> _Step | None:
        legs = [self._operator.place(self._leg(number, dial), parent=self._call) for number in dial.numbers]
        try:
            answered = await _first_to_answer(legs)
            for leg in legs:
                if leg is not answered:
                    leg.put_down.set()
            if answered is not None:
                self._call.bridged_to.append(answered.to)
                self._books.note(LineKind.CONNECTED, self._call.to, self._call.sid, answered.to)
                await answered.over.wait()
        finally:
            for leg in legs:
                leg.put_down.set()
        if not dial.action:
            return None
        return _step(base_url, dial.action, dial.method, _dial_outcome(answered, legs))

    def _leg(self, number: str, dial: Dial) -> CallRequest:
        return CallRequest(
            to=number,
            from_=dial.caller_id or self._call.from_,
            timeout_s=dial.timeout_s,
            time_limit_s=dial.time_limit_s,
        )


def _step(base_url: str, url: str, method: str, parameters: Mapping[str, str] | None = None) -> _Step:
    return _Step(script=Script(url=urljoin(base_url, url), method=method), parameters=parameters or {})


async def _first_to_answer(legs: list[Call]) -> Call | None:
    """The first of ``legs`` to be picked up; None when all have ended before."""

    async def all_over() -> None:
        await asyncio.gather(*(leg.over.wait() for leg in legs))

    await first_of(*(leg.connected.wait() for leg in legs), all_over())
    return next((leg for leg in legs if leg.connected.is_set()), None)


def _dial_outcome(answered: Call | None, legs: list[Call]) -> dict[str, str]:
    """What the action of a Dial is told. Source: Twilio, TwiML Dial, `action`."""
    if answered is None:
        last = legs[-1] if legs else None
        return {"DialCallStatus": last.status if last else CallStatus.FAILED}
    return {
        "DialCallStatus": CallStatus.COMPLETED,
        "DialCallSid": answered.sid,
        "DialCallDuration": str(answered.duration_s or 0),
    }
