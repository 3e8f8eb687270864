"""Rules in a lane: judged with each batch, committed with it, and remembered across the death of the lane."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import device, lane_config, lane_process, rows, running, until_rows
from fixtures.town import NOON, Town

from alerting.absence import Absence
from alerting.rulebook import add_default_rules, amend
from devices.model import DeviceKind, Protocol, Reading
from domain.people import Mode
from ingest import ruling
from ingest.config import LaneName
from ingest.ruling import Verdict
from store.devices import Device
from store.pool import Database
from store.rules import RuleScope

AT = NOON.timestamp()
BAND = "care/qinghe/band-1/telemetry"
FINDINGS = "SELECT rule, state, reason FROM findings ORDER BY id"


def beat(at: float, bpm: float = 170.0) -> bytes:
    """A heart rate at a moment."""
    return json.dumps({"at": at, "heart_rate_bpm": bpm, "worn": True}).encode()


@pytest.mark.usefixtures("town")
async def test_a_fast_heart_is_an_incident_of_the_resident_with_its_reason(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Six minutes over 130; one spike before them is nothing."""
    config = lane_config(dsn, broker_url, LaneName.TELEMETRY)
    async with running(config, clock), device(broker_url, "band-1") as band:
        await band.publish(BAND, beat(AT - 1000), qos=1)
        await band.publish(BAND, beat(AT - 940, 70), qos=1)
        for n in range(7):
            await band.publish(BAND, beat(AT - 600 + 60 * n), qos=1)
        await until_rows(database, FINDINGS, [("heart_rate", "raised", "beyond_limit")])
    found = await rows(
        database,
        """SELECT i.hazard, i.subject_kind, i.severity, t.reason, t.detail ->> 'value', i.household_id IS NOT NULL
           FROM incidents i JOIN timeline t ON t.incident_id = i.id""",
    )
    assert found == [("vitals", "resident", 3, "beyond_limit", "170.0", True)]


@pytest.mark.usefixtures("town")
async def test_killed_in_the_middle_of_a_duration_the_alarm_still_comes_once(
    database: Database, dsn: str, broker_url: str
) -> None:
    """Four of the six minutes are heard by one process, which is killed; the rest by the next."""
    start = time.time() - 600
    config = lane_config(dsn, broker_url, LaneName.TELEMETRY, lease_s=600.0)
    async with lane_process(config) as first:
        await until_rows(database, "SELECT count(*) FROM canaries", [(1,)])
        async with device(broker_url, "band-1") as band:
            for n in range(4):
                await band.publish(BAND, beat(start + 60 * n), qos=1)
            await until_rows(database, "SELECT count(*) FROM readings", [(4,)])
        first.kill()
        await first.wait()
    assert await rows(database, FINDINGS) == []
    assert await rows(database, "SELECT phase FROM rule_states WHERE rule = 'heart_rate'") == [("pending",)]
    async with lane_process(config), device(broker_url, "band-1") as band:
        for n in range(4, 8):
            await band.publish(BAND, beat(start + 60 * n), qos=1)
        await until_rows(database, "SELECT count(*) FROM readings", [(8,)])
        await until_rows(database, FINDINGS, [("heart_rate", "raised", "beyond_limit")])
    found = await rows(
        database, "SELECT extract(epoch FROM onset)::double precision, evidence ->> 'samples' FROM findings"
    )
    assert found == [(pytest.approx(start, abs=1e-3), "6")]
    assert await rows(database, "SELECT count(*), max(alarms) FROM incidents") == [(1, 1)]


def band_of(town: Town) -> Device:
    """The first home's wristband, as the lane's registry has it."""
    return Device(
        key=town.devices["band-1"],
        device_id="band-1",
        cell="qinghe",
        address=None,
        kind=DeviceKind.WRISTBAND,
        protocol=Protocol.NATIVE,
        silent_after_s=90000,
        retired=False,
        mode=Mode.LIVE,
        organisation_id=town.organisations["heping"],
        household_id=town.households["home-1"],
        resident_id=town.residents["zhang-1"],
    )


async def heard(database: Database, band: Device, minutes: range) -> Verdict:
    """What a new life of a lane makes of fast beats in these minutes."""
    async with database.transaction() as connection:
        at_work = await ruling.recalled(connection, [band])
    for n in minutes:
        at_us = round((AT + 60 * n) * 1e6)
        at_work.hear(band, Reading(heart_rate_bpm=170, worn=True), at_us, at_us)
    return at_work.take(NOON)


