"""The native protocol: what devices that keep to it, nearly keep to it, or do not, are taken to have said."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import native
from devices.errors import Undecodable
from devices.model import Decoded, Hazard, Presence, Reading, Signal, SignalState
from devices.quantities import gather
from devices.topics import Channel, Topic, is_id

AT = 1786000000.123
RAISED = SignalState.RAISED

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from([*Reading.__struct_fields__, "id", "state", "text", "a\0b", "\ud800"])


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("sent", "reading"),
    [
        ({"at": AT}, Reading(at=AT)),
        ({"at": 1786000000}, Reading(at=1786000000.0)),
        ({"at": "1786000000.123"}, Reading(at=AT)),
        ({"at": "2026-08-06T07:06:40.123Z"}, Reading(at=AT)),
        ({"at": "2026-08-06t15:06:40.123+08:00"}, Reading(at=AT)),
        ({}, Reading()),
        ({"seq": 7, "lat": 30.5, "lon": 114.3, "accuracy_m": 12}, Reading(seq=7, lat=30.5, lon=114.3, accuracy_m=12.0)),
        ({"heart_rate_bpm": "72", "steps": "1618"}, Reading(heart_rate_bpm=72.0, steps=1618)),
        ({"steps": 12.0}, Reading(steps=12)),
        ({"motion": 1, "contact_open": "false", "worn": True}, Reading(motion=True, contact_open=False, worn=True)),
        ({"battery_pct": None}, Reading()),
        ({"firmware": "1.2", "bits": [1, None]}, Reading(extra={"firmware": "1.2", "bits": [1, None]})),
        ({"extra": {"a": 1}}, Reading(extra={"extra": {"a": 1}})),
    ],
)
def test_telemetry_within_the_contract_or_plainly_meant_has_no_fault(sent: dict[str, Any], reading: Reading) -> None:
    """What a device can only have meant in one way is read that way, without a fault."""
    assert native.decode_telemetry(encoded(sent)) == Decoded(readings=(reading,))


@pytest.mark.parametrize(
    ("payload", "reading", "fault"),
    [
        (b'{"at":1786000000123}', Reading(at=AT), "at: 1786000000123 taken as milliseconds"),
        (b'{"at":0,"steps":1}', Reading(steps=1, extra={"at": 0}), "at: 0 is neither"),
        (b'{"at":true}', Reading(extra={"at": True}), "at: True is neither"),
        (b'{"at":"20260806"}', Reading(extra={"at": "20260806"}), "at: '20260806' is neither"),
        (b'{"at":"2026-08-06T07:06:40"}', Reading(extra={"at": "2026-08-06T07:06:40"}), "with a zone"),
        (b'{"lat":91,"lon":5}', Reading(extra={"lat": 91, "lon": 5.0}), "lat: 91 is outside -90 to 90"),
        (b'{"lat":30.5}', Reading(extra={"lat": 30.5}), "position: only lat is usable"),
        (b'{"lat":0,"lon":0}', Reading(extra={"lat": 0.0, "lon": 0.0}), "position: 0,0 is no fix"),
        (b'{"spo2_pct":101}', Reading(extra={"spo2_pct": 101}), "spo2_pct: 101 is outside 0 to 100"),
        (b'{"heart_rate_bpm":351}', Reading(extra={"heart_rate_bpm": 351}), "outside 0 to 350"),
        (b'{"battery_pct":-1}', Reading(extra={"battery_pct": -1}), "outside 0 to 100"),
        (b'{"seq":1.5}', Reading(extra={"seq": 1.5}), "seq: 1.5 is not a whole number"),
        (b'{"seq":9223372036854775808}', Reading(extra={"seq": 2.0**63}), "seq: an integer beyond 64 bits is outside"),
        (b'{"motion":"perhaps"}', Reading(extra={"motion": "perhaps"}), "motion: 'perhaps' is not true or false"),
        (b'{"temperature_c":1e999}', Reading(extra={"temperature_c": "inf"}), "temperature_c: inf is not a number"),
        (b'{"temperature_c":NaN}', Reading(extra={"temperature_c": "NaN"}), "temperature_c: 'NaN' is not a number"),
        (b'{"steps":4}\0\0', Reading(steps=4), "not strict JSON"),
        (b'\xef\xbb\xbf{"steps":4}', Reading(steps=4), "not strict JSON"),
        (b'{"name":"\xd5\xc5","steps":4}', Reading(steps=4, extra={"name": "\ufffd\ufffd"}), "not strict JSON"),
    ],
)
def test_a_malformed_telemetry_field_is_a_fault_and_is_kept(payload: bytes, reading: Reading, fault: str) -> None:
    """A bad field never costs the others: it is named with value and limit, and its text is kept."""
    decoded = native.decode_telemetry(payload)
    assert decoded.readings == (reading,)
    assert any(fault in named for named in decoded.faults)


def test_an_array_keeps_the_order_sent_and_loses_only_what_is_no_object() -> None:
    """Buffered history comes in the order it was sent; a broken element does not cost its neighbours."""
    assert native.decode_telemetry(b'[{"at":2},{"at":1}]').readings == (Reading(at=2.0), Reading(at=1.0))
    mixed = native.decode_telemetry(b'[{"at":2},7,{"at":1}]')
    assert mixed.readings == (Reading(at=2.0), Reading(at=1.0))
    assert mixed.faults == ("telemetry[1]: 7 is not an object",)
    assert native.decode_telemetry(b"[]") == Decoded()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"seq":' + b"9" * 5000 + b"}", "not_json"),
        (b"7", "not_an_object"),
        (b"[7]", "not_an_object"),
    ],
)
def test_telemetry_that_says_nothing_is_undecodable(payload: bytes, reason: str) -> None:
    """What cannot be understood at all is named, for the quarantine."""
    with pytest.raises(Undecodable) as caught:
        native.decode_telemetry(payload)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("sent", "signal"),
    [
        (
            {"id": "e1", "hazard": "sos", "at": AT, "state": "raised"},
            Signal(hazard=Hazard.SOS, state=RAISED, at=AT, id="e1"),
        ),
        ({"hazard": "fall"}, Signal(hazard=Hazard.FALL, state=RAISED)),
        ({"hazard": " SOS ", "state": "Test"}, Signal(hazard=Hazard.SOS, state=SignalState.TEST)),
        ({"hazard": "co", "state": "cleared", "id": 17}, Signal(hazard=Hazard.CO, state=SignalState.CLEARED, id="17")),
    ],
)
def test_an_alarm_alone_is_one_signal_and_no_reading(sent: dict[str, Any], signal: Signal) -> None:
    """An alarm without telemetry stores no reading."""
    assert native.decode_alarm(encoded(sent)) == Decoded(signals=(signal,))


def test_telemetry_beside_an_alarm_is_one_reading_of_the_same_moment() -> None:
    """Whatever stands beside the alarm is measured at its moment, unknown fields too."""
    sent = {"id": "e1", "hazard": "sos", "at": AT, "heart_rate_bpm": 120, "text": "help"}
    decoded = native.decode_alarm(encoded(sent))
    assert decoded.readings == (Reading(at=AT, heart_rate_bpm=120.0, extra={"text": "help"}),)
    assert decoded.signals[0].at == AT


@pytest.mark.parametrize(
    ("payload", "signal"),
    [
        (b'{"hazard":"sos","state":"shouted"}', Signal(hazard=Hazard.SOS, state=RAISED)),
        (b'{"hazard":"sos","state":5,"id":["x"]}', Signal(hazard=Hazard.SOS, state=RAISED)),
        (b'{"hazard":"sos","id":"a\\u0000b"}', Signal(hazard=Hazard.SOS, state=RAISED)),
        (b'{"hazard":"sos","lat":nan,"lon":nan}', Signal(hazard=Hazard.SOS, state=RAISED)),
        (b'{"hazard":"sos","at":NaN,"id":"e"}', Signal(hazard=Hazard.SOS, state=RAISED, id="e")),
        (
            b'{"id":"e1","hazard":"smoke","state":"cleared","at":17',
            Signal(hazard=Hazard.SMOKE, state=SignalState.CLEARED),
        ),
        (b'{"hazard" : "fall", "note":"\x80\xff', Signal(hazard=Hazard.FALL, state=RAISED)),
        (b'{"hazard":"sos","deep":' + b"[" * 100_000, Signal(hazard=Hazard.SOS, state=RAISED)),
    ],
)
def test_an_alarm_survives_everything_broken_beside_it(payload: bytes, signal: Signal) -> None:
    """As long as the hazard can be read, the signal is there; in doubt it is raised."""
    decoded = native.decode_alarm(payload)
    assert decoded.signals == (signal,)
    assert decoded.faults


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"id":"e1"}', "no_hazard"),
        (b'{"hazard":"dragon"}', "unknown_hazard"),
        (b'{"hazard":7}', "unknown_hazard"),
        (b'{"hazard":"dragon"', "unknown_hazard"),
        (b"help", "not_json"),
        (b"[]", "not_an_object"),
    ],
)
def test_an_alarm_without_a_readable_hazard_is_undecodable(payload: bytes, reason: str) -> None:
    """Then the duty desk gets an incident: the reason says what to look for."""
    with pytest.raises(Undecodable) as caught:
        native.decode_alarm(payload)
    assert caught.value.reason == reason


@given(beside=st.dictionaries(field_names, json_values))
def test_any_garbage_beside_a_valid_alarm_leaves_its_signal(beside: dict[str, Any]) -> None:
    """Invariant 4: nothing beside the hazard can take the signal away."""
    decoded = native.decode_alarm(encoded(beside | {"hazard": "sos", "state": "raised", "id": "e1"}))
    assert [(one.hazard, one.state, one.id) for one in decoded.signals] == [(Hazard.SOS, RAISED, "e1")]


@given(payload=st.binary() | json_values.map(encoded) | st.dictionaries(field_names, json_values).map(encoded))
def test_no_payload_raises_anything_but_undecodable(payload: bytes) -> None:
    """Whatever comes in, a decoder answers or says Undecodable; what it keeps can be stored as strict JSON."""
    for decode in (native.decode_telemetry, native.decode_alarm, native.decode_status):
        try:
            decoded = decode(payload)
        except Undecodable:
            continue
        stored = msgspec.json.encode(decoded)
        assert b"\\u0000" not in stored


@given(beside=st.dictionaries(st.sampled_from(Reading.__struct_fields__), json_values))
def test_the_typed_way_and_the_lenient_way_agree(beside: dict[str, Any]) -> None:
    """What the fast decoder accepts, the field-by-field one reads to the same reading without a fault."""
    faults: list[str] = []
    lenient = gather(msgspec.json.decode(msgspec.json.encode(beside)), faults) if _strict(beside) else None
    if lenient is not None:
        assert native.decode_telemetry(msgspec.json.encode(beside)) == Decoded(
            readings=(lenient,), faults=tuple(faults)
        )


def _strict(value: object) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(value))
    except (ValueError, OverflowError):
        return False
    return True


@pytest.mark.parametrize(
    ("payload", "decoded"),
    [
        (b'{"online":true,"session":"n1"}', Decoded(presence=Presence(online=True, session="n1"))),
        (b'{"online":false,"session":4711}', Decoded(presence=Presence(online=False, session="4711"))),
        (b'{"online":0}', Decoded(presence=Presence(online=False))),
        (b"", Decoded()),
        (
            b'{"online":true,"at":1786000000,"battery_pct":80}',
            Decoded(presence=Presence(online=True), readings=(Reading(at=1786000000.0, battery_pct=80.0),)),
        ),
        (
            b'{"online":true,"battery_pct":80}',
            Decoded(presence=Presence(online=True), faults=("status: fields without a time are not kept",)),
        ),
    ],
)
def test_a_status_says_whether_the_device_is_connected(payload: bytes, decoded: Decoded) -> None:
    """A retained status may be of any age: only what has its own time becomes a reading."""
    assert native.decode_status(payload) == decoded


def test_a_status_without_online_is_undecodable() -> None:
    """A status that does not say whether the device is online says nothing."""
    with pytest.raises(Undecodable, match="no_online"):
        native.decode_status(b'{"session":"n1"}')


readings = st.builds(
    Reading,
    at=st.none() | st.floats(1, 1e11),
    seq=st.none() | st.integers(0, 2**63 - 1),
    heart_rate_bpm=st.none() | st.floats(0, 350),
    steps=st.none() | st.integers(0, 2**31 - 1),
    motion=st.none() | st.booleans(),
    extra=st.none() | st.just({"firmware": "1.2"}),
)


@given(sent=st.lists(readings, min_size=1, max_size=3))
def test_telemetry_comes_back_as_it_was_encoded(sent: list[Reading]) -> None:
    """What the simulator encodes, ingest decodes, unknown fields included."""
    assert native.decode_telemetry(native.encode_telemetry(*sent)) == Decoded(readings=tuple(sent))


def test_alarm_status_receipt_and_command_come_back_as_they_were_encoded() -> None:
    """Every encoder has its decoder."""
    reading = Reading(at=AT, battery_pct=50.0, extra={"text": "help"})
    alarm = native.encode_alarm(event_id="e1", hazard=Hazard.FALL, state=SignalState.TEST, at=AT, reading=reading)
    signal = Signal(hazard=Hazard.FALL, state=SignalState.TEST, at=AT, id="e1")
    assert native.decode_alarm(alarm) == Decoded(readings=(reading,), signals=(signal,))
    status = native.encode_status(online=False, session="n1")
    assert native.decode_status(status) == Decoded(presence=Presence(online=False, session="n1"))
    receipt = native.Receipt(id="e1", stage=native.Stage.ACCEPTED, by="daughter", at=AT)
    assert native.decode_receipt(native.encode_receipt(receipt)) == receipt
    command = native.Command(id="c1", do=native.Order.SAY, arguments={"text": "help is coming"})
    assert json.loads(native.encode_command(command)) == {"id": "c1", "do": "say", "text": "help is coming"}
    assert native.decode_command(native.encode_command(command)) == command


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"id":"c1","do":"explode"}', b"\xff"])
def test_a_bad_receipt_or_command_is_undecodable(payload: bytes) -> None:
    """Devices and simulator reject what they cannot obey."""
    with pytest.raises(Undecodable, match="bad_command"):
        native.decode_command(payload)
    with pytest.raises(Undecodable, match="bad_receipt"):
        native.decode_receipt(payload)


def test_a_topic_is_read_and_written_alike() -> None:
    """care/cell/device/channel, and nothing else, is a native topic."""
    topic = Topic(cell="330106", device_id="wb-1_A", channel=Channel.ALARM)
    assert str(topic) == "care/330106/wb-1_A/alarm"
    assert Topic.parse(str(topic)) == topic


@pytest.mark.parametrize(
    "text",
    [
        "",
        "care/c/d",
        "care/c/d/alarm/x",
        "care/c/d/shout",
        "Care/c/d/alarm",
        "care/c/d e/alarm",
        "care/c//alarm",
        "care/c/d/alarm\n",
        f"care/c/{'d' * 65}/alarm",
    ],
)
def test_anything_else_is_no_native_topic(text: str) -> None:
    """A topic outside the pattern is refused, naming it."""
    with pytest.raises(Undecodable, match="bad_topic"):
        Topic.parse(text)


def test_an_id_is_one_topic_level_of_at_most_64_plain_characters() -> None:
    """So that a cell or device id is a topic level, a client id and a user name of any broker."""
    assert is_id("A" * 64)
    assert not any(map(is_id, ["", "A" * 65, "a/b", "a b", "é", "a\n"]))


def test_the_examples_of_the_published_contract_are_understood_without_a_fault() -> None:
    """docs/devices.md shows an alarm, telemetry, a status, a receipt and a command that work as printed."""
    page = (Path(__file__).parents[3] / "docs" / "devices.md").read_text(encoding="utf-8")
    block = page.split("## The native contract")[1].split("```json\n")[1].split("```")[0]
    alarm, telemetry, status, receipt, command = (line.encode() for line in block.splitlines())
    raised, measured, present = (
        native.decode_alarm(alarm),
        native.decode_telemetry(telemetry),
        native.decode_status(status),
    )
    assert raised.signals[0].id == native.decode_receipt(receipt).id
    assert raised.faults == measured.faults == present.faults == ()
    assert measured.readings[0].extra is None
    assert present.presence == Presence(online=True, session="f3a9")
    assert native.decode_command(command).do is native.Order.SAY
