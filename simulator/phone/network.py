"""The stand-in for the phone network: calls and texts among scripted and played people, on one provider's account."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from domain.clock import Clock
from simulator.clock import AcceleratedClock
from simulator.errors import NothingCame, UnexpectedTraffic
from simulator.phone import refusals
from simulator.phone.books import Account, Books, Line, OwnNumber
from simulator.phone.call import PATIENCE_S, Call, CallRequest, CallStatus, Script
from simulator.phone.carrier import Carrier
from simulator.phone.exchange import Exchange
from simulator.phone.faults import Fault, Mischief, RateLimit
from simulator.phone.message import Message
from simulator.phone.people import Person
from simulator.phone.postman import REPLY_WITHIN_S, Posted, Postman
from simulator.phone.timing import Timing

_log = logging.getLogger(__name__)

Noticeable = TypeVar("Noticeable", Call, Message)


class PhoneNetwork:
    """A phone network with one account on it. Use as ``async with``: leaving it ends whatever is under way.

    Care time (ringing, speaking, waiting for a key) runs by ``clock``, by default real time; HTTP time-outs are
    machine time.
    """

    def __init__(
        self,
        *,
        account: Account,
        own_numbers: Iterable[OwnNumber] = (),
        clock: Clock | None = None,
        timing: Timing | None = None,
        reply_within_s: float = REPLY_WITHIN_S,
    ) -> None:
        self.books = Books(account=account, clock=clock or AcceleratedClock(), timing=timing or Timing())
        self.books.own_numbers.update({own.number: own for own in own_numbers})
        self.faults: list[Fault] = []
        self.rate_limit: RateLimit | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._crashes: list[str] = []
        self._postman = Postman(
            auth_token=account.auth_token, clock=self.books.clock, spawn=self._spawn, reply_within_s=reply_within_s
        )
        self._exchange = Exchange(books=self.books, postman=self._postman, spawn=self._spawn)
        self._carrier = Carrier(books=self.books, postman=self._postman, spawn=self._spawn)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._postman.close()

    # What the provider's REST interface does.

    def create_call(self, request: CallRequest) -> Call:
        """Place a call; raises Refused as Twilio would refuse it."""
        script = request.script
        refusals.check_call(request.to, request.from_, script.url, script.twiml, frozenset(self.books.own_numbers))
        return self._exchange.place(request)

    def update_call(self, call: Call, *, hang_up: str = "", script: Script | None = None) -> Call:
        """Change a live call: ``hang_up`` is Twilio's Status (canceled: only before it is answered; completed: any).

        Raises Refused (21220) when the call is over.
        """
        if call.status.is_final:
            raise refusals.call_is_over()
        if hang_up == "completed" or (hang_up == "canceled" and call.status is not CallStatus.IN_PROGRESS):
            call.put_down.set()
        elif script is not None:
            call.updates.append(script)
            call.updated.set()
        return call

    def create_message(self, *, to: str, from_: str, body: str, status_callback: str = "") -> Message:
        """Send a text; raises Refused as Twilio would refuse it."""
        refusals.check_message(to, from_, body, frozenset(self.books.own_numbers))
        return self._carrier.take(to=to, from_=from_, body=body, status_callback=status_callback)

    # Who is on the network, and what goes wrong.

    def register(self, person: Person) -> "Handset":
        """Put ``person`` at their number, in place of whoever was there, and return their phone."""
        self.books.people[person.number] = person
        return Handset(self, person)

    def forget(self, number: str) -> None:
        """Nobody is at ``number`` any more."""
        self.books.people.pop(number, None)

    @property
    def mischief(self) -> Mischief:
        """What goes wrong with call-backs; set it at any time."""
        return self._postman.mischief

    @mischief.setter
    def mischief(self, mischief: Mischief) -> None:
        self._postman.mischief = mischief

    def fault_for(self, path: str, method: str) -> Fault | None:
        """The first fault that concerns this request, counted as having struck once more."""
        return next((fault for fault in self.faults if fault.takes(path, method)), None)

    # What stories see and do.

    @property
    def transcript(self) -> list[Line]:
        """All that was said, written, pressed and answered, in order."""
        return self.books.transcript

    @property
    def posted(self) -> list[Posted]:
        """Every call-back delivered, or tried, with the platform's answer."""
        return self._postman.posted

    def calls_to(self, number: str) -> list[Call]:
        """The calls to ``number``, oldest first."""
        return self.books.calls_to(number)

    def messages_to(self, number: str) -> list[Message]:
        """The texts to ``number``, oldest first."""
        return self.books.messages_to(number)

    async def wait_for_call(self, number: str, within_s: float = PATIENCE_S) -> Call:
        """Take notice of the oldest call to ``number`` not yet noticed, waiting for it ``within_s`` of machine time."""
        return await self._wait(self.books.calls_to, number, "a call", within_s)

    async def wait_for_message(self, number: str, within_s: float = PATIENCE_S) -> Message:
        """Take notice of the oldest text to ``number`` not yet noticed, waiting for it ``within_s`` of machine time."""
        return await self._wait(self.books.messages_to, number, "a text", within_s)

    async def text(self, *, from_: str, to: str, body: str) -> Message:
        """Let a person at ``from_`` write to the account's number ``to``; returns when the platform has answered."""
        return await self._carrier.bring(from_=from_, to=to, body=body)

    async def open_link(self, message: Message) -> int | None:
        """Open the first link in ``message`` (GET); returns the HTTP status, None without a link or an answer."""
        return await self._carrier.open_link(message)

    async def forge(self, url: str, parameters: Mapping[str, str]) -> int | None:
        """Post ``parameters`` to the platform with a signature that does not fit; returns the HTTP status."""
        return await self._postman.forge(url, parameters)

    async def quiet(self) -> bool:
        """Return when nothing is under way from the network to the platform; whether there was anything.

        Fit for :meth:`HandSetClock.settle_with`.
        """
        return await self._postman.quiet()

    def surprises(self) -> list[str]:
        """All that nobody expected: unknown numbers and TwiML, traffic to played people that no story noticed."""
        calls = [call.tell() for call in self.books.calls.values() if not call.noticed and call.to in self.books.people]
        texts = [
            f"the text {message.sid} to {message.to}: {message.body}"
            for message in self.books.messages.values()
            if not message.noticed and message.to in self.books.people
        ]
        return [*map(str, self.books.unexpected), *calls, *texts, *self._crashes]

    def check(self) -> None:
        """Raise UnexpectedTraffic if there were surprises; the last line of every story."""
        surprises = self.surprises()
        if surprises:
            raise UnexpectedTraffic(surprises)

    async def _wait(
        self, to: Callable[[str], list[Noticeable]], number: str, awaited: str, within_s: float
    ) -> Noticeable:
        found = await self.books.changes.until(
            lambda: next((one for one in to(number) if not one.noticed), None),
            awaited=f"{awaited} to {number}",
            within_s=within_s,
            instead=self._tell,
        )
        found.noticed = True
        return found

    def _tell(self) -> str:
        return "the network has seen:\n  " + "\n  ".join(map(str, self.books.transcript[-40:]))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            _log.error("the phone network failed", exc_info=error)
            self._crashes.append(f"the stand-in itself failed: {error!r}")
            self.books.changes.tell()


class Handset:
    """The phone of one person, for stories that play them."""

    def __init__(self, network: PhoneNetwork, person: Person) -> None:
        self.network = network
        self.person = person

    @property
    def number(self) -> str:
        """The person's number."""
        return self.person.number

    @property
    def calls(self) -> list[Call]:
        """All calls to it, oldest first."""
        return self.network.calls_to(self.number)

    @property
    def messages(self) -> list[Message]:
        """All texts to it, oldest first."""
        return self.network.messages_to(self.number)

    async def next_call(self, within_s: float = PATIENCE_S) -> Call:
        """See :meth:`PhoneNetwork.wait_for_call`."""
        return await self.network.wait_for_call(self.number, within_s)

    async def next_message(self, within_s: float = PATIENCE_S) -> Message:
        """See :meth:`PhoneNetwork.wait_for_message`."""
        return await self.network.wait_for_message(self.number, within_s)

    async def reply(self, body: str) -> Message:
        """Answer the last text that came, with ``body``; returns when the platform has taken it."""
        if not self.messages:
            raise NothingCame(f"a text to {self.number} that could be answered", 0, "there was none")
        return await self.network.text(from_=self.number, to=self.messages[-1].from_, body=body)
