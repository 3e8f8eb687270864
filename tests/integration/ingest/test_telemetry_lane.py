"""The telemetry lane, from devices through a real broker into a real database."""

import json
from datetime import timedelta
from typing import Any

import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import device, lane_config, rows, running, until_rows
from fixtures.town import NOON

from devices.native import encode_status
from ingest.config import LaneName
from store.pool import Database

pytestmark = pytest.mark.usefixtures("town")

AT = NOON.timestamp()
BAND = "care/qinghe/band-1/telemetry"


def said(**fields: Any) -> bytes:
    """One telemetry message."""
    return json.dumps(fields).encode()


async def test_what_a_band_says_is_stored_with_its_time_its_unknown_fields_and_its_history(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Numbers arrive as they were sent; what we do not know is kept as it came."""
    async with running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock), device(broker_url, "band-1") as band:
        await band.publish(BAND, said(at=AT - 5, heart_rate_bpm=71.5, steps=12, worn=True, mood="早"), qos=1)
        history = [{"at": AT - 60 * n, "lat": 36.25, "lon": 114.5, "seq": n} for n in range(1, 4)]
        await band.publish(BAND, json.dumps(history).encode(), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(4,)])
    found = await rows(database, "SELECT at, heart_rate_bpm, steps, worn, extra FROM readings ORDER BY at DESC LIMIT 1")
    assert found == [(NOON - timedelta(seconds=5), 71.5, 12, True, '{"mood":"早"}')]
    assert await rows(
        database, "SELECT lat, lon, array_agg(seq ORDER BY at) FROM readings WHERE lat > 0 GROUP BY 1, 2"
    ) == [(36.25, 114.5, [3, 2, 1])]


async def test_a_reading_said_again_alone_or_in_an_array_is_stored_once(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """A device that got no acknowledgement sends its history; the batch that holds repeats loses nothing else."""
    async with running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock), device(broker_url, "band-1") as band:
        for _ in range(2):
            await band.publish(BAND, said(at=AT - 5, heart_rate_bpm=70), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(1,)])
        history = [{"at": AT - 5 - n, "heart_rate_bpm": 70 + n} for n in range(500)]
        await band.publish(BAND, json.dumps(history).encode(), qos=1)
        await until_rows(database, "SELECT count(*), count(DISTINCT at) FROM readings", [(500, 500)])


async def test_a_reading_without_a_time_is_one_of_now_and_each_is_its_own(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """The same words at two moments are two readings."""
    async with running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock), device(broker_url, "band-1") as band:
        for _ in range(3):
            await band.publish(BAND, said(motion=True), qos=1)
        await until_rows(database, "SELECT count(*), max(at) - min(at) < '1 s' FROM readings", [(3, True)])


async def test_a_reading_far_from_our_time_is_kept_apart_and_moves_nothing(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """More than 48 h, either way; what is a little early or late is stored, and is not the latest."""
    hour = 3600
    async with running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock), device(broker_url, "band-1") as band:
        for at in (AT - 49 * hour, AT + 49 * hour, AT - 47 * hour, AT + 47 * hour):
            await band.publish(BAND, said(at=at, battery_pct=11), qos=1)
        await band.publish(BAND, said(at=AT, battery_pct=80), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(3,)])
        await until_rows(
            database, "SELECT count(*), min(reading ->> 'battery_pct') FROM readings_misdated", [(2, "11.0")]
        )
        clock.forward(timedelta(seconds=1))
        await band.publish(BAND, said(at=AT + 1, battery_pct=60), qos=1)
        await until_rows(
            database, "SELECT battery_pct, battery_at FROM device_states", [(60.0, NOON + timedelta(seconds=1))]
        )
        await band.publish(BAND, said(at=AT - hour, battery_pct=20, lat=1, lon=1), qos=1)
        await until_rows(
            database,
            "SELECT battery_pct, lat, last_seen_at >= now_at FROM device_states, "
            f"(VALUES (timestamptz '{NOON + timedelta(seconds=1)}')) v(now_at)",
            [(60.0, 1.0, True)],
        )


async def test_the_will_of_another_session_is_ignored_and_that_of_this_one_is_not(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """A device that has reconnected is not offline because its old connection was missed late."""
    status = "care/qinghe/band-1/status"
    state = "SELECT online, session FROM device_states"
    async with running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock), device(broker_url, "band-1") as band:
        await band.publish(status, encode_status(online=True, session="new"), qos=1)
        await until_rows(database, state, [(True, "new")])
        await band.publish(status, encode_status(online=False, session="old"), qos=1)
        await band.publish(BAND, said(at=AT, steps=1), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(1,)])
        assert await rows(database, state) == [(True, "new")]
        await band.publish(status, encode_status(online=False, session="new"), qos=1)
        await until_rows(database, state, [(False, "new")])


async def test_whatever_is_published_under_care_is_stored_or_seen(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Odd channels, strangers, other cells; but not receipts, which are ours."""
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE devices SET household_id = NULL, resident_id = NULL WHERE device_id = 'band-2'"
        )
        await connection.execute("UPDATE devices SET retired_at = now() WHERE device_id = 'band-3'")
    async with (
        running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock),
        device(broker_url, "anybody") as anybody,
    ):
        for topic in (
            "care/qinghe/band-1/diary",
            "care/qinghe/band-1",
            "care/qinghe/stranger/telemetry",
            "care/qinghe/band-2/telemetry",
            "care/qinghe/band-3/telemetry",
            "care/elsewhere/band-1/telemetry",
            "care/qinghe/band-1/receipt",
            "care/qinghe/band-1/alarm",
        ):
            for number in range(3):
                await anybody.publish(topic, said(n=number), qos=1)
        await until_rows(
            database,
            "SELECT topic, reason, count(*), sum(times)::int FROM quarantine GROUP BY 1, 2 ORDER BY 1",
            [
                ("care/elsewhere/band-1/telemetry", "wrong_cell", 1, 3),
                ("care/qinghe/band-1", "bad_topic", 3, 3),
                ("care/qinghe/band-1/diary", "bad_topic", 3, 3),
                ("care/qinghe/band-2/telemetry", "unbound", 1, 3),
                ("care/qinghe/band-3/telemetry", "retired", 1, 3),
                ("care/qinghe/stranger/telemetry", "unknown_device", 1, 3),
            ],
        )
    assert await rows(database, "SELECT count(*) FROM incidents") == [(0,)]


