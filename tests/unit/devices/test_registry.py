"""The registry: every registered protocol answers the same three questions."""

import pytest

from devices.errors import Undecodable
from devices.model import Decoded, Hazard, Presence, Protocol, Reading, Signal, SignalState
from devices.protocols import registry


@pytest.mark.parametrize(
    ("channel", "payload", "decoded"),
    [
        ("telemetry", b'{"steps":4}', Decoded(readings=(Reading(steps=4),))),
        ("alarm", b'{"hazard":"sos"}', Decoded(signals=(Signal(hazard=Hazard.SOS, state=SignalState.RAISED),))),
        ("status", b'{"online":true}', Decoded(presence=Presence(online=True))),
    ],
)
def test_the_channel_of_a_native_topic_decides_how_it_is_read(channel: str, payload: bytes, decoded: Decoded) -> None:
    """The same registry call serves all three upward channels."""
    assert registry.decode(Protocol.NATIVE, f"care/330106/wb-1/{channel}", payload) == decoded


@pytest.mark.parametrize("channel", ["receipt", "command"])
def test_what_goes_down_to_a_device_is_not_taken_for_its_word(channel: str) -> None:
    """A receipt or command that comes back up is refused."""
    with pytest.raises(Undecodable, match="downward"):
        registry.decode(Protocol.NATIVE, f"care/330106/wb-1/{channel}", b"{}")


def test_a_native_topic_names_the_device_and_only_its_alarm_channel_may_alarm() -> None:
    """The device id is the address; what cannot be understood on the alarm channel goes to the duty desk."""
    assert registry.address_of(Protocol.NATIVE, "care/330106/wb-1/telemetry") == "wb-1"
    assert registry.may_alarm(Protocol.NATIVE, "care/330106/wb-1/alarm")
    assert not registry.may_alarm(Protocol.NATIVE, "care/330106/wb-1/telemetry")


def test_every_protocol_that_a_device_can_be_registered_with_is_decoded() -> None:
    """A new protocol is not complete before the registry knows it."""
    assert set(registry.DIALECTS) == set(Protocol)


def test_foreign_protocols_are_reached_by_name() -> None:
    """The registry hands topic and payload to the decoder of the registered protocol."""
    leak = registry.decode(Protocol.ZIGBEE2MQTT, "zigbee2mqtt/Bath/leak", b'{"water_leak":true}')
    assert [signal.hazard for signal in leak.signals] == [Hazard.WATER]
    assert registry.address_of(Protocol.ZIGBEE2MQTT, "zigbee2mqtt/Bath/leak/availability") == "zigbee2mqtt/Bath/leak"
    assert registry.may_alarm(Protocol.ZIGBEE2MQTT, "zigbee2mqtt/Bath/leak")
    steps = registry.decode(Protocol.OWNTRACKS, "owntracks/jane/phone/step", b'{"_type":"steps","steps":4}')
    assert steps.readings == (Reading(steps=4),)
    assert registry.address_of(Protocol.OWNTRACKS, "owntracks/jane/phone/step") == "owntracks/jane/phone"
