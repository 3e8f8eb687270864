"""Zigbee2MQTT: what captured and contrived messages of its devices are taken to say."""

import contextlib
import json
from datetime import datetime
from typing import Any

import pytest
from fixtures import device_samples
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import Undecodable
from devices.model import Decoded, Hazard, Presence, Reading, Signal, SignalState
from devices.protocols.zigbee2mqtt import address_of, decode, may_alarm

SAMPLES = device_samples.trusted("zigbee2mqtt")
DEVICE = "zigbee2mqtt/Kitchen/smoke alarm"
RAISED, CLEARED, TEST = SignalState.RAISED, SignalState.CLEARED, SignalState.TEST

HAZARD_OF = {
    "smoke": Hazard.SMOKE,
    "gas": Hazard.GAS,
    "carbon_monoxide": Hazard.CO,
    "water_leak": Hazard.WATER,
    "tamper": Hazard.TAMPER,
    "battery_low": Hazard.LOW_BATTERY,
}
MOTION_OF = {"motion": True, "no_motion": False}
OPEN_OF = {"door_open": True, "door_closed": False}


def state_of(**properties: Any) -> Decoded:
    return decode(DEVICE, json.dumps(properties).encode())


@pytest.mark.parametrize("name", SAMPLES)
def test_every_captured_message_means_what_its_owner_says(name: str) -> None:
    """Hazards raised and cleared, presence, quantities and time agree with the sample's meaning: no more, no less."""
    sample = SAMPLES[name]
    meaning = sample["meaning"]
    decoded = decode(sample["topic"] or "zigbee2mqtt/sample", device_samples.payload_of(sample))
    reading = decoded.readings[0] if decoded.readings else Reading()

    stated = {hazard: RAISED if meaning[key] else CLEARED for key, hazard in HAZARD_OF.items() if key in meaning}
    if meaning["kind"] == "sos":
        stated[Hazard.SOS] = RAISED
    found = {signal.hazard: signal.state for signal in decoded.signals}
    assert stated.items() <= found.items()
    assert {hazard for hazard, state in found.items() if state is not CLEARED} == {
        hazard for hazard, state in stated.items() if state is RAISED
    }
    assert all(signal.republished is (signal.hazard is not Hazard.SOS) for signal in decoded.signals)

    online = {"online": True, "offline": False}.get(meaning["kind"])
    assert (decoded.presence.online if decoded.presence else None) is online
    moving = meaning.get("occupancy", MOTION_OF.get(meaning["kind"]))
    assert reading.motion is moving
    assert reading.contact_open is OPEN_OF.get(meaning["kind"])
    assert reading.battery_pct == meaning.get("battery_pct")
    assert reading.temperature_c == meaning.get("temperature_c")
    assert reading.at == time_of(meaning)


def time_of(meaning: dict[str, Any]) -> float | None:
    if "time_ms" in meaning:
        return float(meaning["time_ms"]) / 1000
    return datetime.fromisoformat(meaning["time"]).timestamp() if "time" in meaning else None


@pytest.mark.parametrize(
    ("properties", "signals"),
    [
        ({"smoke": True}, [(Hazard.SMOKE, RAISED)]),
        ({"smoke": None, "gas": None}, []),
        ({"smoke": "ON", "tamper": 0}, [(Hazard.SMOKE, RAISED), (Hazard.TAMPER, CLEARED)]),
        ({"smoke": True, "test": True}, [(Hazard.SMOKE, TEST)]),
        ({"sos": True, "test": True}, [(Hazard.SOS, RAISED)]),
        ({"fall_status": "maybe_fall"}, [(Hazard.FALL, RAISED)]),
        ({"fall_down_status": "none", "fall_status": "fall"}, [(Hazard.FALL, RAISED)]),
        ({"fall_down_status": "none"}, [(Hazard.FALL, CLEARED)]),
        ({"battery_state": "low"}, [(Hazard.LOW_BATTERY, RAISED)]),
        ({"battery_state": "high", "battery_low": True}, [(Hazard.LOW_BATTERY, RAISED)]),
        ({"gas": "unknown"}, []),
    ],
)
def test_cached_state_asserts_exactly_what_it_states(
    properties: dict[str, Any], signals: list[tuple[Hazard, SignalState]]
) -> None:
    """A hazard that is stated is a republished signal; null, unknown and missing are neither alarm nor clear."""
    decoded = state_of(**properties)
    assert [(signal.hazard, signal.state) for signal in decoded.signals] == signals
    assert all(signal.republished for signal in decoded.signals)


