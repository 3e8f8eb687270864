"""The alarm lane, from a device through a real broker into a real database and back."""

import asyncio
import json

import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import device, heard, lane_config, rows, running, until, until_rows
from fixtures.town import NOON

from devices.model import Hazard, Reading
from devices.native import decode_receipt, encode_alarm
from ingest.config import LaneName
from store.pool import Database
from store.registry import Noun, save

pytestmark = pytest.mark.usefixtures("town")

SOS = encode_alarm(event_id="e1", hazard=Hazard.SOS, at=NOON.timestamp(), reading=Reading(battery_pct=80.0))


async def test_a_press_opens_an_incident_and_each_repeat_gets_the_receipt_again(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Stored once, counted once, answered three times."""
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        device(broker_url, "button-1") as button,
    ):
        await button.subscribe("care/qinghe/button-1/receipt")
        for _ in range(3):
            await button.publish("care/qinghe/button-1/alarm", SOS, qos=1)
            assert decode_receipt(await heard(button)).id == "e1"
    assert await rows(database, "SELECT event_id, repeats, device_key IS NOT NULL FROM alarms") == [("e1", 2, True)]
    found = await rows(database, "SELECT hazard, severity, state, alarms, subject_kind, next_step_at FROM incidents")
    assert found == [("sos", 2, "open", 1, "resident", NOON)]
    assert await rows(database, "SELECT battery_pct FROM readings") == [(80.0,)]
    assert await rows(database, "SELECT battery_pct, online FROM device_states") == [(80.0, True)]


async def test_the_canary_comes_through_the_commit_of_alarms(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """What proves that alarms would come through goes the way that alarms go."""
    config = lane_config(dsn, broker_url, LaneName.ALARM)
    async with running(config, clock) as lane:
        await until_rows(
            database, "SELECT lane, published_at, committed_at FROM canaries", [(config.client_id, NOON, NOON)]
        )
        await until(lambda: "canary" in lane.health.conditions and lane.health.ok)


@pytest.mark.parametrize(
    ("topic", "payload", "subject", "organisation", "reason"),
    [
        ("care/qinghe/stranger/alarm", SOS, "stranger", "town", "unknown_device"),
        ("care/nowhere/stranger/alarm", SOS, "stranger", "county", "unknown_device"),
        ("care/qinghe/button-1/alarm", b"\x00\xff", "button-1", "heping", "not_json"),
        ("care/qinghe/button-1/alarm", b'{"hazard": "boredom"}', "button-1", "heping", "unknown_hazard"),
        ("care/qinghe/button-1/alarm", b'{"hazard": "platform"}', "button-1", "heping", "platform_hazard"),
        ("care/qinghe/button-1/alarm", b"x" * 70_000, "button-1", "heping", "oversized"),
        ("care/qinghe/bad!id/alarm", SOS, "care/qinghe/bad!id/alarm", "town", "bad_topic"),
        ("zigbee2mqtt/attic", b'{"smoke": true}', "zigbee2mqtt/attic", "county", "unknown_device"),
    ],
)
async def test_an_alarm_that_nobody_can_place_comes_to_the_duty_desk_of_its_cell_once_and_is_counted(
    database: Database,
    dsn: str,
    broker_url: str,
    clock: HandClock,
    topic: str,
    payload: bytes,
    subject: str,
    organisation: str,
    reason: str,
) -> None:
    """Invariant 4: never dropped, whatever is wrong with it; its words are kept."""
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        device(broker_url, "somebody") as somebody,
    ):
        for extra in range(3):
            changed = payload.replace(b'"e1"', b'"e%d"' % extra)
            await somebody.publish(topic, changed, qos=1)
        await until_rows(
            database,
            "SELECT i.hazard, i.severity, i.subject_kind, i.subject_id, o.code, i.alarms FROM incidents i"
            " JOIN organisations o ON o.id = i.organisation_id",
            [("unclear", 2, "source", subject, organisation, 3)],
        )
    assert await rows(database, "SELECT reason, sum(times) FROM quarantine GROUP BY reason") == [(reason, 3)]
    assert {row[0] for row in await rows(database, "SELECT reason FROM timeline")} == {reason}


async def test_a_device_enrolled_a_moment_ago_is_not_called_unknown(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """The registry in memory is asked for again before anybody is called unknown; and a binding undone is seen."""
    config = lane_config(dsn, broker_url, LaneName.ALARM, clock_s=3600.0, lease_s=7200.0)
    async with running(config, clock), device(broker_url, "button-new") as button:
        async with database.transaction() as connection:
            new = {"device_id": "button-new", "cell": "qinghe", "model": "test-button"}
            bound = {"household": "home-2", "resident": "zhang-2"}
            await save(connection, Noun.DEVICES, [new | bound], now=NOON)
        await button.publish("care/qinghe/button-new/alarm", SOS, qos=1)
        await until_rows(database, "SELECT hazard, subject_kind FROM incidents", [("sos", "resident")])


async def test_a_home_that_is_retired_while_we_run_is_nobodys_home(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """A change of the household reaches its devices in memory; the press still comes to the duty desk."""
    config = lane_config(dsn, broker_url, LaneName.ALARM)
    async with running(config, clock), device(broker_url, "button-1") as button:
        async with database.transaction() as connection:
            await connection.execute("UPDATE households SET retired_at = now() WHERE code = 'home-1'")

        async def press_until_unclear() -> None:
            for number in range(600):
                payload = json.dumps({"id": f"p{number}", "hazard": "sos"}).encode()
                await button.publish("care/qinghe/button-1/alarm", payload, qos=1)
                await asyncio.sleep(0.1)
                if await rows(database, "SELECT FROM incidents WHERE hazard = 'unclear'"):
                    return

        await press_until_unclear()
        found = await rows(database, "SELECT reason FROM quarantine")
    assert found == [("unbound",)]


async def test_a_repeated_state_of_a_foreign_sensor_raises_once_and_again_after_it_has_cleared(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Zigbee2MQTT says everything again whenever anything changes."""
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO device_models VALUES ('z-smoke', 'smoke_alarm', 'zigbee2mqtt', '1 h')")
        await connection.execute(
            "UPDATE devices SET model = 'z-smoke', address = 'zigbee2mqtt/kitchen' WHERE device_id = 'smoke-1'"
        )
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        device(broker_url, "bridge") as bridge,
    ):
        for number, smoke in enumerate([False, False, True, True, True, False, True]):
            payload = json.dumps({"smoke": smoke, "battery": 90, "linkquality": number}).encode()
            await bridge.publish("zigbee2mqtt/kitchen", payload, qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(7,)])
        await until_rows(database, "SELECT hazard, alarms FROM incidents", [("smoke", 2)])
    states = await rows(database, "SELECT state FROM alarms ORDER BY id")
    assert states == [("raised",), ("cleared",), ("raised",)]
