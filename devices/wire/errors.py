"""Errors of the wire formats.

WireError
├── InvalidField         we were asked to send, or to match against, something the standard forbids
├── SessionUnavailable   the session can send nothing: it is closed, or all its packet ids are in use
└── PeerError            the peer cannot be listened to any longer: close the connection
    ├── MalformedPacket  its bytes break the standard
    ├── PacketTooLarge   a packet, other than a PUBLISH, beyond the size limit of this parser
    └── UnexpectedPacket a sound packet that has no place in this state of the session
"""

from reprlib import repr as short_repr

from devices.errors import DeviceError
from devices.wire.mqtt_packets import Incoming


class WireError(DeviceError):
    """A value breaks a rule: ``what`` is ``value``, allowed is ``limit``, by the rule ``source``."""

    def __init__(self, what: str, value: object, limit: str, source: str) -> None:
        super().__init__(f"{what} is {short_repr(value)}, allowed: {limit} ({source})")
        self.what = what
        self.value = value
        self.limit = limit
        self.source = source


class InvalidField(WireError):
    """A value given by the caller cannot be put on the wire; nothing was encoded."""


class SessionUnavailable(WireError):
    """The session cannot send this; nothing was queued."""


class PeerError(WireError):
    """The peer broke the protocol; ``before`` holds what it said up to then, which is sound and still to be handled."""

    before: tuple[Incoming, ...] = ()


class MalformedPacket(PeerError):
    """Bytes received break the standard. Source: MQTT 3.1.1 section 4.8, [MQTT-4.8.0-1]: close the connection."""


class PacketTooLarge(PeerError):
    """A packet that cannot be skipped, because the session hangs on its contents, is beyond the size limit."""


class UnexpectedPacket(PeerError):
    """A sound packet arrived where the session has no place for it."""
