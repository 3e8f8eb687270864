"""Simulated devices speak as real ones do: the platform's own decoders understand them, and their habits are true."""

import itertools
import json
from datetime import date

import msgspec
import pytest

from devices.model import DeviceKind, Hazard, Presence, Protocol, SignalState
from devices.protocols.registry import address_of, decode
from simulator.fleet.catalogue import MODELS
from simulator.fleet.chronicle import battery_pct, chronicle
from simulator.fleet.deeds import Alarms, Babbles, Tells
from simulator.fleet.outfit import Device, Outfit, Shares, equip
from simulator.fleet.voices.choir import voice_of
from simulator.lives.day import midnight
from simulator.lives.home_day import live
from simulator.lives.people import Life
from simulator.lives.village import settle

DAY = date(2026, 3, 4)
VILLAGE = settle(5, 60, {Life.LIVING_ALONE: 0.6, Life.COUPLE: 0.3, Life.DEMENTIA: 0.1})
OUTFITS = [equip(home, 5, Shares(zigbee2mqtt=0.4, owntracks=0.5, wrong_clock=0.1)) for home in VILLAGE]
AT = midnight(DAY) + 36000


def _device(kind: DeviceKind, protocol: Protocol = Protocol.NATIVE, *, right: bool = True) -> Device:
    return next(
        device
        for outfit in OUTFITS
        for device in outfit.of(kind)
        if device.model.protocol is protocol and (device.clock_off_s == 0) is right
    )


def test_every_kind_of_device_is_in_the_village_and_some_speak_foreign_protocols() -> None:
    devices = [device for outfit in OUTFITS for device in outfit.devices]
    assert {device.model.kind for device in devices} == set(DeviceKind)
    assert {device.model.protocol for device in devices} == set(Protocol)
    assert len({device.device_id for device in devices}) == len(devices)
    assert {device.model.name for device in devices} == set(MODELS)


@pytest.mark.parametrize("outfit", OUTFITS[:25], ids=lambda outfit: outfit.home.code)
def test_a_whole_day_is_understood_without_a_fault(outfit: Outfit) -> None:
    voices = {device.device_id: (device, voice_of(device)) for device in outfit.devices}
    deeds = chronicle(live(outfit.home, DAY, 5), outfit, 5)
    assert len(deeds) > 200
    for deed in deeds:
        device, voice = voices[deed.device]
        for message in voice.says(deed):
            said = decode(device.model.protocol, message.topic, message.payload)
            assert said.faults == ()
            assert " " not in message.topic
            named = address_of(device.model.protocol, message.topic)
            assert named == (device.address or device.device_id)


def test_deeds_come_in_order_and_the_same_every_time() -> None:
    one, again = (chronicle(live(VILLAGE[3], DAY, 5), OUTFITS[3], 5) for _ in range(2))
    assert one == again
    assert [deed.at for deed in one] == sorted(deed.at for deed in one)


def test_a_native_alarm_says_hazard_time_and_name_and_wants_a_receipt() -> None:
    device = _device(DeviceKind.CALL_BUTTON)
    [message] = voice_of(device).says(Alarms(AT, device.device_id, Hazard.SOS, SignalState.RAISED, "press-1"))
    [signal] = decode(Protocol.NATIVE, message.topic, message.payload).signals
    assert (signal.hazard, signal.state, signal.id, signal.at) == (Hazard.SOS, SignalState.RAISED, "press-1", AT)
    assert message.event == "press-1"
    assert (message.qos, message.retain) == (1, False)


def test_a_wrong_clock_shows_in_everything_a_device_dates() -> None:
    device = _device(DeviceKind.INFRARED_SENSOR, right=False)
    [message] = voice_of(device).says(Tells(AT, device.device_id, {"motion": True}))
    [reading] = decode(Protocol.NATIVE, message.topic, message.payload).readings
    assert reading.at == pytest.approx(AT + device.clock_off_s, abs=0.01)
    assert abs(device.clock_off_s) > 1


