"""One text message, as Twilio shows it."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MessageStatus(StrEnum):
    """States of a message. Source: Twilio, Message resource, `status`."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVED = "received"

    @property
    def is_final(self) -> bool:
        """Whether a message that has this status changes no more."""
        return self not in (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.SENT)


class MessageDirection(StrEnum):
    """Who wrote. Source: Twilio, Message resource, `direction`."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_REPLY = "outbound-reply"


# Source: 3GPP TS 23.038, GSM 7 bit default alphabet and its extension table (which takes two septets a character).
_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = frozenset("^{}\\[~]|€\f")


def segments(body: str) -> int:
    """How many SMS a text of this length takes: of 160 or 70 characters alone, of 153 or 67 in parts."""
    if set(body) <= _GSM7 | _GSM7_EXTENSION:
        length, alone, part = len(body) + sum(character in _GSM7_EXTENSION for character in body), 160, 153
    else:
        length, alone, part = len(body.encode("utf-16-be")) // 2, 70, 67
    return 1 if length <= alone else math.ceil(length / part)


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """One text. The network alone sets it."""

    sid: str
    to: str
    from_: str
    body: str
    created_at: datetime
    direction: MessageDirection = MessageDirection.OUTBOUND_API
    status_callback: str = ""
    status: MessageStatus = MessageStatus.QUEUED
    error_code: int | None = None
    updated_at: datetime = field(init=False)
    sent_at: datetime | None = None
    noticed: bool = False
    """Whether a script or a story has taken notice of it."""

    def __post_init__(self) -> None:
        self.updated_at = self.created_at
