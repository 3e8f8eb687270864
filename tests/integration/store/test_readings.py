"""Packed rows in the table: each reading once, whatever comes again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow

from devices.model import Reading
from ingest.packing import digest_of, microseconds, quantities, row
from store import partitions, readings
from store.pool import conninfo
from store.readings import Identity

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection like a commit thread's, with the partitions of today."""
    partitions.ensure_around(dsn, NOON.date())
    with psycopg.connect(conninfo(dsn, "test")) as opened:
        yield opened


def packed(seconds: float, reading: Reading) -> bytes:
    """One row of device 1."""
    said = quantities(reading)
    at_us = microseconds(NOON + timedelta(seconds=seconds))
    return row(1, at_us, digest_of(said), microseconds(NOON), said)


def stored(connection: psycopg.Connection[TupleRow]) -> list[tuple[float, float | None]]:
    """Seconds from noon, and the heart rate."""
    query = "SELECT extract(epoch FROM at - %s)::float, heart_rate_bpm FROM readings ORDER BY at, heart_rate_bpm"
    return connection.execute(query, (NOON,)).fetchall()


def test_one_repeat_refuses_a_copy_whole_and_a_merge_takes_the_rest(
    connection: psycopg.Connection[TupleRow],
) -> None:
    """Why a batch may be written twice, the second time the slower way."""
    first, second, third = (packed(n, Reading(heart_rate_bpm=70.0 + n)) for n in range(3))
    readings.copy(connection, [first + second])
    connection.commit()
    with pytest.raises(psycopg.errors.UniqueViolation):
        readings.copy(connection, [third, second])
    connection.rollback()
    readings.merge(connection, [third + second, b"", third], [])
    connection.commit()
    assert stored(connection) == [(0, 70), (1, 71), (2, 72)]


def test_two_readings_of_one_moment_that_say_different_things_are_two(
    connection: psycopg.Connection[TupleRow],
) -> None:
    """A device that measures two things at once sends two messages."""
    readings.copy(connection, [packed(0, Reading(heart_rate_bpm=70.0)), packed(0, Reading(heart_rate_bpm=71.0))])
    assert stored(connection) == [(0, 70), (0, 71)]


@pytest.mark.parametrize(("after_s", "rows"), [(30, 1), (59, 1), (61, 2)])
def test_the_repeat_of_a_reading_without_a_time_is_known_for_a_minute(
    connection: psycopg.Connection[TupleRow], after_s: int, rows: int
) -> None:
    """Only where its message is marked as a repeat; after that, in doubt, it is another reading."""
    beat = Reading(heart_rate_bpm=70.0)
    readings.copy(connection, [packed(0, beat)])
    connection.commit()
    again = Identity(device_key=1, at=NOON + timedelta(seconds=after_s), digest=digest_of(quantities(beat)))
    readings.merge(connection, [packed(after_s, beat)], [again])
    assert len(stored(connection)) == rows


def test_the_same_words_without_a_time_that_are_no_repeat_are_another_reading(
    connection: psycopg.Connection[TupleRow],
) -> None:
    """A heartbeat says the same each time."""
    beat = Reading(heart_rate_bpm=70.0)
    readings.merge(connection, [packed(n, beat) for n in range(5)], [])
    assert len(stored(connection)) == 5
