"""The platform watches itself: a broken promise is an incident at the duty desk, one for each kind."""

from datetime import timedelta

import pytest
from fixtures.nights import Night

from alerting.auditor import PATIENCE, auditor_turn
from alerting.clockwatch import ClockWatch
from devices.model import Hazard
from domain.incident import IncidentId, Outcome
from domain.notification import AnswerKind, Via
from store.errors import StoreError
from store.pool import Database, DatabaseClock, set_care_clock
from store.promises import broken

SECONDS, MINUTES = timedelta(seconds=1), timedelta(minutes=1)


async def audited(night: Night) -> list[str]:
    """The platform's unresolved troubles after a look of the auditor."""
    await auditor_turn(night.database, night.now)
    return [one.removeprefix("platform:") for one in await night.unresolved(Hazard.PLATFORM)]


async def test_nothing_is_raised_while_everything_holds(night: Night) -> None:
    """An ordinary night, a call on its way."""
    await night.canary()
    await night.raises()
    await night.passes()
    assert await audited(night) == []


async def test_an_engine_that_is_stuck_is_found_by_whoever_still_runs(night: Night) -> None:
    """A press that nobody decides about: an incident within two minutes, and only one however long it lasts."""
    await night.raises()
    night.now += 59 * SECONDS
    assert await audited(night) == []
    for _ in range(5):
        night.now += MINUTES
        assert await audited(night) == ["engine_late"]
    assert await night.query("SELECT alarms FROM incidents WHERE hazard = 'platform'") == [(1,)]


async def test_accelerated_care_time_does_not_make_the_engine_late(night: Night) -> None:
    """Work takes machine time: at speed 120 a minute's patience is two hours of care time, and no more."""
    await night.raises()
    async with night.database.transaction() as connection:
        await set_care_clock(connection, moment=night.now, speed=120)
    night.now += 119 * MINUTES
    assert await audited(night) == []
    night.now += 2 * MINUTES
    assert await audited(night) == ["engine_late"]


async def test_trouble_that_is_closed_while_it_lasts_is_raised_again(night: Night) -> None:
    """An operator closes it, and nothing has changed: it is there again. Mended, it stays closed."""
    await night.raises()
    night.now += 2 * MINUTES
    assert await audited(night) == ["engine_late"]

    async def closed() -> None:
        rows = await night.query("SELECT id FROM incidents WHERE hazard = 'platform' AND state <> 'resolved'")
        await night.says(
            "x", AnswerKind.CLOSE, IncidentId(rows[0][0]), outcome=Outcome.TECHNICAL, via=Via.CONSOLE, by="user:li"
        )

    await closed()
    night.now += MINUTES
    assert await audited(night) == ["engine_late"]
    await night.passes()
    await closed()
    night.now += MINUTES
    await night.passes()
    assert "engine_late" not in await audited(night)


@pytest.mark.parametrize(
    ("breaking", "promise"),
    [
        ("UPDATE notifications SET due_at = due_at - interval '2 min'", "outbox_late"),
        (
            "UPDATE notifications SET state = 'sending', lease_until = clock_timestamp() - interval '2 min'",
            "outbox_late",
        ),
        (
            """WITH a AS (SELECT id FROM alarms LIMIT 1)
               INSERT INTO receipts (alarm_id, stage, at) SELECT id, 'notified', '2026-03-04T03:50Z' FROM a""",
            "receipts_late",
        ),
        (
            """ALTER TABLE alarms DISABLE TRIGGER alarm_is_attached;
               INSERT INTO alarms (source, identity, hazard, state, mode, received_at, digest, payload)
               VALUES ('x', 'x', 'sos', 'raised', 'live', '2026-03-04T03:50Z', 0, '')""",
            "alarm_alone",
        ),
        ("INSERT INTO canaries VALUES ('p-alarm', '2026-03-04T03:58Z', '2026-03-04T03:58Z')", "lane_deaf"),
        ("INSERT INTO canaries VALUES ('p-alarm', '2026-03-04T04:00Z', NULL)", "lane_deaf"),
    ],
)
async def test_each_promise_that_is_broken_is_found(night: Night, breaking: str, promise: str) -> None:
    """Broken on purpose, one after the other."""
    await night.raises()
    await night.passes()
    assert await audited(night) == []
    await night.query(breaking)
    assert await audited(night) == [promise]


async def test_two_unresolved_incidents_of_one_key_are_seen(night: Night) -> None:
    """The index that forbids them is gone. Nothing can be raised then: the loop fails, which is seen."""
    await night.raises()
    await night.query(
        """DROP INDEX one_unresolved_incident;
           INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id,
                                  opened_at, last_alarm_at, next_step_at)
           SELECT mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id, opened_at,
                  last_alarm_at, next_step_at FROM incidents"""
    )
    async with night.database.transaction() as connection:
        checks = await broken(connection, now=night.now, patience=PATIENCE)
    assert {check.kind: check.times for check in checks}["doubled"] == 1
    with pytest.raises(StoreError):
        await audited(night)


async def test_canaries_that_come_back_end_nothing_by_themselves(night: Night) -> None:
    """A minute without the broker: an incident which a person closes, with the lanes on its timeline."""
    await night.canary(lane="p00-alarm")
    await night.canary(lane="p00-telemetry")
    night.now += 50 * SECONDS
    assert await audited(night) == []
    await night.canary(lane="p00-alarm")
    night.now += 20 * SECONDS
    assert await audited(night) == ["lane_deaf"]
    rows = await night.query("SELECT detail -> 'heard_until' FROM timeline WHERE reason = 'lane_deaf'")
    assert rows == [({"p00-telemetry": "2026-03-04T04:00:00+00:00"},)]
    await night.canary(lane="p00-telemetry")
    assert await audited(night) == ["lane_deaf"]


class Jumping:
    """A clock whose wall side can be pushed."""

    def __init__(self) -> None:
        self.drift_s = 0.0

    def note_drift(self, drift_s: float) -> None:
        """Taken note of."""
        self.drift_s -= drift_s


@pytest.mark.parametrize(
    ("drift_s", "raised"), [(1.9, []), (2.1, ["platform:clock_jumped"]), (-3600.0, ["platform:clock_jumped"])]
)
async def test_a_wall_clock_that_jumps_is_an_incident(night: Night, drift_s: float, raised: list[str]) -> None:
    """More than two seconds, forward or back."""
    clock = Jumping()
    watch = ClockWatch(clock)
    clock.drift_s = drift_s
    await watch.turn(night.database, night.now)
    assert await night.unresolved(Hazard.PLATFORM) == raised
    assert clock.drift_s == (0.0 if raised else drift_s)


async def test_care_time_set_by_hand_is_no_drift(database: Database) -> None:
    """A simulation may leap and run: the clocks on the wall have not moved apart."""
    clock = DatabaseClock(database)
    before = await clock.refresh()
    async with database.transaction() as connection:
        await set_care_clock(connection, moment=before + timedelta(days=3), speed=60.0)
    assert await clock.refresh() - before > timedelta(days=2)
    assert abs(clock.drift_s) < 1.0
