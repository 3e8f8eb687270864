"""OwnTracks: what captured and contrived messages of phones are taken to say."""

import contextlib
import json
from typing import Any

import pytest
from fixtures import device_samples
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import Undecodable
from devices.model import Decoded, Presence, Reading
from devices.protocols.owntracks import address_of, decode, may_alarm

SAMPLES = device_samples.trusted("owntracks")
PHONE = "owntracks/jane/phone"


def say(**fields: Any) -> Decoded:
    return decode(PHONE, json.dumps(fields).encode())


def known(value: float | None) -> float | None:
    """OwnTracks writes -1 for unknown."""
    return None if value == -1 else value


@pytest.mark.parametrize("name", SAMPLES)
def test_every_captured_message_means_what_its_source_says(name: str) -> None:
    """Position, accuracy, speed, battery, time and transitions agree with the sample's meaning: no more, no less."""
    sample = SAMPLES[name]
    meaning, payload = sample["meaning"], device_samples.payload_of(sample)
    if meaning.get("detail") == "_type encrypted":
        with pytest.raises(Undecodable, match="encrypted"):
            decode(sample["topic"], payload)
        return
    decoded = decode(sample["topic"], payload)
    assert decoded.signals == ()
    assert (decoded.presence is not None) is (meaning["kind"] == "offline")
    if meaning["kind"] in {"location", "geofence_enter", "geofence_leave"}:
        (reading,) = decoded.readings
        speed = known(meaning.get("speed_kmh"))
        assert (reading.lat, reading.lon, reading.accuracy_m) == tuple(map(meaning.get, ("lat", "lon", "accuracy_m")))
        assert reading.battery_pct == known(meaning.get("battery_pct"))
        assert reading.speed_mps == (None if speed is None else pytest.approx(speed / 3.6))
        assert reading.at == (meaning.get("time") or None)
        if meaning["kind"] != "location":
            assert reading.extra is not None
            assert reading.extra["event"] == meaning["kind"].removeprefix("geofence_")
            assert reading.extra["desc"] == meaning["region"]
    else:
        assert all(reading.lat is None for reading in decoded.readings), "a region's place is not the phone's"


@pytest.mark.parametrize(
    ("fields", "reading"),
    [
        ({"tst": "1786000000"}, Reading(at=1786000000.0)),
        ({"vel": 36}, Reading(speed_mps=10.0)),
        ({"vel": -1, "batt": -1}, Reading()),
        ({"bs": 2}, Reading(charging=True, extra={"bs": 2})),
        ({"bs": 1}, Reading(charging=False, extra={"bs": 1})),
        ({"motion": 1, "steps": 5}, Reading(extra={"owntracks_motion": 1, "owntracks_steps": 5})),
        ({"image": "AAAA", "imagename": "IMG_1"}, Reading(extra={"imagename": "IMG_1"})),
        ({"lat": 0, "lon": 0}, Reading(lat=0.0, lon=0.0)),
    ],
)
def test_a_location_becomes_our_quantities(fields: dict[str, Any], reading: Reading) -> None:
    """Units are ours, -1 is unknown, pictures are not kept."""
    assert say(_type="location", **fields) == Decoded(readings=(reading,))


@pytest.mark.parametrize(
    ("fields", "reading", "fault"),
    [
        ({"tst": 1786000000123}, Reading(at=1786000000.123), "tst: 1786000000123 taken as milliseconds"),
        ({"tst": 0, "lat": 1, "lon": 2}, Reading(lat=1.0, lon=2.0), "tst: 0 is neither"),
        (
            {"acc": 0, "lat": 1, "lon": 2},
            Reading(extra={"acc": 0, "rejected_lat": 1, "rejected_lon": 2}),
            "acc: 0 rejects the fix",
        ),
        ({"lat": 91, "lon": 2}, Reading(extra={"lat": 91, "lon": 2.0}), "lat: 91 is outside"),
    ],
)
def test_a_doubtful_fix_is_named(fields: dict[str, Any], reading: Reading, fault: str) -> None:
    """A position that cannot be trusted is kept aside, with the reason; the rest of the message counts."""
    decoded = say(_type="location", **fields)
    assert decoded.readings == (reading,)
    assert fault in decoded.faults[0]


def test_a_beacon_transition_is_at_no_place() -> None:
    """Beacons carry 0,0: the event is kept, the position is not."""
    decoded = say(_type="transition", event="enter", t="b", desc="bed", lat=0.0, lon=0.0, tst=1786000000)
    (reading,) = decoded.readings
    assert (reading.lat, reading.at) == (None, 1786000000.0)
    assert decoded.faults == ("position: 0,0 is no fix",)


def test_the_last_will_names_the_connection_that_was_lost() -> None:
    """Its tst is the time of connecting: a will of an earlier connection can be told from the present one."""
    assert say(_type="lwt", tst=1786000000) == Decoded(presence=Presence(online=False, session="1786000000"))


def test_steps_are_counted_and_minus_one_is_none() -> None:
    """The pedometer's count is a quantity of ours; -1 means that the phone has none."""
    assert say(_type="steps", tst=1786000000, steps=1618).readings[0].steps == 1618
    assert say(_type="steps", tst=1786000000, steps=-1).readings[0].steps is None


@pytest.mark.parametrize("suffix", ["", "/event", "/waypoint", "/waypoints", "/step", "/status", "/beacon", "/cmd"])
def test_the_address_of_a_phone_is_its_own_topic(suffix: str) -> None:
    """Whatever is appended, the device is registered under base, user and device."""
    assert address_of(PHONE + suffix) == PHONE
    assert not may_alarm(PHONE + suffix)


def test_a_device_called_like_a_suffix_is_still_a_device() -> None:
    """Three levels are the least: owntracks/jane/status is a device, owntracks/jane is none."""
    assert address_of("owntracks/jane/status") == "owntracks/jane/status"
    with pytest.raises(Undecodable, match="bad_topic"):
        address_of("owntracks/jane")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"X,542A46AA,k,30365854", "not_json"),
        (b"[]", "not_an_object"),
        (b"{}", "unknown_type"),
        (b'{"_type":["location"]}', "unknown_type"),
        (b'{"_type":"encrypted","data":"x"}', "encrypted"),
    ],
)
def test_what_cannot_be_understood_says_why(payload: bytes, reason: str) -> None:
    """The quarantine counts by reason."""
    with pytest.raises(Undecodable) as caught:
        decode(PHONE, payload)
    assert caught.value.reason == reason


def test_an_empty_payload_removes_a_retained_message_and_says_nothing() -> None:
    """Clearing the broker is no event."""
    assert decode(PHONE, b"") == Decoded()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
types = st.sampled_from(["location", "transition", "lwt", "steps", "beacon", "waypoint", "waypoints", "status", "card"])
fields = st.dictionaries(
    st.sampled_from(["lat", "lon", "acc", "batt", "bs", "vel", "tst", "steps", "image", "extra", "at", "\0"]),
    json_values,
)


@given(kind=types, sent=fields)
def test_any_message_of_a_known_type_is_understood(kind: str, sent: dict[str, Any]) -> None:
    """Garbage in a field is a fault, never a message lost."""
    assert say(**sent, _type=kind).signals == ()


@given(payload=st.binary(max_size=64) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_message_raises_anything_but_undecodable(payload: bytes) -> None:
    """Whatever comes in, the decoder answers or says Undecodable."""
    with contextlib.suppress(Undecodable):
        decode(PHONE, payload)
