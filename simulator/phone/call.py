"""One call: its record as Twilio shows it, and the phone in somebody's hand."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from simulator.errors import NotOnThePhone
from simulator.phone.people import AnsweredBy
from simulator.phone.waiting import Changes

# Machine time that a story waits for the network before it fails; generous for slow machines.
PATIENCE_S = 20.0


class CallStatus(StrEnum):
    """States of a call. Source: Twilio, Call resource, `status`."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether a call that has this status is over."""
        return self not in (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)


class Direction(StrEnum):
    """Who began a call. Source: Twilio, Call resource, `direction`."""

    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Where the instructions for a call come from: ``url`` fetched with ``method``, or else ``twiml`` itself."""

    url: str = ""
    method: str = "POST"
    twiml: str = ""
    fallback_url: str = ""
    fallback_method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What the platform asked for. Names and defaults are those of Twilio's parameters."""

    to: str
    from_: str
    script: Script = Script()
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: frozenset[str] = frozenset({"completed"})
    timeout_s: int = 60
    time_limit_s: int = 14400
    machine_detection: str = ""
    async_amd: bool = False
    async_amd_status_callback: str = ""
    send_digits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What Twilio's debugger would show about a call. Source: Twilio, Call Notification resource."""

    sid: str
    at: datetime
    code: int
    text: str
    url: str
    method: str


class Menu:
    """A moment in which the network listens for keys: from the start of a Gather to its end."""

    def __init__(self) -> None:
        self.pressed = asyncio.Event()
        """Set while keys wait to be taken."""
        self.interrupted = asyncio.Event()
        """Set by the first key: the prompt falls silent."""
        self.heard = asyncio.Event()
        """Set when the prompt has been spoken to its end, or was interrupted."""
        self._keys: list[str] = []

    def press(self, keys: str) -> None:
        """Press ``keys`` one after the other."""
        self._keys += keys
        self.pressed.set()
        self.interrupted.set()

    def take(self) -> str:
        """The key pressed longest ago; only while ``pressed`` is set."""
        key = self._keys.pop(0)
        if not self._keys:
            self.pressed.clear()
        return key


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One call. The network alone sets the record; ``answer``, ``press`` and the like are what a person does."""

    sid: str
    request: CallRequest
    created_at: datetime
    changes: Changes
    direction: Direction = Direction.OUTBOUND_API
    parent_sid: str | None = None
    status: CallStatus = CallStatus.QUEUED
    updated_at: datetime = field(init=False)
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: AnsweredBy | None = None
    menu: Menu | None = None
    menu_opened: asyncio.Event = field(default_factory=asyncio.Event)
    bridged_to: list[str] = field(default_factory=list)
    """Numbers that this call was connected to."""
    spoken: list[str] = field(default_factory=list)
    """What the platform said, one entry for each Say begun."""
    notifications: list[Notification] = field(default_factory=list)
    noticed: bool = False
    """Whether a script or a story has taken notice of it."""
    updates: list[Script] = field(default_factory=list)
    """Scripts given over REST to a live call, not yet followed."""
    picked_up: asyncio.Event = field(default_factory=asyncio.Event)
    turned_away: asyncio.Event = field(default_factory=asyncio.Event)
    put_down: asyncio.Event = field(default_factory=asyncio.Event)
    """The person, or the platform over REST, has ended it."""
    updated: asyncio.Event = field(default_factory=asyncio.Event)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    events_sent: int = 0
    """Numbers the status call-backs from 0."""

    def __post_init__(self) -> None:
        self.updated_at = self.created_at

    @property
    def to(self) -> str:
        """The number called."""
        return self.request.to

    @property
    def from_(self) -> str:
        """The number that calls."""
        return self.request.from_

    @property
    def duration_s(self) -> int | None:
        """Seconds talked; None unless it was answered and has ended."""
        if self.answered_at is None or self.ended_at is None:
            return None
        return round((self.ended_at - self.answered_at).total_seconds())

    async def answer(self) -> None:
        """Pick up the ringing phone; returns when the call is in progress."""
        await self.until(CallStatus.RINGING)
        if self.status is not CallStatus.RINGING:
            raise NotOnThePhone("answer", self.sid, self.status)
        self.picked_up.set()
        await self.until(CallStatus.IN_PROGRESS)

    async def decline(self) -> None:
        """Reject the ringing call with the phone's own button; returns when it has ended as busy."""
        await self.until(CallStatus.RINGING)
        if self.status is not CallStatus.RINGING:
            raise NotOnThePhone("decline", self.sid, self.status)
        self.turned_away.set()
        await self.ended()

    async def press(self, keys: str) -> None:
        """Press ``keys`` in the menu that is open, or in the next one to open; returns when they were taken.

        With a hand-set clock whatever stands before the menu (detection, speech, pauses) must have passed.
        """
        menu = await self._next_menu()
        menu.press(keys)
        await self.changes.until(
            lambda: not menu.pressed.is_set() or self.menu is not menu,
            awaited=f"the network taking {keys!r} on call {self.sid}",
            within_s=PATIENCE_S,
            instead=self.tell,
        )

    async def hang_up(self) -> None:
        """Put the phone down; returns when the call has ended."""
        if self.status is not CallStatus.IN_PROGRESS:
            raise NotOnThePhone("hang up", self.sid, self.status)
        self.put_down.set()
        await self.ended()

    async def hears(self, text: str, within_s: float = PATIENCE_S) -> str:
        """Wait until the platform says something that contains ``text``, and return all of that sentence."""
        return await self.changes.until(
            lambda: next((said for said in self.spoken if text in said), None),
            awaited=f"{text!r} on call {self.sid}",
            within_s=within_s,
            instead=self.tell,
        )

    async def until(self, status: CallStatus, within_s: float = PATIENCE_S) -> None:
        """Return when the call has reached ``status``, or has ended."""
        await self.changes.until(
            lambda: self.status is status or self.status.is_final,
            awaited=f"{status} of call {self.sid}",
            within_s=within_s,
            instead=self.tell,
        )

    async def ended(self, within_s: float = PATIENCE_S) -> CallStatus:
        """Wait for the end of the call and return its final status."""
        await self.changes.until(
            lambda: self.status.is_final, awaited=f"the end of call {self.sid}", within_s=within_s, instead=self.tell
        )
        return self.status

    def tell(self) -> str:
        """The call in a line, for errors and listings."""
        said = f", was told: {' / '.join(self.spoken)}" if self.spoken else ""
        return f"the call {self.sid} to {self.to} is {self.status}{said}"

    async def _next_menu(self) -> Menu:
        def look() -> Menu | None:
            if self.status.is_final:
                raise NotOnThePhone("press a key", self.sid, self.status)
            return self.menu

        return await self.changes.until(
            look, awaited=f"a menu on call {self.sid}", within_s=PATIENCE_S, instead=self.tell
        )
