"""The town on the phone network: who is at which number, and what is heard on the line."""

import asyncio
from collections.abc import Callable
from typing import Final

import httpx

from devices.native import Stage
from simulator.errors import Refused
from simulator.phone.books import Line, LineKind
from simulator.phone.remote import RemotePhone
from simulator.responders import Responder
from simulator.town.story import Happening, Kind, Tell
from simulator.town.town import Town

_LISTEN_EVERY_S: Final = 0.3
_KEYS: Final = {"1": "coming", "2": "cannot", "3": "connect me", "9": "say it again"}
_UNREACHED: Final = {"busy": "is busy", "no-answer": "does not answer", "failed": "cannot be reached"}


async def move_in(town: Town, phone: RemotePhone, registered: Callable[[], None] = lambda: None) -> None:
    """Put everybody at their numbers, telling ``registered`` of each."""

    async def register(one: Responder) -> None:
        await phone.register(one.person)
        registered()

    await asyncio.gather(*map(register, town.responders))


async def listen(town: Town, phone: RemotePhone, tell: Tell) -> None:
    """Tell what happens on the phones from now on; never ends by itself."""
    people = {one.person.number: one for one in town.responders}
    heard = len(await phone.transcript())
    while True:
        try:
            lines = await phone.transcript(after=heard)
        except (httpx.HTTPError, Refused):
            lines = []  # it is starting again
        heard += len(lines)
        for line in lines:
            if line.number in people and (happening := _happening(town, line, people[line.number])):
                tell(happening)
        await asyncio.sleep(_LISTEN_EVERY_S)


def _happening(town: Town, line: Line, one: Responder) -> Happening | None:
    stage: Stage | None = None
    who = f"{one.name} ({one.relation} of {town.who(one.home)})" if one.home else one.name
    match line.kind, line.text:
        case LineKind.STATUS, "ringing":
            kind, text, stage = Kind.CALL, f"the phone of {who} rings", Stage.NOTIFIED
        case LineKind.STATUS, status if status in _UNREACHED:
            kind, text = Kind.UNREACHED, f"{who} {_UNREACHED[status]}"
        case LineKind.PRESSED, key:
            kind, text = Kind.KEY, f"{who} presses {key}: {_KEYS.get(key, 'nothing of ours')}"
            stage = Stage.ACCEPTED if key == "1" else None
        case LineKind.TEXT, _:
            kind, text = Kind.TEXT, f"{who} gets a text"
        case _:
            return None
    return Happening(at=line.at, kind=kind, text=text, home=one.home, stage=stage)
