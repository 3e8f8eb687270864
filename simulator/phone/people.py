"""Scripted people: who is at a number, and what they do when it rings or a text comes.

Times are seconds of care time. Everything here is plain and decodable from JSON (``{"kind": "answers", …}``).
"""

from enum import StrEnum

import msgspec


class AnsweredBy(StrEnum):
    """Who Twilio's machine detection believes to have answered.

    Source: Twilio, "Answering machine detection", values of AnsweredBy.
    """

    HUMAN = "human"
    MACHINE_START = "machine_start"
    MACHINE_END_BEEP = "machine_end_beep"
    FAX = "fax"
    UNKNOWN = "unknown"


class Answers(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="answers"):
    """Picks up, and gives one entry of ``keys`` to each menu until they are used up; then listens to the end.

    Declining is ``keys=("2",)``, hearing it again before accepting is ``keys=("9", "1")``. An empty entry lets one
    menu pass.
    """

    after_s: float = 5.0
    keys: tuple[str, ...] = ()
    listens_s: float | None = None
    """Presses this long after a menu begins; None hears each menu out and presses a second later."""
    talks_s: float = 60.0
    """Hangs up this long after being connected to another person."""
    detected: AnsweredBy = AnsweredBy.HUMAN
    """What machine detection makes of this voice; it can be wrong."""


class HangsUp(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="hangs_up"):
    """Picks up and puts the phone down again without a key."""

    after_s: float = 5.0
    stays_s: float = 3.0
    detected: AnsweredBy = AnsweredBy.HUMAN


class LetsItRing(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lets_it_ring"):
    """Never picks up."""


class IsBusy(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="is_busy"):
    """Rejects the call, or is talking to somebody else."""

    after_s: float = 0.0


class Unreachable(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="unreachable"):
    """The network cannot place the call: switched off, no coverage, no such number."""


class Voicemail(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="voicemail"):
    """A machine picks up, listens without a key, and hangs up when its tape is full."""

    after_s: float = 20.0
    greeting_s: float = 6.0
    tape_s: float = 60.0
    detected: AnsweredBy | None = None
    """What machine detection makes of it; None is the truth. A machine taken for a person is the dangerous error."""


class ByHand(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="by_hand"):
    """Does nothing of itself: a story plays this person, and must take notice of each call and message."""


Temper = Answers | HangsUp | LetsItRing | IsBusy | Unreachable | Voicemail | ByHand


class Delivery(StrEnum):
    """What becomes of a text."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    NO_RECEIPT = "no_receipt"
    """The phone is off, or the carrier gives no receipts: the message stays as sent."""


class Texting(msgspec.Struct, frozen=True, kw_only=True):
    """What this person does with texts."""

    delivery: Delivery = Delivery.DELIVERED
    error_code: int = 30003
    """Given with undelivered and failed. Source: Twilio error 30003, unreachable destination handset."""
    replies: tuple[str, ...] = ()
    """One reply to each text until they are used up."""
    after_s: float = 20.0
    """From the text's arrival to reply and link."""
    opens_link: bool = False
    """Opens the first link in each text (GET only, as a phone's preview does too)."""


class Person(msgspec.Struct, kw_only=True):
    """Somebody at ``number`` (E.164).

    With ``texting`` None the texts to a ByHand person are the story's affair too; anybody else reads them in silence.
    """

    number: str
    name: str = ""
    temper: Temper = ByHand()
    texting: Texting | None = None
    call_waiting: bool = False
    """Rings even while on another call, instead of being busy."""

    @property
    def in_mainland_china(self) -> bool:
        """Whether carriers there neither take replies nor let links pass. Source: Twilio's SMS guidelines for China."""
        return self.number.startswith("+86")
