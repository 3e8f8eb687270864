"""One attempt to reach one person about one incident through one channel."""

from enum import StrEnum
from typing import Final, NewType

NotificationId = NewType("NotificationId", int)
CallId = NewType("CallId", int)


class NotificationState(StrEnum):
    """``pending → sending → sent → delivered``; ``failed`` and ``cancelled`` end it."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


LEGAL: Final[dict[NotificationState, frozenset[NotificationState]]] = {
    NotificationState.PENDING: frozenset({NotificationState.SENDING, NotificationState.CANCELLED}),
    NotificationState.SENDING: frozenset(
        {NotificationState.PENDING, NotificationState.SENT, NotificationState.FAILED, NotificationState.CANCELLED}
    ),
    NotificationState.SENT: frozenset(
        {NotificationState.DELIVERED, NotificationState.FAILED, NotificationState.CANCELLED, NotificationState.PENDING}
    ),
    NotificationState.DELIVERED: frozenset({NotificationState.FAILED}),
    NotificationState.FAILED: frozenset({NotificationState.DELIVERED}),
    NotificationState.CANCELLED: frozenset({NotificationState.DELIVERED}),
}
"""Which move may follow which; the database holds the same table. ``sending → pending``: a lease ran out, or the
provider said "later". ``sent → pending``: a call that ended before this one was announced. The late receipt of one
that had been given up on (``failed``, ``cancelled``) still counts."""


class Purpose(StrEnum):
    """Why this person is told."""

    ASK = "ask"  # can you go?
    ASK_AGAIN = "ask_again"  # a new event after acceptance
    REMIND = "remind"  # on scene for long: how is it going?
    CHECK_WELL = "check_well"  # the resident: press 1 if you are well
    INFORM = "inform"  # no answer expected
    CONNECT = "connect"  # an operator: she is to be connected with somebody


class Failure(StrEnum):
    """Why an attempt reached nobody."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"  # voicemail is nobody
    NO_KEY = "no_key"  # somebody lifted the receiver and pressed nothing
    REFUSED_BY_PROVIDER = "refused_by_provider"
    UNDELIVERED = "undelivered"
    NO_RECEIPT = "no_receipt"
    CANCELLED_BY_US = "cancelled_by_us"


class AnswerKind(StrEnum):
    """What a person may say."""

    ACCEPT = "accept"
    DECLINE = "decline"
    ARRIVE = "arrive"
    CLOSE = "close"
    TAKE = "take"
    WELL = "well"  # the resident says that she is well


class Via(StrEnum):
    """How the answer came."""

    VOICE = "voice"
    SMS = "sms"
    LINK = "link"
    CONSOLE = "console"
    API = "api"
