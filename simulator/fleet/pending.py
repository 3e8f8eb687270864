"""What one device has to say and has not got rid of, through all losses of its connections."""

from collections import deque
from typing import Final

from simulator.fleet.voices.message import Message
from simulator.fleet.witness import Journey

Sending = tuple[Message, Journey | None]
_UNKNOWN: Final[tuple[None, None]] = (None, None)


class Pending:
    """Messages from their :meth:`add` on: waiting, then flying until the broker has taken them. An alarm is awaited
    as well, until its receipt has come.
    """

    __slots__ = ("_awaited", "_flying", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Sending] = deque()
        self._flying: dict[int, Sending] = {}
        self._awaited: dict[str, Sending] = {}

    @property
    def none(self) -> bool:
        """Whether nothing is waiting to be sent or acknowledged, nor for a receipt."""
        return not (self._waiting or self._flying or self._awaited)

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker has not taken yet."""
        return len(self._waiting) + len(self._flying)

    @property
    def awaits(self) -> bool:
        """Whether a receipt has not come yet."""
        return bool(self._awaited)

    def add(self, message: Message, journey: Journey | None) -> None:
        """Something more is to be said."""
        if message.event:
            self._awaited[message.event] = (message, journey)
        self._waiting.append((message, journey))

    def next(self) -> Sending | None:
        """What is to be sent next, if anything is."""
        return self._waiting.popleft() if self._waiting else None

    def flies(self, packet_id: int, sending: Sending) -> None:
        """It has been sent under ``packet_id``."""
        self._flying[packet_id] = sending

    def taken(self, packet_id: int) -> Journey | None:
        """The broker has taken what was sent under ``packet_id``: its journey, if anybody follows it."""
        return self._flying.pop(packet_id, _UNKNOWN)[1]

    def heard(self, event: str) -> None:
        """The receipt of an alarm has come."""
        self._awaited.pop(event, None)

    def take_back(self) -> None:
        """What flew when the connection broke is sent again, before what waits."""
        self._waiting.extendleft(reversed(self._flying.values()))
        self._flying.clear()

    def repeat(self) -> int:
        """Alarms without a receipt are sent again, unless they wait for that already; returns how many."""
        waiting = {message.event for message, _ in self._waiting}
        again = [sending for event, sending in self._awaited.items() if event not in waiting]
        self._waiting.extend(again)
        return len(again)
