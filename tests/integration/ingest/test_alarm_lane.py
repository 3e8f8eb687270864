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


UNCLEAR = [
    ("care/qinghe/stranger/alarm", SOS, "unknown_device"),
    ("care/nowhere/nobody/alarm", SOS, "unknown_device"),
    ("care/qinghe/button-1/alarm", b"\x00\xff", "not_json"),
    ("care/qinghe/button-1/alarm", b'{"hazard": "boredom"}', "unknown_hazard"),
    ("care/qinghe/button-1/alarm", b'{"hazard": "platform"}', "platform_hazard"),
    ("care/qinghe/button-1/alarm", b"x" * 70_000, "oversized"),
    ("care/qinghe/button-1/alarm", b"x" * 700_000, "oversized"),
    ("care/qinghe/bad!id/alarm", SOS, "bad_topic"),
    ("zigbee2mqtt/attic", b'{"smoke": true}', "unknown_device"),
]


async def test_alarms_that_nobody_can_place_come_to_the_duty_desk_of_their_cell_once_and_are_counted(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Invariant 4: never dropped, whatever is wrong with them; their words are kept."""
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        device(broker_url, "somebody") as somebody,
    ):
        for number in range(3):
            for topic, payload, _ in UNCLEAR:
                await somebody.publish(topic, payload.replace(b'"e1"', b'"e%d"' % number), qos=1)
        await until_rows(
            database,
            "SELECT i.hazard, i.severity, i.subject_kind, i.subject_id, o.code, i.alarms FROM incidents i"
            " JOIN organisations o ON o.id = i.organisation_id ORDER BY i.subject_id",
            [
                ("unclear", 2, "source", "button-1", "heping", 15),
                ("unclear", 2, "source", "care/qinghe/bad!id/alarm", "town", 3),
                ("unclear", 2, "source", "nobody", "county", 3),
                ("unclear", 2, "source", "stranger", "town", 3),
                ("unclear", 2, "source", "zigbee2mqtt/attic", "county", 3),
            ],
        )
    kept = dict(await rows(database, "SELECT reason, sum(times)::int FROM quarantine GROUP BY reason"))
    assert kept == {reason: 3 * sum(one[2] == reason for one in UNCLEAR) for _, _, reason in UNCLEAR}
    told = dict(await rows(database, "SELECT reason, count(*) FROM timeline GROUP BY reason"))
    assert told == kept


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


async def test_an_alarm_that_the_database_refuses_comes_to_the_duty_desk_and_holds_back_no_other(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Whatever the reason is: it is kept as it came, and a human being looks."""
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE alarms ADD CONSTRAINT no_thirteen CHECK (event_id <> 'e13')")
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        device(broker_url, "button-1") as button,
    ):
        presses = [encode_alarm(event_id=f"e{number}", hazard=Hazard.SOS) for number in range(20)]
        await asyncio.gather(*(button.publish("care/qinghe/button-1/alarm", press, qos=1) for press in presses))
        await until_rows(
            database,
            "SELECT hazard, subject_id, alarms FROM incidents i WHERE hazard = 'unclear' OR subject_kind = 'resident'"
            " ORDER BY hazard DESC",
            [("unclear", "button-1", 1), ("sos", await resident_of_home_1(database), 19)],
        )
    assert await rows(database, "SELECT reason, payload FROM quarantine") == [("refused_by_database", presses[13])]


async def test_an_alarm_is_stored_once_although_engines_cannot_be_told(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """PostgreSQL's queue of hints is full, say: they poll, and nobody takes the alarm for one that was refused."""
    async with database.transaction() as connection:
        await connection.execute(
            """CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$
               BEGIN RAISE program_limit_exceeded; END $$"""
        )
        await connection.execute(
            """DO $$ BEGIN
               EXECUTE format('ALTER DATABASE %I SET search_path TO public, pg_catalog', current_database());
               END $$"""
        )
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        device(broker_url, "button-1") as button,
    ):
        await button.subscribe("care/qinghe/button-1/receipt")
        for event_id in ("e1", "e2"):
            press = encode_alarm(event_id=event_id, hazard=Hazard.SOS)
            await button.publish("care/qinghe/button-1/alarm", press, qos=1)
            assert decode_receipt(await heard(button)).id == event_id
    assert await rows(database, "SELECT event_id FROM alarms ORDER BY id") == [("e1",), ("e2",)]
    assert await rows(database, "SELECT hazard, alarms FROM incidents") == [("sos", 2)]
    assert await rows(database, "SELECT * FROM quarantine") == []


async def resident_of_home_1(database: Database) -> str:
    """Her row, as incidents name her."""
    ((key,),) = await rows(database, "SELECT id::text FROM residents WHERE code = 'zhang-1'")
    return str(key)


async def test_alarms_among_a_flood_of_repeated_state_are_all_raised(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Half of the telemetry is on topics that may carry alarms; nothing is taken for an alarm, and no alarm for it."""
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO device_models VALUES ('z-smoke', 'smoke_alarm', 'zigbee2mqtt', '1 h')")
        await connection.execute(
            "UPDATE devices SET model = 'z-smoke', address = 'zigbee2mqtt/' || device_id WHERE device_id LIKE 'smoke-%'"
        )

    async def speak(name: str, topic: str, payloads: list[bytes]) -> None:
        async with device(broker_url, name) as speaking:
            for payload in payloads:
                await speaking.publish(topic, payload, qos=1)

    flood = [json.dumps({"smoke": False, "linkquality": number}).encode() for number in range(1500)]
    presses = [encode_alarm(event_id=f"e{number}", hazard=Hazard.SOS) for number in range(100)]
    telemetry = [json.dumps({"at": NOON.timestamp() - n, "steps": n}).encode() for n in range(1500)]
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock),
    ):
        await asyncio.gather(
            speak("bridge", "zigbee2mqtt/smoke-1", flood),
            speak("band-1", "care/qinghe/band-1/telemetry", telemetry),
            speak("button-1", "care/qinghe/button-1/alarm", presses),
        )
        await until_rows(database, "SELECT hazard, alarms FROM incidents", [("sos", 100)])
        await until_rows(database, "SELECT count(*) FROM readings", [(3000,)])
