"""Histories as people have them are read liberally, and what cannot be read is told with its line and value."""

import json
from zoneinfo import ZoneInfo

import pytest

from alerting.errors import BadRecording
from alerting.recordings import Recording, read_recording
from devices.model import DeviceKind

CHINA = ZoneInfo("Asia/Shanghai")


def read(text: str) -> Recording:
    """The history in ``text``."""
    return read_recording(text.splitlines(keepends=True), CHINA)


def test_columns_may_stand_in_any_order_under_several_names() -> None:
    """Semicolons, a BOM, an extra column, quotes."""
    text = '\ufeffvalue;extra;sensor_id;kind;timestamp\nON;"a;b";M001;motion;2024-01-01 08:00:00.5\n'
    (one,) = read(text).observations
    assert (one.source, one.kind, one.reading.motion) == ("M001", DeviceKind.INFRARED_SENSOR, True)
    assert one.at == 1704067200.5


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2024-01-01T08:00:00", 1704067200),
        ("2024-01-01 08:00", 1704067200),
        ("2024-01-01T00:00:00Z", 1704067200),
        ("2024-01-01T01:00:00+01:00", 1704067200),
        ("1704067200", 1704067200),
    ],
)
def test_times_with_and_without_a_zone(written: str, at: float) -> None:
    """Naive times are local; epoch seconds are what they are."""
    assert [one.at for one in read(f"ts,sensor,kind,value\n{written},m,motion,1\n").observations] == [at]


@pytest.mark.parametrize("written", ["on", "OPEN", "1", "True", "activated"])
def test_every_way_to_say_yes(written: str) -> None:
    """Of a door."""
    (one,) = read(f"ts,sensor,kind,value\n2024-01-01T08:00:00,d,door,{written}\n").observations
    assert one.reading.contact_open is True
    assert one.kind is DeviceKind.DOOR_SENSOR


@pytest.mark.parametrize("written", ["off", "closed", "CLOSE", "0", "false"])
def test_every_way_to_say_no(written: str) -> None:
    """Of a contact."""
    (one,) = read(f"ts,sensor,kind,value\n2024-01-01T08:00:00,d,contact,{written}\n").observations
    assert one.reading.contact_open is False


def test_quantities_places_and_kinds_that_nobody_asks_for() -> None:
    """Numbers by their names, a location in one field, and the rest counted."""
    rows = [
        '2024-01-01T08:00:00,w,location,"36.1, 114.2, 15"',
        "2024-01-01T08:00:01,w,heart_rate_bpm,71.5",
        "2024-01-01T08:00:02,w,steps,120",
        "2024-01-01T08:00:03,l,light,80",
    ]
    recording = read("ts,sensor,kind,value\n" + "\n".join(rows) + "\n")
    place, beat, steps = (one.reading for one in recording.observations)
    assert (place.lat, place.lon, place.accuracy_m) == (36.1, 114.2, 15)
    assert (beat.heart_rate_bpm, steps.steps) == (71.5, 120)
    assert recording.passed_over == {"light": 1}


def test_lines_are_put_in_order_of_time() -> None:
    """Two sensors, two files pasted together."""
    text = "ts,sensor,kind,value\n2024-01-01T09:00,a,motion,1\n2024-01-01T08:00,b,motion,1\n"
    assert [one.source for one in read(text).observations] == ["b", "a"]


def test_readings_as_json_lines() -> None:
    """The names of our own readings; times as text or seconds."""
    lines = [
        {"at": 1704067200, "device": "b1", "heart_rate_bpm": 70, "unknown": 1},
        {"ts": "2024-01-01T08:00:01", "sensor": "s1", "device_kind": "smoke_alarm", "temperature_c": 21},
    ]
    beat, smoke = read("\n".join(map(json.dumps, lines))).observations
    assert (beat.at, beat.kind, smoke.at, smoke.kind) == (
        1704067200,
        DeviceKind.WRISTBAND,
        1704067201,
        DeviceKind.SMOKE_ALARM,
    )


HEAD = "ts,sensor,kind,value\n"


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        ("", 1, ""),
        ("when,sensor,kind,value\n", 1, "when"),
        (HEAD + "2024-01-01T08:00,a,motion,1\nyesterday,a,motion,1\n", 3, "yesterday"),
        (HEAD + "2024-01-01T08:00,a,motion,perhaps\n", 2, "perhaps"),
        (HEAD + "2024-01-01T08:00,a,heart_rate_bpm,fast\n", 2, "fast"),
        (HEAD + "2024-01-01T08:00,a,heart_rate_bpm,9999\n", 2, "9999"),
        (HEAD + "2024-01-01T08:00,a,location,36.1\n", 2, "36.1"),
        (HEAD + "2024-01-01T08:00,a\n", 2, "2024-01-01T08:00,a"),
        ('{"at": 1704067200}\n', 1, "at"),
        ('{"at": 1704067200, "sensor": "a", "steps": "many"}\n', 1, "many"),
        ("{\n", 1, "{"),
    ],
)
def test_what_cannot_be_read_is_told_with_line_and_value(text: str, line: int, value: str) -> None:
    """Never a guess."""
    with pytest.raises(BadRecording) as caught:
        read(text)
    assert caught.value.line == line
    assert value in str(caught.value)
