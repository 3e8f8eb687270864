"""Keeping house: what has had its time goes, what is a record stays."""

from datetime import date, timedelta

import msgspec
import psycopg
from fixtures.nights import Night

from alerting.found import Concerned, recorded
from alerting.rules.frame import Finding
from alerting.upkeep import Retention, Upkeep
from devices.model import Hazard
from domain.incident import Outcome
from domain.notification import AnswerKind, Via
from domain.people import Mode
from store.partitions import ensure_partitions
from store.rule_states import record_findings

DAYS = timedelta(days=1)


async def test_a_resident_whose_time_away_is_over_is_at_home_again(night: Night, dsn: str) -> None:
    """In hospital until tomorrow; a move has no end of its own. The change is on the audit trail."""
    await night.query(
        "UPDATE residents SET state = 'hospital', state_until = %s WHERE code = 'zhang-1'", night.now + DAYS
    )
    await night.query("UPDATE residents SET state = 'moved', state_until = %s WHERE code = 'zhang-2'", night.now)
    upkeep = Upkeep(dsn, Retention())
    states = "SELECT code, state FROM residents ORDER BY code"
    await upkeep.turn(night.database, night.now)
    assert await night.query(states) == [("zhang-1", "hospital"), ("zhang-2", "moved"), ("zhang-3", "home")]
    await upkeep.turn(night.database, night.now + DAYS)
    assert await night.query(states) == [("zhang-1", "home"), ("zhang-2", "moved"), ("zhang-3", "home")]
    assert await night.query("SELECT actor, action, noun_id FROM audit") == [("system", "state_ended", "zhang-1")]


async def test_notes_are_erased_when_their_incident_has_long_been_over(night: Night, dsn: str) -> None:
    """The text goes; that it was written, and everything else on the timeline, stays."""
    incident = await night.raises()
    still_open = await night.raises(home=2)
    for one in (incident, still_open):
        await night.query(
            "INSERT INTO notes (incident_id, at, author, body) VALUES (%s, %s, 'user:li', '…')", one, night.now
        )
    await night.says("x", AnswerKind.CLOSE, incident, outcome=Outcome.ASSISTANCE, via=Via.CONSOLE, by="user:li")
    timeline = await night.timeline(incident)
    upkeep = Upkeep(dsn, Retention(notes=10))
    await upkeep.turn(night.database, night.now + 10 * DAYS)
    assert await night.query("SELECT count(*) FROM notes WHERE body IS NULL") == [(0,)]
    later = night.now + 10 * DAYS + timedelta(hours=2)
    await upkeep.turn(night.database, later)
    rows = await night.query("SELECT incident_id, body, erased_at FROM notes ORDER BY id")
    assert rows == [(incident, None, later), (still_open, "…", None)]
    assert await night.timeline(incident) == timeline


async def test_days_of_readings_are_made_ahead_and_dropped_behind(night: Night, dsn: str) -> None:
    """Three days ahead; what is older than it may be goes, a day at a time."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_partitions(connection, [date(2026, 1, 1), date(2026, 2, 1)])
    await Upkeep(dsn, Retention(readings=31)).turn(night.database, night.now)
    rows = await night.query(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'readings'::regclass ORDER BY 1"
    )
    assert [row[0] for row in rows] == ["readings_20260201", *(f"readings_2026030{day}" for day in range(1, 8))]


async def test_quarantine_and_misdated_readings_go_in_their_time(night: Night, dsn: str) -> None:
    """And not before; one engine does it, once an hour."""
    await night.query(
        """INSERT INTO quarantine (reason, topic, digest, detail, payload, size_bytes, first_at, last_at)
           SELECT 'not_json', 'care/x/' || n, 0, '', '', 0, now.now, now.now
           FROM generate_series(1, 5000) AS n, (SELECT %s::timestamptz AS now) now""",
        night.now,
    )
    await night.query("INSERT INTO readings_misdated VALUES (1, '2001-01-01Z', 0, '2026-03-04T04:00Z', '{}')")
    upkeep = Upkeep(dsn, Retention(quarantine=5, misdated=6))
    left = "SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM readings_misdated)"
    hour = timedelta(hours=1)
    for passed, expected in (
        (0 * hour, (5000, 1)),
        (5 * DAYS + hour, (0, 1)),
        (6 * DAYS, (0, 1)),
        (6 * DAYS + hour, (0, 0)),
    ):
        await upkeep.turn(night.database, night.now + passed)
        assert await night.query(left) == [expected]


async def test_findings_go_in_their_time_and_those_of_incidents_stay(night: Night, dsn: str) -> None:
    """On trial nobody was called: such a finding goes. The one that raised an alarm stays with its incident."""
    concerned = Concerned(mode=Mode.LIVE, organisation_id=1, household_id=1, resident_id=None)
    finding = Finding(
        rule="quiet_home", subject="household:1", hazard=Hazard.INACTIVITY, onset=1.5, found_at=2.5,
        reason="unusually_quiet", evidence={},
    )  # fmt: skip
    async with night.database.transaction() as connection:
        both = [
            recorded(finding, concerned, trial=False, now=night.now),
            recorded(msgspec.structs.replace(finding, rule="tried"), concerned, trial=True, now=night.now),
        ]
        assert await record_findings(connection, both, now=night.now) == 1
    upkeep = Upkeep(dsn, Retention(findings=30))
    rules = "SELECT rule FROM findings ORDER BY rule"
    await upkeep.turn(night.database, night.now + 30 * DAYS)
    assert await night.query(rules) == [("quiet_home",), ("tried",)]
    await upkeep.turn(night.database, night.now + 31 * DAYS)
    assert await night.query(rules) == [("quiet_home",)]
