"""Daily partitions of readings: made around today, dropped when their time is over."""

from datetime import date, timedelta

import psycopg
import pytest

from store.partitions import days_around, drop_partitions, ensure_around, ensure_partitions
from store.pool import conninfo

TODAY = date(2026, 3, 4)


def partitions(dsn: str) -> list[str]:
    """The names of those that are there."""
    with psycopg.connect(dsn) as connection:
        query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'readings'::regclass ORDER BY 1"
        return [row[0] for row in connection.execute(query)]


def test_the_days_around_today_are_made_once(dsn: str) -> None:
    """Three before, three after: whatever is stored lies within 48 h of now."""
    assert ensure_around(dsn, TODAY) == days_around(TODAY)
    assert ensure_around(dsn, TODAY) == []
    assert ensure_around(dsn, TODAY + timedelta(days=1)) == [date(2026, 3, 8)]
    assert len(partitions(dsn)) == 8


def test_a_partition_is_made_while_another_is_written_and_read(dsn: str) -> None:
    """Nobody waits: neither does the maker."""
    ensure_around(dsn, TODAY)
    with psycopg.connect(conninfo(dsn, "writer")) as writer, psycopg.connect(conninfo(dsn, "reader")) as reader:
        writer.execute("INSERT INTO readings (device_key, at, digest, received_at) VALUES (1, '2026-03-04Z', 2, now())")
        reader.execute("SELECT * FROM readings")
        with psycopg.connect(conninfo(dsn, "maker"), autocommit=True) as maker:
            maker.execute("SET lock_timeout = '2 s'")
            assert ensure_partitions(maker, [date(2026, 5, 1)]) == [date(2026, 5, 1)]


def test_days_before_a_day_are_dropped_and_the_others_keep_their_readings(dsn: str) -> None:
    """What is dropped is gone with its index, at once."""
    ensure_around(dsn, TODAY)
    with psycopg.connect(conninfo(dsn, "keeper"), autocommit=True) as connection:
        for day in ("2026-03-02Z", "2026-03-03Z", "2026-03-04Z"):
            connection.execute(
                "INSERT INTO readings (device_key, at, digest, received_at) VALUES (1, %s, 2, now())", (day,)
            )
        assert drop_partitions(connection, before=date(2026, 3, 3)) == [date(2026, 3, 1), date(2026, 3, 2)]
        kept = connection.execute("SELECT at::date::text FROM readings ORDER BY at").fetchall()
    assert kept == [("2026-03-03",), ("2026-03-04",)]


def test_a_day_without_a_partition_is_refused_by_name(dsn: str) -> None:
    """So that whoever writes can make it and try again."""
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
        connection.execute(
            "INSERT INTO readings (device_key, at, digest, received_at) VALUES (1, '2020-01-01Z', 2, now())"
        )
