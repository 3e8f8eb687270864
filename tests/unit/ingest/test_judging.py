"""What follows from a message, for every way a source or a payload can be at fault."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fixtures.registries import a_device, a_registry
from pydantic import SecretStr

from devices.model import DeviceKind, Hazard, Protocol, Signal, SignalState
from devices.wire.mqtt import Oversized, Publish
from domain.incident import SubjectKind
from domain.people import Mode
from ingest.config import IngestConfig, LaneName
from ingest.judging import Judged, judge, judge_broken, shortened, source_of
from ingest.topics import route

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
SOS = b'{"id": "e1", "hazard": "sos", "at": 1772596800}'
ALARM = "care/qinghe/button/alarm"
TELEMETRY = "care/qinghe/button/telemetry"

BUTTON = a_device(1, "button")
DEVICES = (
    BUTTON,
    a_device(2, "stock", household_id=None, resident_id=None),
    a_device(3, "old", retired=True),
    a_device(4, "z-smoke", kind=DeviceKind.SMOKE_ALARM, protocol=Protocol.ZIGBEE2MQTT, address="zigbee2mqtt/kitchen"),
    a_device(5, "hub", kind=DeviceKind.GATEWAY, protocol=Protocol.ZIGBEE2MQTT, address="zigbee2mqtt/bridge",
             household_id=None, resident_id=None),
    a_device(6, "practice", mode=Mode.DRILL),
)  # fmt: skip


def _always(_: int, __: Signal) -> bool:
    return True


def judged(topic: str, payload: bytes, *, organisations: bool = True, **flags: Any) -> Judged:
    """What follows from a message on ``topic``."""
    lane = LaneName.ALARM if topic.endswith("/alarm") or not topic.startswith("care/") else LaneName.TELEMETRY
    config = IngestConfig(dsn="", broker_url=SecretStr("mqtt://broker"), lane=lane)
    registry = a_registry(*DEVICES, organisations=organisations)
    message = Publish(topic, payload, 1, flags.get("retain", False), flags.get("dup", False), 1)
    source = source_of(topic, route(topic, config), registry)
    return judge(message, source, registry, now=NOON, mark="m", is_news=flags.get("is_news", _always))


def test_a_press_of_a_bound_button_concerns_its_resident() -> None:
    """Identity, subject and mode come from the registration and the event, never from guesses."""
    found = judged(ALARM, SOS)
    (alarm,) = found.alarms
    assert found.entry is None
    assert (alarm.hazard, alarm.identity, alarm.event_id) == (Hazard.SOS, "e1|raised|1772596800.0", "e1")
    assert (alarm.subject_kind, alarm.subject_id, alarm.organisation_id) == (SubjectKind.RESIDENT, "8", 3)
    assert (alarm.mode, alarm.device_key, alarm.source) == (Mode.LIVE, 1, "button")


def test_a_drill_device_raises_drills_whatever_it_says() -> None:
    """Mode is never taken from the payload."""
    (alarm,) = judged("care/qinghe/practice/alarm", b'{"hazard": "sos", "mode": "live"}').alarms
    assert alarm.mode is Mode.DRILL


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "desk"),
    [
        ("care/qinghe/nobody/alarm", SOS, "unknown_device", 2),
        ("care/elsewhere/nobody/alarm", SOS, "unknown_device", 1),
        ("care/qinghe/nobody/alarm", b"?", "unknown_device", 2),
        ("care/qinghe/nobody/telemetry", b"{}", "unknown_device", None),
        ("care/qinghe/stock/alarm", SOS, "unbound", 3),
        ("care/qinghe/stock/telemetry", b"{}", "unbound", None),
        ("care/qinghe/old/alarm", SOS, "retired", 3),
        ("care/qinghe/z-smoke/alarm", SOS, "wrong_protocol", 3),
        ("care/qinghe/z-smoke/telemetry", b"{}", "wrong_protocol", None),
        ("care/elsewhere/button/telemetry", b"{}", "wrong_cell", None),
        (ALARM, b"\xff", "not_json", 3),
        (ALARM, b"[]", "not_an_object", 3),
        (ALARM, b'{"hazard": "area_outage"}', "platform_hazard", 3),
        (ALARM, b"x" * 65_537, "oversized", 3),
        (TELEMETRY, b"x" * 65_537, "oversized", None),
        (TELEMETRY, b"?", "not_json", None),
        ("care/qinghe/button/status", b"?", "not_json", None),
        ("care/qinghe/button/diary", b"{}", "bad_topic", None),
        ("care/qinghe/button", b"{}", "bad_topic", None),
        ("care/qinghe/no such id/alarm", SOS, "bad_topic", 2),
        ("care/a/b/c/alarm", SOS, "bad_topic", 1),
        ("zigbee2mqtt/attic", b'{"smoke": true}', "unknown_device", 1),
        ("zigbee2mqtt/attic", b'{"smoke": false}', "unknown_device", None),
        ("zigbee2mqtt/attic", b'{"battery_low": true}', "unknown_device", None),
        ("zigbee2mqtt/attic", b"?", "unknown_device", 1),
        ("zigbee2mqtt/kitchen", b"?", "not_json", 3),
        ("zigbee2mqtt/kitchen/availability", b"?", "unknown_state", None),
        ("owntracks/li/phone", b"?", "unknown_device", None),
        ("owntracks/li", b"{}", "bad_topic", None),
    ],
)
def test_what_cannot_be_judged_is_kept_and_where_it_may_be_a_call_the_desk_looks(
    topic: str, payload: bytes, reason: str, desk: int | None
) -> None:
    """Invariant 4. ``desk`` is the organisation at which the incident opens."""
    found = judged(topic, payload)
    assert found.entry is not None
    assert (found.entry.reason, found.readings, found.presence) == (reason, (), None)
    assert [(alarm.hazard, alarm.subject_kind, alarm.organisation_id) for alarm in found.alarms] == (
        [] if desk is None else [(Hazard.UNCLEAR, SubjectKind.SOURCE, desk)]
    )


def test_a_wrong_cell_does_not_keep_help_waiting() -> None:
    """The broker vouches for the device id; the topic is to be mended, and stands in quarantine for that."""
    found = judged("care/elsewhere/button/alarm", SOS)
    assert [alarm.hazard for alarm in found.alarms] == [Hazard.SOS]
    assert found.entry is not None
    assert found.entry.reason == "wrong_cell"


def test_a_device_bound_nowhere_may_still_say_that_its_battery_is_low() -> None:
    """Technical matters concern the device itself."""
    found = judged("care/qinghe/stock/alarm", b'{"hazard": "low_battery"}')
    assert [(one.hazard, one.subject_kind, one.subject_id) for one in found.alarms] == [
        (Hazard.LOW_BATTERY, SubjectKind.DEVICE, "2")
    ]


def test_a_gateway_lives_nowhere_and_is_in_order() -> None:
    """It speaks for devices in many homes."""
    found = judged("zigbee2mqtt/bridge/state", b'{"state": "offline"}')
    assert found.entry is None
    assert found.presence is not None
    assert found.presence.subject == "*"


def test_with_no_organisation_at_all_an_unclear_alarm_is_kept_and_said_to_be_unanswered() -> None:
    """Nothing can be opened then; health must say so."""
    found = judged("care/qinghe/nobody/alarm", SOS, organisations=False)
    assert found.unanswered
    assert found.entry is not None
    assert found.alarms == ()


@pytest.mark.parametrize(
    ("payload", "flags", "since"),
    [
        (SOS, {"dup": True}, None),
        (b'{"hazard": "sos"}', {}, None),
        (b'{"hazard": "sos"}', {"dup": True}, NOON - timedelta(seconds=60)),
        (b'{"hazard": "sos"}', {"retain": True}, NOON - timedelta(days=36_500)),
    ],
)
def test_only_without_an_id_and_where_a_repeat_is_likely_the_same_words_are_looked_for(
    payload: bytes, flags: dict[str, bool], since: datetime | None
) -> None:
    """In doubt it is a second press."""
    (alarm,) = judged(ALARM, payload, **flags).alarms
    assert alarm.same_since == since


def test_repeated_state_is_told_by_its_changes_alone() -> None:
    """The second of two equal alarms may be the one that comes again."""
    (alarm,) = judged("zigbee2mqtt/kitchen", b'{"smoke": true}', dup=True).alarms
    assert (alarm.republished, alarm.same_since, alarm.state) == (True, None, SignalState.RAISED)


def test_state_that_is_committed_already_is_no_alarm_and_its_readings_are_kept() -> None:
    """Most of what a foreign sensor says."""
    found = judged("zigbee2mqtt/kitchen", b'{"smoke": false, "battery": 80}', is_news=lambda *_: False)
    assert found.alarms == ()
    assert [reading.battery_pct for reading in found.readings] == [80]


def test_an_oversized_alarm_calls_the_desk_though_its_words_are_gone() -> None:
    """The parser reads past it; that it came is known."""
    config = IngestConfig(dsn="", broker_url=SecretStr("mqtt://broker"), lane=LaneName.ALARM)
    registry = a_registry(*DEVICES)
    source = source_of(ALARM, route(ALARM, config), registry)
    found = judge(Oversized(ALARM, 900_000, 1, False, False, 4), source, registry, now=NOON, mark="m", is_news=_always)
    assert found.entry is not None
    assert (found.entry.size_bytes, found.entry.payload) == (900_000, b"")
    assert [alarm.hazard for alarm in found.alarms] == [Hazard.UNCLEAR]


def test_a_message_that_breaks_the_program_is_kept_and_an_alarm_among_them_calls_the_desk() -> None:
    """Our own fault must cost nobody help."""
    config = IngestConfig(dsn="", broker_url=SecretStr("mqtt://broker"), lane=LaneName.ALARM)
    registry = a_registry(*DEVICES)
    source = source_of(ALARM, route(ALARM, config), registry)
    found = judge_broken(Publish(ALARM, SOS, 1, False, False, 4), source, registry, now=NOON, mark="m")
    assert found.entry is not None
    assert (found.entry.reason, found.entry.payload) == ("program_fault", SOS)
    assert [alarm.hazard for alarm in found.alarms] == [Hazard.UNCLEAR]


def test_a_long_topic_is_shortened_to_something_an_index_takes_and_stays_different() -> None:
    """200 characters and a checksum of the whole."""
    first, second = (shortened("care/" + "楼" * 30_000 + end) for end in ("a", "b"))
    assert len(first) < 220
    assert first != second
