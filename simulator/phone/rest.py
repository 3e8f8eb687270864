"""The provider's REST interface: Twilio's paths, parameters and answers over a :class:`PhoneNetwork`."""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import FormData

from simulator.errors import Refused
from simulator.phone import refusals, resources
from simulator.phone.call import Call, CallRequest, Script
from simulator.phone.message import Message
from simulator.phone.network import PhoneNetwork

_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
_PREFIX = "/2010-04-01/Accounts/{account_sid}"

# The parameters that this stand-in obeys. Any other is either misspelt or has to be learnt here.
_SCRIPT_PARAMETERS = frozenset({"Url", "Method", "Twiml", "FallbackUrl", "FallbackMethod"})
_CALL_UPDATE_PARAMETERS = _SCRIPT_PARAMETERS | {"Status"}
_CALL_PARAMETERS = _SCRIPT_PARAMETERS | {
    *("To", "From", "Timeout", "TimeLimit", "SendDigits"),
    *("StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent"),
    *("MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback"),
}
_MESSAGE_PARAMETERS = frozenset({"To", "From", "Body", "StatusCallback"})


def routes(network: PhoneNetwork) -> APIRouter:
    """All routes below /2010-04-01; each asks for the account's credentials first."""

    def authenticate(request: Request, account_sid: str) -> None:
        account = network.books.account
        given = _credentials(request.headers.get("Authorization", ""))
        known = f"{account.sid}:{account.auth_token}"
        if account_sid != account.sid or not secrets.compare_digest(given.encode(), known.encode()):
            raise refusals.not_authenticated()

    router = APIRouter(prefix=_PREFIX, dependencies=[Depends(authenticate)])
    _route_calls(router, network)
    _route_messages(router, network)
    _route_conferences(router)
    return router


def refuse(_request: Request, refused: Exception) -> JSONResponse:
    """A refusal as Twilio words it."""
    assert isinstance(refused, Refused)
    return JSONResponse(resources.error(refused.code, refused.message, refused.status), refused.status)


def _route_calls(router: APIRouter, network: PhoneNetwork) -> None:
    account_sid, calls = network.books.account.sid, network.books.calls

    def find(request: Request, sid: str) -> Call:
        if sid not in calls:
            raise refusals.not_found(request.url.path)
        return calls[sid]

    @router.post("/Calls.json")
    async def create(request: Request) -> JSONResponse:
        form = await request.form()
        call = network.create_call(_call_request(form))
        _wonder(network, form, _CALL_PARAMETERS, call.to, call.sid)
        return JSONResponse(resources.of_call(account_sid, call), 201)

    @router.get("/Calls.json")
    async def list_all(request: Request) -> JSONResponse:
        wanted = _filter(request.query_params, "StartTime", strictly_before=True)
        ended = _filter(request.query_params, "EndTime", strictly_before=True)
        query = request.query_params
        found = [
            resources.of_call(account_sid, call)
            for call in reversed(calls.values())
            if _same(query, To=call.to, From=call.from_, Status=call.status, ParentCallSid=call.parent_sid or "")
            and wanted(call.rang_at)
            and ended(call.ended_at)
        ]
        return JSONResponse(resources.page(request.url.path, query, "calls", found))

    @router.get("/Calls/{sid}.json")
    async def fetch(request: Request, sid: str) -> JSONResponse:
        return JSONResponse(resources.of_call(account_sid, find(request, sid)))

    @router.post("/Calls/{sid}.json")
    async def update(request: Request, sid: str) -> JSONResponse:
        call, form = find(request, sid), await request.form()
        script = _script(form) if _text(form, "Url") or _text(form, "Twiml") else None
        network.update_call(call, hang_up=_text(form, "Status"), script=script)
        _wonder(network, form, _CALL_UPDATE_PARAMETERS, call.to, call.sid)
        return JSONResponse(resources.of_call(account_sid, call))

    @router.delete("/Calls/{sid}.json")
    async def delete(request: Request, sid: str) -> Response:
        call = find(request, sid)
        if not call.status.is_final:
            raise Refused(20009, "Cannot delete this resource before it is complete", 409)
        del calls[sid]
        return Response(status_code=204)

    @router.get("/Calls/{sid}/Notifications.json")
    async def notifications(request: Request, sid: str) -> JSONResponse:
        call = find(request, sid)
        found = [resources.of_notification(account_sid, call, one) for one in reversed(call.notifications)]
        return JSONResponse(resources.page(request.url.path, request.query_params, "notifications", found))


