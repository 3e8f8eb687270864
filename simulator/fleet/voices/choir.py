"""Which voice a device has."""

from devices.model import DeviceKind, Protocol
from simulator.fleet.outfit import Device
from simulator.fleet.voices.message import Voice
from simulator.fleet.voices.native import NativeVoice
from simulator.fleet.voices.owntracks import OwnTracksVoice
from simulator.fleet.voices.zigbee2mqtt import BridgeVoice, Zigbee2MqttVoice


def voice_of(device: Device) -> Voice:
    """A new voice for ``device``, at the beginning of its life."""
    match device.model.protocol:
        case Protocol.NATIVE:
            return NativeVoice(device)
        case Protocol.OWNTRACKS:
            return OwnTracksVoice(device)
        case Protocol.ZIGBEE2MQTT:
            return BridgeVoice(device) if device.model.kind is DeviceKind.GATEWAY else Zigbee2MqttVoice(device)
