"""Topics of the native protocol: ``care/{cell}/{device_id}/{channel}``."""

import re
from enum import StrEnum
from typing import NamedTuple

from devices.errors import Undecodable

ROOT = "care"
ID_PATTERN = "[A-Za-z0-9_-]{1,64}"
"""What a cell or a device id may be, so that it can be a topic level, a client id and a user name of any broker."""

_TOPIC = re.compile(rf"{ROOT}/({ID_PATTERN})/({ID_PATTERN})/(alarm|telemetry|status|receipt|command)")
_ID = re.compile(ID_PATTERN)


class Channel(StrEnum):
    """What a native topic carries."""

    ALARM = "alarm"
    TELEMETRY = "telemetry"
    STATUS = "status"
    RECEIPT = "receipt"
    COMMAND = "command"


class Topic(NamedTuple):
    """One native topic. ``str(topic)`` is its text on the wire."""

    cell: str
    device_id: str
    channel: Channel

    def __str__(self) -> str:
        return f"{ROOT}/{self.cell}/{self.device_id}/{self.channel}"

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """The parts of ``text``. Raises Undecodable ``bad_topic`` for anything else than a native topic."""
        found = _TOPIC.fullmatch(text)
        if found is None:
            raise Undecodable("bad_topic", f"{ascii(text)[:200]} is not {ROOT}/cell/device/channel")
        cell, device_id, channel = found.groups()
        return cls(cell, device_id, _CHANNELS[channel])


_CHANNELS = {channel.value: channel for channel in Channel}


def is_id(text: str) -> bool:
    """True if ``text`` may be a cell or a device id."""
    return _ID.fullmatch(text) is not None