@pytest.mark.parametrize("value", ["perhaps", 2, {"deep": [1]}, [True], 1e9])
def test_a_hazard_that_cannot_be_understood_is_raised_with_a_fault(value: object) -> None:
    """Better a false alarm than none."""
    decoded = state_of(smoke=value)
    assert decoded.signals == (Signal(hazard=Hazard.SMOKE, state=RAISED, republished=True),)
    assert "smoke" in decoded.faults[0]


@pytest.mark.parametrize(
    ("action", "hazard"),
    [
        ("emergency", Hazard.SOS),
        ("SOS", Hazard.SOS),
        ("panic_1", Hazard.SOS),
        ("fire", Hazard.SMOKE),
        *((other, None) for other in ("single", "arm_all_zones", "", None, 5, {"emergency": 1})),
    ],
)
def test_only_a_call_for_help_among_the_actions_is_a_signal(action: object, hazard: Hazard | None) -> None:
    """A press is momentary: raised once, not republished state. Other actions alarm nobody."""
    signals = () if hazard is None else (Signal(hazard=hazard, state=RAISED),)
    assert state_of(action=action).signals == signals


def test_a_keypads_transaction_names_the_press_only_together_with_a_time() -> None:
    """The transaction number comes round again after 256 messages: alone it would swallow a later emergency."""
    timed = state_of(action="emergency", action_transaction=7, last_seen="2026-08-06T07:06:40Z")
    assert timed.signals == (Signal(hazard=Hazard.SOS, state=RAISED, at=1786000000.0, id="sos-7"),)
    assert state_of(action="emergency", action_transaction=7).signals[0].id is None


@pytest.mark.parametrize(
    ("properties", "reading"),
    [
        ({"battery": "80"}, Reading(battery_pct=80.0)),
        ({"battery": "80 %"}, Reading(battery_pct=80.0)),
        ({"battery": 81.5}, Reading(battery_pct=81.5)),
        ({"battery": None}, Reading()),
        ({"contact": True, "garage_door_contact": False}, Reading(contact_open=True)),
        ({"presence": True, "occupancy": False}, Reading(motion=True)),
        ({"vibration": False}, Reading(extra={"vibration": False})),
        ({"vibration": True}, Reading(motion=True, extra={"vibration": True})),
        ({"temperature": 20, "device_temperature": 30}, Reading(temperature_c=20.0, extra={"device_temperature": 30})),
        ({"smoke_density": 3}, Reading(smoke_level=3.0)),
        ({"last_seen": 1786000000123}, Reading(at=1786000000.123)),
        ({"humidity": 40}, Reading(extra={"humidity": 40})),
    ],
)
def test_properties_become_our_quantities(properties: dict[str, Any], reading: Reading) -> None:
    """Units and polarity are ours; what we do not know is kept."""
    assert state_of(**properties) == Decoded(readings=(reading,))


@pytest.mark.parametrize("battery", [255, "weak", 0])
def test_a_doubtful_battery_is_named(battery: object) -> None:
    """A zero from a device that transmits, a value out of range, a word: each is shown as a fault."""
    assert "battery" in state_of(battery=battery).faults[0]