async def test_a_batch_that_is_not_committed_leaves_no_trace(database: Database, dsn: str, town: Town) -> None:
    """Its finding comes again with the same readings; committed twice it is there once."""
    band = band_of(town)
    async with database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
    lost = await heard(database, band, range(7))
    assert [one.reason for one in lost.findings] == ["beyond_limit"]
    again = await heard(database, band, range(7))
    assert [(one.onset, one.state) for one in again.findings] == [(one.onset, one.state) for one in lost.findings]
    with psycopg.connect(dsn) as connection:
        for verdict in (lost, again):
            verdict.commit(connection)
            connection.commit()
    assert (lost.alarmed, again.alarmed) == (True, False)
    assert await rows(database, "SELECT count(*), max(alarms) FROM incidents") == [(1, 1)]


async def test_a_clock_that_is_ahead_does_not_stop_the_rules(database: Database, town: Town) -> None:
    """One reading claims tomorrow; those after it are judged all the same."""
    band = band_of(town)
    async with database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
        at_work = await ruling.recalled(connection, [band])
    now_us = round(AT * 1e6)
    at_work.hear(band, Reading(heart_rate_bpm=170, worn=True), now_us + 86_400_000_000, now_us)
    for n in range(1, 8):
        at_us = now_us + n * 60_000_000
        at_work.hear(band, Reading(heart_rate_bpm=170, worn=True), at_us, at_us)
    assert [one.reason for one in at_work.take(NOON).findings] == ["beyond_limit"]


async def test_a_value_that_holds_alarms_by_the_engine_when_the_lane_hears_nothing_more(
    database: Database, dsn: str, town: Town
) -> None:
    """She is out at night; the lane stores where it stands, the engine's clock does the rest."""
    band = band_of(town)
    night = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)  # two o'clock
    async with database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
        at_work = await ruling.recalled(connection, [band])
    for n in range(2):
        at_us = round((night.timestamp() + 60 * n) * 1e6)
        at_work.hear(band, Reading(lat=36.02, lon=114.0, accuracy_m=10), at_us, at_us)
    with psycopg.connect(dsn) as connection:
        at_work.take(night).commit(connection)
        connection.commit()
    absence = Absence()
    for minutes in (5, 19, 21, 40):
        now = night + timedelta(minutes=minutes)
        async with database.transaction() as connection:
            await connection.execute(
                """INSERT INTO canaries (lane, published_at, committed_at) VALUES ('t-telemetry', %(now)s, %(now)s)
                   ON CONFLICT (lane) DO UPDATE SET published_at = %(now)s, committed_at = %(now)s""",
                {"now": now},
            )
        await absence.turn(database, now)
        expected = [("wander", "raised", "not_back")] if minutes > 20 else []
        assert [one for one in await rows(database, FINDINGS) if one[0] == "wander"] == expected
    assert await rows(database, "SELECT hazard, subject_kind FROM incidents WHERE hazard = 'wander'") == [
        ("wander", "resident")
    ]


async def test_a_door_at_night_makes_the_engine_look_in_time(database: Database, dsn: str, town: Town) -> None:
    """The state of the home is due tomorrow; the lane pulls it to twenty minutes from now, never the other way."""
    async with database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
        household = town.households["home-1"]
        await connection.execute(
            """INSERT INTO rule_states (rule, subject, phase, due_at, state)
               VALUES ('door_at_night', %s, 'idle', %s, '')""",
            (f"household:{household}", NOON + timedelta(days=1)),
        )
        door = Device(
            **{
                **{name: getattr(band_of(town), name) for name in Device.__dataclass_fields__},
                "key": town.devices["motion-1"],
                "device_id": "door-1",
                "kind": DeviceKind.DOOR_SENSOR,
            }
        )
        at_work = await ruling.recalled(connection, [door])
    at_work.hear(door, Reading(contact_open=True), round(AT * 1e6), round(AT * 1e6))
    verdict = at_work.take(NOON)
    for _ in range(2):
        with psycopg.connect(dsn) as connection:
            verdict.commit(connection)
            connection.commit()
        due = "SELECT due_at FROM rule_states WHERE rule = 'door_at_night'"
        assert await rows(database, due) == [(NOON + timedelta(minutes=20),)]


async def test_a_lane_goes_by_new_versions_of_rules_while_it_runs(
    database: Database, dsn: str, broker_url: str, clock: HandClock, town: Town
) -> None:
    """A limit of this resident's own, of 60: what was no matter before is one now."""
    config = lane_config(dsn, broker_url, LaneName.TELEMETRY)
    async with running(config, clock), device(broker_url, "band-1") as band:
        async with database.transaction() as connection:
            await amend(connection, "heart_rate", {"high": 60, "for_s": 10}, scope=RuleScope.RESIDENT,
                        scope_id=town.residents["zhang-1"], by="test", now=NOON)  # fmt: skip
        deadline_s = time.monotonic() + 60
        at = AT - 40_000
        while not await rows(database, FINDINGS):
            assert time.monotonic() < deadline_s
            at += 20
            await band.publish(BAND, beat(at, 70), qos=1)
            await asyncio.sleep(0.05)
    assert await rows(database, FINDINGS) == [("heart_rate", "raised", "beyond_limit")]
