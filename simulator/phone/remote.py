"""The stand-in of another process, scripted over its /stand-in interface."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from simulator.errors import Refused
from simulator.phone.books import Line, OwnNumber
from simulator.phone.control import CallView, Keys, MessageView, Text
from simulator.phone.faults import Fault, Mischief
from simulator.phone.people import Person

Answer = TypeVar("Answer")
# Machine time; longer than a deed on a call may take over there.
_WITHIN_S = 30.0


class RemotePhone:
    """Scripts the people and troubles of a stand-in at ``url``. Use as ``async with``.

    Raises Refused when the stand-in does not do what it is asked, and httpx.HTTPError when it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"{url}/stand-in", timeout=_WITHIN_S, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def register(self, person: Person) -> None:
        """Put ``person`` at their number."""
        await self._ask("PUT", f"/people/{person.number}", Person, person)

    async def forget(self, number: str) -> None:
        """Nobody is at ``number`` any more."""
        await self._send("DELETE", f"/people/{number}")

    async def people(self) -> list[Person]:
        """Everybody registered."""
        return await self._ask("GET", "/people", list[Person])

    async def own(self, number: OwnNumber) -> None:
        """Give the account ``number``."""
        await self._ask("PUT", f"/numbers/{number.number}", OwnNumber, number)

    async def set_faults(self, faults: Sequence[Fault]) -> None:
        """These faults from now on, and no others."""
        await self._ask("PUT", "/faults", list[Fault], list(faults))

    async def set_mischief(self, mischief: Mischief) -> None:
        """This mischief with call-backs from now on."""
        await self._ask("PUT", "/mischief", Mischief, mischief)

    async def calls(self, to: str | None = None) -> list[CallView]:
        """All calls, or those to one number, oldest first."""
        return await self._ask("GET", "/calls", list[CallView], to=to)

    async def messages(self, to: str | None = None) -> list[MessageView]:
        """All texts, or those to one number, oldest first."""
        return await self._ask("GET", "/messages", list[MessageView], to=to)

    async def answer(self, call_sid: str) -> CallView:
        """Pick up a ringing phone."""
        return await self._ask("POST", f"/calls/{call_sid}/answer", CallView)

    async def decline(self, call_sid: str) -> CallView:
        """Reject a ringing call."""
        return await self._ask("POST", f"/calls/{call_sid}/decline", CallView)

    async def hang_up(self, call_sid: str) -> CallView:
        """Put the phone down."""
        return await self._ask("POST", f"/calls/{call_sid}/hang-up", CallView)

    async def press(self, call_sid: str, keys: str) -> CallView:
        """Press keys in the menu that is open, or in the next one."""
        return await self._ask("POST", f"/calls/{call_sid}/press", CallView, Keys(keys))

    async def text(self, *, from_: str, to: str, body: str) -> MessageView:
        """Let a person write to the account's number ``to``."""
        return await self._ask("POST", "/texts", MessageView, Text(from_=from_, to=to, body=body))

    async def transcript(self, after: int = 0) -> list[Line]:
        """What was said, written, pressed and answered, from place ``after`` on."""
        return await self._ask("GET", "/transcript", list[Line], after=str(after))

    async def surprises(self) -> list[str]:
        """All that nobody expected."""
        return await self._ask("GET", "/surprises", list[str])

    async def _ask(
        self, method: str, path: str, kind: type[Answer], body: object = None, **query: str | None
    ) -> Answer:
        return msgspec.json.decode(await self._send(method, path, body, **query), type=kind)

    async def _send(self, method: str, path: str, body: object = None, **query: str | None) -> bytes:
        response = await self._client.request(
            method,
            path,
            content=None if body is None else msgspec.json.encode(body),
            params={name: value for name, value in query.items() if value is not None},
        )
        if response.status_code >= 400:
            said = response.json()
            raise Refused(said["code"], said["message"], response.status_code)
        return response.content
