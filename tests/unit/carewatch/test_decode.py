"""`carewatch decode`: one answer for each line, whatever the line is."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from fixtures import device_samples
from typer.testing import CliRunner

from carewatch.__main__ import app
from devices.model import Protocol

SUPPORTED = f"supported: {', '.join(sorted(Protocol))}"


def decode(*lines: object) -> list[dict[str, Any]]:
    """What the command prints for ``lines`` (text as it is, anything else as JSON) on its standard input."""
    sent = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    result = CliRunner().invoke(app, ["decode", "-"], input=sent)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_native_alarm_with_a_position_is_answered_in_full() -> None:
    """Signals come first, then the place with its accuracy, then the quantities in our units."""
    alarm = {"hazard": "sos", "at": 1786000000, "lat": 30.5, "lon": 114.3, "accuracy_m": 9, "heart_rate_bpm": 120}
    assert decode({"protocol": "native", "topic": "care/330106/wb-1/alarm", "payload": alarm}) == [
        {
            "line": 1,
            "protocol": "native",
            "device": "wb-1",
            "at": "2026-08-06T07:06:40Z",
            "events": [
                {"hazard": "sos", "state": "raised"},
                {"quantity": "location", "lat": 30.5, "lon": 114.3, "accuracy_m": 9.0},
                {"quantity": "heart_rate_bpm", "value": 120.0},
            ],
            "error": None,
        }
    ]


@pytest.mark.parametrize(
    ("line", "events"),
    [
        ({"payload": {"hazard": "fall", "state": "test"}}, [{"hazard": "fall", "state": "test"}]),
        ({"payload": {"online": False}}, [{"quantity": "online", "value": False}]),
        ({"payload": {"water_leak": True}}, [{"hazard": "water", "state": "raised"}]),
        (
            {"topic": "z/x", "payload": {"contact": False, "linkquality": 9}},
            [{"quantity": "contact_open", "value": True}],
        ),
        ({"topic": "zigbee2mqtt/x/action", "payload": "emergency"}, [{"hazard": "sos", "state": "raised"}]),
        (
            {"topic": "zigbee2mqtt/bridge/state", "payload": "offline"},
            [{"quantity": "online", "value": False, "subject": "*"}],
        ),
        (
            {"payload": {"_type": "transition", "event": "leave", "desc": "home"}},
            [{"quantity": "geofence", "value": "leave", "region": "home"}],
        ),
        (
            {"payload": [{"at": 10, "battery_pct": 5}, {"at": 20, "battery_pct": 4}]},
            [
                {"quantity": "battery_pct", "value": 5.0},
                {"quantity": "battery_pct", "value": 4.0, "at": "1970-01-01T00:00:20Z"},
            ],
        ),
        (
            {"payload": base64.b64encode(b'{"hazard":"co"}').decode(), "encoding": "base64"},
            [{"hazard": "co", "state": "raised"}],
        ),
    ],
)
def test_without_a_protocol_topic_and_shape_tell_it(line: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Guessing is for this command alone; text, JSON and base64 payloads are all read."""
    (answer,) = decode(line)
    assert (answer["events"], answer["error"]) == (events, None)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "the line is empty"),
        ("nonsense", "the line is not JSON: "),
        ("[" * 100_000, "the line is not JSON: nested too deeply"),
        ("[1]", "the line is no device message: Expected `object`"),
        ({"topic": "a/b"}, "missing required field `payload`"),
        ({"payload": 1, "topic": 5}, "at `$.topic`"),
        ({"payload": "!!", "encoding": "base64"}, "payload is not base64: "),
        ({"payload": 7, "encoding": "base64"}, "payload is not base64: "),
        ({"payload": "x", "encoding": "hex"}, 'encoding "hex" is not known'),
        ({"protocol": "shelly", "payload": 1}, f'protocol "shelly" is not supported; {SUPPORTED}'),
        ({"topic": "tele/plug/STATE", "payload": {}}, f'topic "tele/plug/STATE" does not tell it; {SUPPORTED}'),
        ({"protocol": "native", "topic": "a/b", "payload": {}}, "bad_topic: 'a/b' is not care/cell/device/channel"),
        ({"payload": {"hazard": "dragon"}}, "unknown_hazard: 'dragon' is not one of sos, fall"),
        ({"payload": {"hazard": "sos", "spo2_pct": 101}}, "spo2_pct: 101 is outside 0 to 100"),
    ],
)
def test_a_bad_line_is_answered_with_value_and_limit_and_stops_nothing(line: object, error: str) -> None:
    """Its neighbours are decoded, and the exit code is 0."""
    good = {"payload": {"hazard": "sos"}}
    before, bad, after = decode(good, line, good)
    assert error in bad["error"]
    assert bad["line"] == 2
    assert before["events"] == after["events"] == [{"hazard": "sos", "state": "raised"}]


def test_a_fault_beside_an_alarm_is_named_and_the_alarm_stands() -> None:
    """The error of a line that was partly understood stands beside its events."""
    (answer,) = decode({"payload": {"hazard": "sos", "lat": 91, "lon": 5}})
    assert answer["events"] == [{"hazard": "sos", "state": "raised"}]
    assert "lat: 91 is outside -90 to 90" in answer["error"]


@pytest.mark.parametrize("path", sorted(device_samples.folder().glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_sample_of_every_family_is_answered(path: Path) -> None:
    """One line out for each line in, decoded or with a reason, and no supported family taken for another."""
    result = CliRunner().invoke(app, ["decode", str(path)])
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, len(path.read_bytes().splitlines()) + 1))
    assert all(list(answer) == ["line", "protocol", "device", "at", "events", "error"] for answer in answers)
    if path.stem in set(Protocol):
        assert {answer["protocol"] for answer in answers} == {path.stem}


def test_a_file_that_cannot_be_read_is_the_only_failure() -> None:
    """Then the exit code says so."""
    result = CliRunner().invoke(app, ["decode", "no/such/file"])
    assert result.exit_code != 0
    assert "no/such/file" in result.output
