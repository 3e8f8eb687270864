"""Every protocol by name: how its topics name a device, which may alarm, how its messages decode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devices import native
from devices.errors import Undecodable
from devices.model import Decoded, Protocol
from devices.protocols import owntracks, zigbee2mqtt
from devices.topics import Channel, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What the platform must know of one protocol."""

    decode: Callable[[str, bytes], Decoded]
    """Topic and payload to what was said. Raises Undecodable."""
    address_of: Callable[[str], str]
    """The address under which the device that owns a topic is registered. Raises Undecodable ``bad_topic``."""
    may_alarm: Callable[[str], bool]
    """True if a message on a topic may carry an alarm: if it cannot be understood, the duty desk must look."""


def _native_decode(topic: str, payload: bytes) -> Decoded:
    match Topic.parse(topic).channel:
        case Channel.ALARM:
            return native.decode_alarm(payload)
        case Channel.TELEMETRY:
            return native.decode_telemetry(payload)
        case Channel.STATUS:
            return native.decode_status(payload)
        case Channel.RECEIPT | Channel.COMMAND as downward:
            raise Undecodable("downward", f"{downward} goes to the device, not from it")


def _native_may_alarm(topic: str) -> bool:
    return topic.endswith(f"/{Channel.ALARM}")


DIALECTS: Mapping[Protocol, Dialect] = {
    Protocol.NATIVE: Dialect(
        decode=_native_decode,
        address_of=lambda topic: Topic.parse(topic).device_id,
        may_alarm=_native_may_alarm,
    ),
    Protocol.ZIGBEE2MQTT: Dialect(
        decode=zigbee2mqtt.decode,
        address_of=zigbee2mqtt.address_of,
        may_alarm=zigbee2mqtt.may_alarm,
    ),
    Protocol.OWNTRACKS: Dialect(
        decode=owntracks.decode,
        address_of=owntracks.address_of,
        may_alarm=owntracks.may_alarm,
    ),
}


def decode(protocol: Protocol, topic: str, payload: bytes) -> Decoded:
    """What a device registered with ``protocol`` said. Raises Undecodable if nothing of it can be understood."""
    return DIALECTS[protocol].decode(topic, payload)


def address_of(protocol: Protocol, topic: str) -> str:
    """The address under which the device that owns ``topic`` is registered. Raises Undecodable ``bad_topic``."""
    return DIALECTS[protocol].address_of(topic)


def may_alarm(protocol: Protocol, topic: str) -> bool:
    """True if a message on ``topic`` may carry an alarm: what cannot be understood there goes to the duty desk."""
    return DIALECTS[protocol].may_alarm(topic)
