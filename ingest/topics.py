"""Which topics a lane listens to, and what a topic says before anybody looks at the payload.

The telemetry lane hears everything under ``care/`` so that nothing published there stays unseen; what belongs to the
alarm lane or goes down to devices it passes over. The alarm lane hears alarms; and, in a session of its own, the topics
of foreign protocols, which tell alarm from telemetry only in the payload.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from devices.errors import Undecodable
from devices.model import Protocol
from devices.protocols.registry import address_of
from devices.topics import ROOT, Channel, Topic
from devices.wire.mqtt import matches
from ingest.config import IngestConfig, LaneName

CANARY_CELL: Final = "_canary"
"""No organisation may provision devices into this cell."""

_DOWNWARD: Final = frozenset({Channel.RECEIPT, Channel.COMMAND})


class Kind(Enum):
    """Whose a topic is."""

    NATIVE = auto()
    FOREIGN = auto()
    CANARY = auto()
    STRAY = auto()  # under care/, but not of the contract; or of a foreign protocol, but no device's
    PASSED_OVER = auto()  # another lane's, or on its way to a device


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a topic says by itself. ``name`` is the device id (native) or address (foreign) it speaks for."""

    kind: Kind
    protocol: Protocol = Protocol.NATIVE
    name: str = ""
    cell: str | None = None
    channel: Channel | None = None
    detail: str = ""
    alarming: bool = False
    """A stray topic that was plainly meant for an alarm."""


def sessions(config: IngestConfig) -> dict[str, list[str]]:
    """The sessions of a lane, by client id, each with what it subscribes to.

    Foreign topics have one of their own: on a connection together with them, alarms would wait behind all the telemetry
    that the broker has already written to it.
    """
    if config.lane is LaneName.TELEMETRY:
        native = [f"{ROOT}/{cell}/+/+" for cell in config.cells] or [f"{ROOT}/#"]
    else:
        native = [f"{ROOT}/{cell}/+/{Channel.ALARM}" for cell in config.cells or ("+",)]
    canary = canary_topic(config)
    if not any(matches(one, canary) for one in native):
        native.append(canary)
    found = {config.client_id: native}
    if config.lane is LaneName.ALARM and config.foreign:
        found[f"{config.client_id}-foreign"] = list(config.foreign)
    return found


def canary_topic(config: IngestConfig) -> str:
    """Where the lane's own canary speaks: a topic that the lane hears like those of devices."""
    channel = Channel.ALARM if config.lane is LaneName.ALARM else Channel.TELEMETRY
    return f"{ROOT}/{CANARY_CELL}/{config.client_id}/{channel}"


def route(topic: str, config: IngestConfig) -> Route:
    """Whose ``topic`` is, as the lane of ``config`` sees it."""
    if topic == ROOT or topic.startswith(f"{ROOT}/"):
        return _native(topic, config)
    return _foreign(topic, config.foreign)


def _native(topic: str, config: IngestConfig) -> Route:
    levels = topic.split("/")
    alarm = levels[-1] == Channel.ALARM
    if len(levels) == 4 and alarm and config.lane is LaneName.TELEMETRY:
        return Route(kind=Kind.PASSED_OVER)
    cell = levels[1] if len(levels) > 1 else None
    try:
        parsed = Topic.parse(topic)
    except Undecodable as error:
        return Route(kind=Kind.STRAY, cell=cell, detail=error.detail, alarming=alarm)
    if parsed.cell == CANARY_CELL:
        return Route(kind=Kind.CANARY if parsed.device_id == config.client_id else Kind.PASSED_OVER)
    if parsed.channel in _DOWNWARD:
        return Route(kind=Kind.PASSED_OVER)
    return Route(kind=Kind.NATIVE, name=parsed.device_id, cell=parsed.cell, channel=parsed.channel)


def _foreign(topic: str, protocols: Mapping[str, Protocol]) -> Route:
    protocol = next((one for listening, one in protocols.items() if matches(listening, topic)), None)
    if protocol is None:
        return Route(kind=Kind.STRAY, detail="no protocol is configured for this topic")
    try:
        return Route(kind=Kind.FOREIGN, protocol=protocol, name=address_of(protocol, topic))
    except Undecodable as error:
        return Route(kind=Kind.STRAY, detail=error.detail)
