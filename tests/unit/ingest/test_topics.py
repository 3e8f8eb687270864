"""Which topics a lane hears, and whose they are."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from devices.model import Protocol
from devices.wire.mqtt import matches
from ingest.config import IngestConfig, LaneName
from ingest.topics import Kind, canary_topic, route, sessions


def filters(config: IngestConfig) -> list[str]:
    """Everything that a lane subscribes to, in whatever session."""
    return [one for listening in sessions(config).values() for one in listening]


def lane(name: LaneName, **other: Any) -> IngestConfig:
    """A lane."""
    return IngestConfig(dsn="", broker_url=SecretStr("mqtt://broker"), lane=name, **other)


@pytest.mark.parametrize(
    ("topic", "alarm", "telemetry"),
    [
        ("care/qinghe/b-1/alarm", Kind.NATIVE, Kind.PASSED_OVER),
        ("care/qinghe/b-1/telemetry", Kind.NATIVE, Kind.NATIVE),
        ("care/qinghe/b-1/status", Kind.NATIVE, Kind.NATIVE),
        ("care/qinghe/b-1/receipt", Kind.PASSED_OVER, Kind.PASSED_OVER),
        ("care/qinghe/b-1/command", Kind.PASSED_OVER, Kind.PASSED_OVER),
        ("care/qinghe/b-1/diary", Kind.STRAY, Kind.STRAY),
        ("care", Kind.STRAY, Kind.STRAY),
        ("care/a/b/c/alarm", Kind.STRAY, Kind.STRAY),
        ("care/_canary/other/telemetry", Kind.PASSED_OVER, Kind.PASSED_OVER),
        ("zigbee2mqtt/kitchen", Kind.FOREIGN, Kind.FOREIGN),
        ("weather/today", Kind.STRAY, Kind.STRAY),
    ],
)
def test_each_topic_is_of_one_kind_for_each_lane(topic: str, alarm: Kind, telemetry: Kind) -> None:
    """What one lane passes over the other hears, or it goes down to a device."""
    assert route(topic, lane(LaneName.ALARM)).kind is alarm
    assert route(topic, lane(LaneName.TELEMETRY)).kind is telemetry


@pytest.mark.parametrize("name", LaneName)
@pytest.mark.parametrize("cells", [(), ("qinghe", "county")])
def test_a_lane_hears_its_own_canary_exactly_once(name: LaneName, cells: tuple[str, ...]) -> None:
    """Two subscriptions that match would bring it twice."""
    config = lane(name, cells=cells)
    topic = canary_topic(config)
    assert sum(matches(one, topic) for one in filters(config)) == 1
    assert route(topic, config).kind is Kind.CANARY


@pytest.mark.parametrize("cells", [(), ("qinghe",)])
def test_everything_of_the_contract_is_heard_by_one_lane_and_odd_channels_by_the_telemetry_lane(
    cells: tuple[str, ...],
) -> None:
    """Nothing that is published in a cell stays unseen."""
    alarm, telemetry = (filters(lane(name, cells=cells)) for name in LaneName)
    assert any(matches(one, "care/qinghe/b-1/alarm") for one in alarm)
    for channel in ("telemetry", "status", "diary"):
        assert any(matches(one, f"care/qinghe/b-1/{channel}") for one in telemetry)
        assert not any(matches(one, f"care/qinghe/b-1/{channel}") for one in alarm)


def test_a_foreign_topic_is_read_by_the_protocol_of_its_filter() -> None:
    """Which gateway speaks where is configured, not guessed."""
    config = lane(LaneName.ALARM, foreign={"town/z2m/#": Protocol.ZIGBEE2MQTT})
    found = route("town/z2m/kitchen/availability", config)
    assert (found.kind, found.protocol, found.name) == (Kind.FOREIGN, Protocol.ZIGBEE2MQTT, "town/z2m/kitchen")


@pytest.mark.parametrize("url", ["http://broker", "mqtt://", "broker:1883"])
def test_an_address_that_is_no_brokers_is_refused(url: str) -> None:
    """Said at the start, with what it should be."""
    with pytest.raises(ValidationError, match="broker_url must be mqtt://"):
        IngestConfig(dsn="", broker_url=SecretStr(url), lane=LaneName.ALARM)


def test_credentials_are_taken_from_the_address_and_not_shown_with_it() -> None:
    """Percent-encoding is undone; the port follows the scheme."""
    broker = IngestConfig(dsn="", broker_url=SecretStr("mqtts://in%40gest:p%3Aw@broker"), lane=LaneName.ALARM).broker
    assert (broker.username, broker.port, broker.where) == ("in@gest", 8883, "mqtts://broker:8883")
    assert broker.password is not None
    assert broker.password.get_secret_value() == "p:w"
    assert "p:w" not in repr(broker)


def test_alarms_share_their_connection_with_no_telemetry() -> None:
    """Behind a flood of foreign state that is written already they would wait."""
    found = sessions(lane(LaneName.ALARM))
    assert found == {
        "ingest-p00-alarm": ["care/+/+/alarm"],
        "ingest-p00-alarm-foreign": ["zigbee2mqtt/#", "owntracks/#"],
    }
    assert list(sessions(lane(LaneName.ALARM, foreign={}))) == ["ingest-p00-alarm"]
