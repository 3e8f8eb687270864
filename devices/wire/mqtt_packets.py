"""The MQTT 3.1.1 control packets as structs, for both directions.

Ranges are checked when a packet is encoded or parsed, not when a struct is made. ``qos`` is 0, 1 or 2; a ``packet_id``
is 1–65,535, or 0 in a QoS 0 :class:`Publish`, which has none. Structs without containers are kept out of the garbage
collector's sight: ingest holds thousands of them at a time.

Source: MQTT Version 3.1.1, OASIS Standard, 29 October 2014, chapter 3,
http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html
"""

from enum import IntEnum

import msgspec

MAX_PACKET_ID = 65_535
MAX_TEXT_BYTES = 65_535
MAX_REMAINING_BYTES = 268_435_455

SUBSCRIPTION_REFUSED = 0x80
"""In :attr:`SubAck.granted`: the server refused that filter. Source: section 3.9.3."""


class ConnectCode(IntEnum):
    """The server's answer to CONNECT. Source: section 3.2.2.3, table 3.1."""

    ACCEPTED = 0
    UNACCEPTABLE_PROTOCOL = 1
    IDENTIFIER_REJECTED = 2
    SERVER_UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORIZED = 5


class Will(msgspec.Struct, frozen=True, kw_only=True):
    """The message that the server publishes when the connection ends without DISCONNECT; payload up to 65,535 bytes."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """A client opens its session. ``keep_alive_s`` is 0 (none) to 65,535; a password needs a user name."""

    client_id: str
    clean_session: bool = True
    keep_alive_s: int = 60
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None

    def __repr__(self) -> str:
        """Show everything but the password: packets end up in logs."""
        password = "None" if self.password is None else "<hidden>"
        return (
            f"Connect(client_id={self.client_id!r}, clean_session={self.clean_session}, "
            f"keep_alive_s={self.keep_alive_s}, will={self.will!r}, username={self.username!r}, password={password})"
        )


class ConnAck(msgspec.Struct, frozen=True, gc=False):
    """The server's answer to CONNECT; ``session_present``: it kept the session that the client asked to resume."""

    session_present: bool
    code: ConnectCode


class Publish(msgspec.Struct, frozen=True, gc=False):
    """A message, in either direction."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int


class Oversized(msgspec.Struct, frozen=True, gc=False):
    """A PUBLISH beyond the parser's size limit: it was read past, its payload is gone.

    It is acknowledged like any other message, once it has been put on record. ``size_bytes`` is the whole packet.
    """

    topic: str
    size_bytes: int
    qos: int
    retain: bool
    dup: bool
    packet_id: int


class PubAck(msgspec.Struct, frozen=True, gc=False):
    """QoS 1: the receiver owns the message."""

    packet_id: int


class PubRec(msgspec.Struct, frozen=True, gc=False):
    """QoS 2, first answer: the receiver owns the message."""

    packet_id: int


class PubRel(msgspec.Struct, frozen=True, gc=False):
    """QoS 2: the sender will not send this message again; its packet id may be forgotten."""

    packet_id: int


class PubComp(msgspec.Struct, frozen=True, gc=False):
    """QoS 2, last answer: the packet id is free."""

    packet_id: int


class Subscribe(msgspec.Struct, frozen=True):
    """A client asks for topics: pairs of topic filter and the highest QoS it wants."""

    packet_id: int
    subscriptions: tuple[tuple[str, int], ...]


class SubAck(msgspec.Struct, frozen=True):
    """Per filter the QoS granted, or :data:`SUBSCRIPTION_REFUSED`."""

    packet_id: int
    granted: tuple[int, ...]


class Unsubscribe(msgspec.Struct, frozen=True):
    """A client no longer wants these topic filters."""

    packet_id: int
    filters: tuple[str, ...]


class UnsubAck(msgspec.Struct, frozen=True, gc=False):
    """The filters are gone."""

    packet_id: int


class PingReq(msgspec.Struct, frozen=True, gc=False):
    """A client shows that it is alive and asks whether the server is."""


class PingResp(msgspec.Struct, frozen=True, gc=False):
    """The server is alive."""


class Disconnect(msgspec.Struct, frozen=True, gc=False):
    """A client leaves in order: its will is not published."""


Packet = (
    Connect
    | ConnAck
    | Publish
    | PubAck
    | PubRec
    | PubRel
    | PubComp
    | Subscribe
    | SubAck
    | Unsubscribe
    | UnsubAck
    | PingReq
    | PingResp
    | Disconnect
)
"""Everything that can be encoded."""

Incoming = Packet | Oversized
"""Everything that a parser reports."""
