"""The books of the phone network: who is at which number, what is under way, what was said."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.clock import Clock
from simulator.phone.call import Call
from simulator.phone.message import Message
from simulator.phone.people import Person
from simulator.phone.timing import Timing
from simulator.phone.waiting import Changes


class LineKind(StrEnum):
    """What a line of the transcript tells."""

    STATUS = "status"
    SAID = "said"
    PLAYED = "played"
    PRESSED = "pressed"
    CONNECTED = "connected"
    TEXT = "text"
    REPLY = "reply"
    OPENED = "opened"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the transcript: ``number`` is the person's, ``sid`` the call or message it belongs to."""

    at: datetime
    kind: LineKind
    number: str
    sid: str
    text: str
    language: str = ""

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.number} {self.kind} {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The platform's account with the provider. ``sid`` is AC and 32 hex digits."""

    sid: str
    auth_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNumber:
    """A number of the account; texts to it are posted to ``sms_url`` (none: they are lost)."""

    number: str
    sms_url: str = ""
    sms_method: str = "POST"


@dataclass(slots=True, kw_only=True)
class Books:
    """All state of one phone network."""

    account: Account
    clock: Clock
    timing: Timing
    own_numbers: dict[str, OwnNumber] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    transcript: list[Line] = field(default_factory=list)
    unexpected: list[Line] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def new_sid(self, prefix: str) -> str:
        """An identifier as Twilio forms them: two letters and 32 hex digits."""
        return prefix + uuid.uuid4().hex

    def now(self) -> datetime:
        """The present moment of care time."""
        return self.clock.now()

    async def pass_time(self, seconds: float) -> None:
        """Let ``seconds`` of care time go by; none for zero."""
        if seconds > 0:
            await self.clock.sleep_until(self.now() + timedelta(seconds=seconds))

    def note(self, kind: LineKind, number: str, sid: str, text: str, language: str = "") -> Line:
        """Write a line into the transcript."""
        line = Line(at=self.now(), kind=kind, number=number, sid=sid, text=text, language=language)
        self.transcript.append(line)
        self.changes.tell()
        return line

    def wonder(self, number: str, sid: str, text: str) -> None:
        """Record that something came which nobody expected."""
        self.unexpected.append(self.note(LineKind.TROUBLE, number, sid, text))

    def calls_to(self, number: str) -> list[Call]:
        """The calls to ``number``, oldest first."""
        return [call for call in self.calls.values() if call.to == number]

    def messages_to(self, number: str) -> list[Message]:
        """The texts to ``number``, oldest first."""
        return [message for message in self.messages.values() if message.to == number]
