"""What goes to the broker."""

from typing import Protocol

import msgspec

from simulator.fleet.deeds import Alarms, Babbles, Tells


class Message(msgspec.Struct, frozen=True, gc=False):
    """One PUBLISH. ``event`` is set on those that want the receipt ``stored`` for it."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    event: str = ""


class Voice(Protocol):
    """Puts the deeds of one device into messages, in the order in which they are done."""

    def says(self, deed: Tells | Alarms | Babbles) -> list[Message]:
        """The messages that a deed makes."""
        ...

    def history(self, deeds: list[Tells]) -> list[Message]:
        """What was measured while there was no connection, told afterwards."""
        ...

    def greeting(self, session: str) -> list[Message]:
        """What it says on every new connection."""
        ...

    def will(self, session: str) -> Message | None:
        """What the broker shall say when the connection breaks."""
        ...