def test_buffered_history_is_one_array_of_numbered_readings() -> None:
    device = _device(DeviceKind.WRISTBAND)
    voice = voice_of(device)
    deeds = [Tells(AT + minute * 60, device.device_id, {"steps": minute}) for minute in range(5)]
    [message] = voice.history(deeds)
    readings = decode(Protocol.NATIVE, message.topic, message.payload).readings
    assert [reading.steps for reading in readings] == [0, 1, 2, 3, 4]
    assert [b.seq - a.seq for a, b in itertools.pairwise(readings) if a.seq and b.seq] == [1] * 4


def test_the_will_carries_the_nonce_of_its_connection() -> None:
    device = _device(DeviceKind.SMOKE_ALARM)
    voice = voice_of(device)
    will = voice.will("n-1")
    assert will is not None
    assert will.retain
    assert decode(Protocol.NATIVE, will.topic, will.payload).presence == Presence(online=False, session="n-1")
    [greeting] = voice.greeting("n-1")
    assert decode(Protocol.NATIVE, greeting.topic, greeting.payload).presence == Presence(online=True, session="n-1")


def test_a_zigbee_press_is_three_messages_and_is_never_kept() -> None:
    device = _device(DeviceKind.CALL_BUTTON, Protocol.ZIGBEE2MQTT)
    voice = voice_of(device)
    pressed = voice.says(Alarms(AT, device.device_id, Hazard.SOS))
    assert len(pressed) == 3
    raised = [decode(Protocol.ZIGBEE2MQTT, message.topic, message.payload).signals for message in pressed]
    assert [[signal.hazard for signal in signals] for signals in raised] == [[Hazard.SOS], [Hazard.SOS], []]
    [heartbeat] = voice.says(Tells(AT + 60, device.device_id))
    assert "action" not in json.loads(heartbeat.payload)


def test_zigbee_smoke_is_republished_until_it_is_cleared() -> None:
    device = _device(DeviceKind.SMOKE_ALARM, Protocol.ZIGBEE2MQTT)
    voice = voice_of(device)

    def smoke(deed: Tells | Alarms) -> SignalState:
        [message] = voice.says(deed)
        signals = decode(Protocol.ZIGBEE2MQTT, message.topic, message.payload).signals
        return next(signal.state for signal in signals if signal.hazard is Hazard.SMOKE)

    quiet, alarm = Tells(AT, device.device_id, {"rssi_dbm": -60}), Alarms(AT, device.device_id, Hazard.SMOKE)
    cleared = msgspec.structs.replace(alarm, state=SignalState.CLEARED)
    said = [smoke(deed) for deed in (quiet, alarm, quiet, cleared, quiet)]
    assert said == [
        SignalState.CLEARED,
        SignalState.RAISED,
        SignalState.RAISED,
        SignalState.CLEARED,
        SignalState.CLEARED,
    ]


def test_a_gateway_that_connects_says_again_that_its_devices_are_there() -> None:
    device = _device(DeviceKind.SMOKE_ALARM, Protocol.ZIGBEE2MQTT)
    [greeting] = voice_of(device).greeting("")
    assert decode(Protocol.ZIGBEE2MQTT, greeting.topic, greeting.payload).presence == Presence(online=True)
    assert address_of(Protocol.ZIGBEE2MQTT, greeting.topic) == device.address


def test_rubbish_goes_where_it_is_sent() -> None:
    device = _device(DeviceKind.SMOKE_ALARM)
    [message] = voice_of(device).says(Babbles(AT, device.device_id, b"\xff\x00", alarming=True))
    assert message.topic.endswith("/alarm")
    assert message.payload == b"\xff\x00"


def test_batteries_sink_and_what_drains_fast_is_charged_at_night() -> None:
    button, band = _device(DeviceKind.CALL_BUTTON), _device(DeviceKind.WRISTBAND)
    start = midnight(DAY)
    assert battery_pct(button, start + 30 * 86400, start) < battery_pct(button, start, start)
    levels = [battery_pct(band, start + hour * 3600, start) for hour in range(24)]
    assert min(levels) < 60 < 95 < max(levels)