async def test_the_canary_comes_through_the_commit_of_batches(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """What proves that devices would be heard goes the way that they go."""
    config = lane_config(dsn, broker_url, LaneName.TELEMETRY)
    async with running(config, clock):
        canary = "SELECT lane, published_at, committed_at FROM canaries"
        await until_rows(database, canary, [(config.client_id, NOON, NOON)])
        clock.forward(timedelta(minutes=10))
        later = NOON + timedelta(minutes=10)
        await until_rows(database, canary, [(config.client_id, later, later)])


async def test_a_day_without_a_partition_costs_nothing(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Care time leaps a month; whoever meets the missing day first makes it."""
    config = lane_config(dsn, broker_url, LaneName.TELEMETRY, clock_s=3600.0, lease_s=7200.0)
    async with running(config, clock), device(broker_url, "band-1") as band:
        clock.forward(timedelta(days=30))
        for hours in range(-46, 47, 4):
            at = (clock.now() + timedelta(hours=hours)).timestamp()
            await band.publish(BAND, said(at=at, steps=1), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(24,)])


async def test_a_message_that_the_database_refuses_holds_back_no_other(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Whatever the reason is, one message goes to quarantine and the batch is stored."""
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE readings ADD CONSTRAINT no_thirteen CHECK (steps <> 13)")
    config = lane_config(dsn, broker_url, LaneName.TELEMETRY, flush_ms=300.0)
    async with running(config, clock), device(broker_url, "band-1") as band:
        for steps in range(40):
            await band.publish(BAND, said(at=AT - steps, steps=steps), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(39,)])
        await until_rows(
            database,
            "SELECT reason, convert_from(payload, 'UTF8')::json ->> 'steps' FROM quarantine",
            [("refused_by_database", "13")],
        )