def _route_messages(router: APIRouter, network: PhoneNetwork) -> None:
    account_sid, messages = network.books.account.sid, network.books.messages

    def find(request: Request, sid: str) -> Message:
        if sid not in messages:
            raise refusals.not_found(request.url.path)
        return messages[sid]

    @router.post("/Messages.json")
    async def create(request: Request) -> JSONResponse:
        form = await request.form()
        status_callback = _text(form, "StatusCallback")
        if status_callback:
            refusals.check_url("StatusCallback", status_callback, 21609)
        message = network.create_message(
            to=_text(form, "To"),
            from_=_text(form, "From"),
            body=_text(form, "Body"),
            status_callback=status_callback,
        )
        _wonder(network, form, _MESSAGE_PARAMETERS, message.to, message.sid)
        return JSONResponse(resources.of_message(account_sid, message), 201)

    @router.get("/Messages.json")
    async def list_all(request: Request) -> JSONResponse:
        query = request.query_params
        wanted = _filter(query, "DateSent", strictly_before=False)
        found = [
            resources.of_message(account_sid, message)
            for message in reversed(messages.values())
            if _same(query, To=message.to, From=message.from_) and wanted(message.sent_at)
        ]
        return JSONResponse(resources.page(request.url.path, query, "messages", found))

    @router.get("/Messages/{sid}.json")
    async def fetch(request: Request, sid: str) -> JSONResponse:
        return JSONResponse(resources.of_message(account_sid, find(request, sid)))

    @router.post("/Messages/{sid}.json")
    async def update(request: Request, sid: str) -> JSONResponse:
        message, form = find(request, sid), await request.form()
        if _text(form, "Status"):
            raise Refused(30409, "Only a scheduled message can be canceled")
        if "Body" in form and _text(form, "Body") == "":
            message.body = ""
        return JSONResponse(resources.of_message(account_sid, message))

    @router.delete("/Messages/{sid}.json")
    async def delete(request: Request, sid: str) -> Response:
        if not find(request, sid).status.is_final:
            raise Refused(20009, "Cannot delete this resource before it is complete", 409)
        del messages[sid]
        return Response(status_code=204)


def _route_conferences(router: APIRouter) -> None:
    """There are none: this stand-in knows no <Conference>."""

    @router.get("/Conferences.json")
    async def list_all(request: Request) -> JSONResponse:
        return JSONResponse(resources.page(request.url.path, request.query_params, "conferences", []))


def _wonder(network: PhoneNetwork, form: FormData, obeyed: frozenset[str], number: str, sid: str) -> None:
    for name in sorted(set(form) - obeyed):
        network.books.wonder(number, sid, f"the parameter {name}, which this stand-in does not obey")


def _credentials(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode(errors="replace")
    except binascii.Error:
        return ""


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _seconds(form: FormData, name: str, default: int, longest: int) -> int:
    text = _text(form, name)
    return min(int(text), longest) if text.isdecimal() else default


def _script(form: FormData) -> Script:
    return Script(
        url=_text(form, "Url"),
        method=_text(form, "Method").upper() or "POST",
        twiml=_text(form, "Twiml"),
        fallback_url=_text(form, "FallbackUrl"),
        fallback_method=_text(form, "FallbackMethod").upper() or "POST",
    )


def _call_request(form: FormData) -> CallRequest:
    events = {word for value in form.getlist("StatusCallbackEvent") for word in str(value).split()} & _EVENTS
    status_callback = _text(form, "StatusCallback")
    if status_callback:
        refusals.check_url("StatusCallback", status_callback, 21609)
    return CallRequest(
        to=_text(form, "To"),
        from_=_text(form, "From"),
        script=_script(form),
        status_callback=status_callback,
        status_callback_method=_text(form, "StatusCallbackMethod").upper() or "POST",
        status_callback_events=frozenset(events or {"completed"}),
        timeout_s=_seconds(form, "Timeout", 60, 600),
        time_limit_s=_seconds(form, "TimeLimit", 14400, 86400),
        machine_detection=_text(form, "MachineDetection"),
        async_amd=_text(form, "AsyncAmd").lower() == "true",
        async_amd_status_callback=_text(form, "AsyncAmdStatusCallback"),
        send_digits=_text(form, "SendDigits"),
    )


def _same(query: Mapping[str, str], **values: str) -> bool:
    """Whether every value that ``query`` asks for is the one given."""
    return all(query.get(name, value) == value for name, value in values.items())


def _filter(query: Mapping[str, str], name: str, *, strictly_before: bool) -> Callable[[datetime | None], bool]:
    """Which moments the parameters ``name``, ``name<`` and ``name>`` let through, by their UTC day.

    A time of day in a parameter is taken and passed over: Twilio documents whole days only, so nobody may rely on
    more. What has no such moment yet is let through only without a filter.
    """
    on, before, after = (_day(query.get(name + sign, "")) for sign in ("", "<", ">"))

    def passes(moment: datetime | None) -> bool:
        if moment is None:
            return on is before is after is None
        day = moment.date()
        if before is not None and (day >= before if strictly_before else day > before):
            return False
        return (on is None or day == on) and (after is None or day >= after)

    return passes


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.strip("=")).date()
    except ValueError:
        raise Refused(20001, f"{text} is not a date of the form YYYY-MM-DD") from None