@pytest.mark.parametrize(
    ("topic", "payload", "presence"),
    [
        (f"{DEVICE}/availability", b"online", Presence(online=True)),
        (f"{DEVICE}/availability", b'{"state":"offline"}', Presence(online=False)),
        ("home/zigbee/bridge/state", b'{"state":"offline"}', Presence(online=False, subject="*")),
        ("zigbee2mqtt/bridge/state", b"online", Presence(online=True, subject="*")),
        (
            "zigbee2mqtt/bridge/event",
            b'{"type":"device_leave","data":{"friendly_name":"Hall/door"}}',
            Presence(online=False, subject="zigbee2mqtt/Hall/door"),
        ),
        ("zigbee2mqtt/bridge/event", b'{"type":"device_interview","data":{"friendly_name":"x"}}', None),
        ("zigbee2mqtt/bridge/logging", b"not JSON", None),
        (f"{DEVICE}/availability", b"", None),
        (f"{DEVICE}/set", b'{"state":"ON"}', None),
    ],
)
def test_presence_is_told_of_one_device_or_of_all(topic: str, payload: bytes, presence: Presence | None) -> None:
    """The bridge speaks for everything behind it; its housekeeping and our commands say nothing."""
    assert decode(topic, payload) == Decoded(presence=presence)


@pytest.mark.parametrize(
    ("topic", "address", "alarms"),
    [
        (DEVICE, DEVICE, True),
        (f"{DEVICE}/action", DEVICE, True),
        (f"{DEVICE}/availability", DEVICE, False),
        (f"{DEVICE}/set", DEVICE, False),
        (f"{DEVICE}/set/state", DEVICE, False),
        ("home/zigbee/bridge/state", "home/zigbee/bridge", False),
        ("zigbee2mqtt/bridge/response/device/rename", "zigbee2mqtt/bridge", False),
        ("zigbee2mqtt/old bridge/smoke alarm", "zigbee2mqtt/old bridge/smoke alarm", True),
        ("zigbee2mqtt/bridge/cellar", "zigbee2mqtt/bridge/cellar", True),
    ],
)
def test_a_topic_names_its_device_and_whether_it_may_alarm(topic: str, address: str, alarms: bool) -> None:
    """Names may hold spaces, slashes and the word bridge; any base topic will do."""
    assert address_of(topic) == address
    assert may_alarm(topic) is alarms


def test_a_topic_without_a_device_is_refused() -> None:
    """The base topic alone is nobody's address."""
    with pytest.raises(Undecodable, match="bad_topic"):
        address_of("zigbee2mqtt")


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (DEVICE, b"ON", "not_json"),
        (DEVICE, b"[1]", "not_an_object"),
        (f"{DEVICE}/availability", b"asleep", "unknown_state"),
        (f"{DEVICE}/availability", b"{}", "unknown_state"),
        ("zigbee2mqtt/bridge/state", b"{", "not_json"),
    ],
)
def test_what_cannot_be_understood_says_why(topic: str, payload: bytes, reason: str) -> None:
    """The quarantine counts by reason."""
    with pytest.raises(Undecodable) as caught:
        decode(topic, payload)
    assert caught.value.reason == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "action_transaction",
        "battery",
        "battery_low",
        "contact",
        "last_seen",
        "occupancy",
        "tamper",
        "temperature",
        "test",
        "device",
        "lat",
        "at",
    ]
)


@given(beside=st.dictionaries(names, json_values))
def test_any_garbage_beside_it_leaves_a_call_for_help(beside: dict[str, Any]) -> None:
    """Invariant 4: nothing beside the action can take the alarm away."""
    raised = [one for one in state_of(**beside, action="emergency").signals if one.hazard is Hazard.SOS]
    assert [(one.state, one.republished) for one in raised] == [(RAISED, False)]


@given(
    topic=st.sampled_from([DEVICE, f"{DEVICE}/action", f"{DEVICE}/availability", "z/bridge/state", "z/bridge/event"]),
    payload=st.binary(max_size=64)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(names | st.sampled_from(["action", "smoke", "data", "type"]), json_values).map(
        lambda value: json.dumps(value).encode()
    ),
)
def test_no_message_raises_anything_but_undecodable(topic: str, payload: bytes) -> None:
    """Whatever comes in, the decoder answers or says Undecodable."""
    with contextlib.suppress(Undecodable):
        decode(topic, payload)
