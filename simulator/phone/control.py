"""The stand-in's own interface below /stand-in: people, faults and what happened, for demo, drills and simulator.

No credentials: it serves a stand-in on the local machine. Bodies and answers are JSON; :class:`Person`,
:class:`Fault` and :class:`Mischief` are given as they are defined.
"""

from typing import TypeVar

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from simulator.errors import NothingCame, NotOnThePhone, Refused
from simulator.phone import refusals
from simulator.phone.books import OwnNumber
from simulator.phone.call import Call
from simulator.phone.faults import Fault, Mischief
from simulator.phone.message import Message
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import Person

Body = TypeVar("Body")


class CallView(msgspec.Struct, kw_only=True):
    """A call as a script in another process sees it."""

    sid: str
    to: str
    from_: str = msgspec.field(name="from")
    status: str
    answered_by: str | None
    menu_open: bool
    spoken: list[str]
    bridged_to: list[str]


class MessageView(msgspec.Struct, kw_only=True):
    """A text as a script in another process sees it."""

    sid: str
    to: str
    from_: str = msgspec.field(name="from")
    status: str
    direction: str
    body: str


class Text(msgspec.Struct, kw_only=True):
    """A text that a person writes."""

    from_: str = msgspec.field(name="from")
    to: str
    body: str


class Keys(msgspec.Struct):
    """Keys that a person presses."""

    keys: str


def routes(network: PhoneNetwork) -> APIRouter:
    """All routes below /stand-in."""
    router = APIRouter(prefix="/stand-in")
    _route_people(router, network)
    _route_troubles(router, network)
    _route_calls(router, network)
    _route_messages(router, network)
    _route_happenings(router, network)
    return router


def _route_people(router: APIRouter, network: PhoneNetwork) -> None:
    @router.get("/people")
    async def people() -> Response:
        return _json(list(network.books.people.values()))

    @router.put("/people/{number}")
    async def register(request: Request, number: str) -> Response:
        person = await _body(request, Person)
        if person.number != number:
            raise Refused(400, f"the person's number is {person.number}, the path's {number}")
        network.register(person)
        return _json(person)

    @router.delete("/people/{number}")
    async def forget(number: str) -> Response:
        network.forget(number)
        return Response(status_code=204)

    @router.put("/numbers/{number}")
    async def own(request: Request, number: str) -> Response:
        given = await _body(request, OwnNumber)
        network.books.own_numbers[number] = given
        return _json(given)


def _route_troubles(router: APIRouter, network: PhoneNetwork) -> None:
    @router.get("/faults")
    async def faults() -> Response:
        return _json(network.faults)

    @router.put("/faults")
    async def set_faults(request: Request) -> Response:
        network.faults[:] = await _body(request, list[Fault])
        return _json(network.faults)

    @router.get("/mischief")
    async def mischief() -> Response:
        return _json(network.mischief)

    @router.put("/mischief")
    async def set_mischief(request: Request) -> Response:
        network.mischief = await _body(request, Mischief)
        return _json(network.mischief)


def _route_calls(router: APIRouter, network: PhoneNetwork) -> None:
    def find(request: Request, sid: str) -> Call:
        if sid not in network.books.calls:
            raise refusals.not_found(request.url.path)
        network.books.calls[sid].noticed = True
        return network.books.calls[sid]

    @router.get("/calls")
    async def calls(to: str | None = None) -> Response:
        return _json([_call(call) for call in network.books.calls.values() if to in (None, call.to)])

    @router.post("/calls/{sid}/{deed}")
    async def act(request: Request, sid: str, deed: str) -> Response:
        call = find(request, sid)
        try:
            match deed:
                case "answer":
                    await call.answer()
                case "decline":
                    await call.decline()
                case "hang-up":
                    await call.hang_up()
                case "press":
                    await call.press((await _body(request, Keys)).keys)
                case _:
                    raise refusals.not_found(request.url.path)
        except (NotOnThePhone, NothingCame) as error:
            raise Refused(409, str(error), 409) from error
        return _json(_call(call))


def _route_messages(router: APIRouter, network: PhoneNetwork) -> None:
    @router.get("/messages")
    async def messages(to: str | None = None) -> Response:
        return _json([_message(one) for one in network.books.messages.values() if to in (None, one.to)])

    @router.post("/messages/{sid}/open-link")
    async def open_link(request: Request, sid: str) -> Response:
        if sid not in network.books.messages:
            raise refusals.not_found(request.url.path)
        message = network.books.messages[sid]
        message.noticed = True
        return _json({"status": await network.open_link(message)})

    @router.post("/texts")
    async def text(request: Request) -> Response:
        given = await _body(request, Text)
        return _json(_message(await network.text(from_=given.from_, to=given.to, body=given.body)))


def _route_happenings(router: APIRouter, network: PhoneNetwork) -> None:
    @router.get("/transcript")
    async def transcript(after: int = 0) -> Response:
        """Lines from place ``after`` on, so that a reader can follow."""
        return _json(network.transcript[after:])

    @router.get("/posted")
    async def posted(after: int = 0) -> Response:
        return _json(network.posted[after:])

    @router.get("/surprises")
    async def surprises() -> Response:
        return _json(network.surprises())


def _call(call: Call) -> CallView:
    return CallView(
        sid=call.sid,
        to=call.to,
        from_=call.from_,
        status=call.status,
        answered_by=call.answered_by,
        menu_open=call.menu is not None,
        spoken=call.spoken,
        bridged_to=call.bridged_to,
    )


def _message(message: Message) -> MessageView:
    return MessageView(
        sid=message.sid,
        to=message.to,
        from_=message.from_,
        status=message.status,
        direction=message.direction,
        body=message.body,
    )


async def _body(request: Request, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise Refused(400, str(error)) from error


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
