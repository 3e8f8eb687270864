"""Rows packed by hand are what PostgreSQL's own client would have sent."""

import itertools
import re
import struct
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int4, Int8

from devices.model import Reading
from ingest.packing import COLUMNS, days_of, digest_of, microseconds, moment_of, quantities, row
from store.queries import queries

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
REALS = {
    "accuracy_m", "speed_mps", "heart_rate_bpm", "spo2_pct", "systolic_mmhg", "diastolic_mmhg", "temperature_c",
    "smoke_level", "battery_pct", "rssi_dbm",
}  # fmt: skip


TRUTHS = ("motion", "contact_open", "worn", "charging")


def readings() -> st.SearchStrategy[Reading]:
    """Readings with any selection of fields."""
    numbers = st.floats(0, 200, width=32)
    fields: dict[str, st.SearchStrategy[Any]] = {name: st.none() | numbers for name in REALS}
    fields |= dict.fromkeys(TRUTHS, st.none() | st.booleans())
    fields |= {"seq": st.none() | st.integers(0, 2**63 - 1), "steps": st.none() | st.integers(0, 2**31 - 1)}
    fields |= {"lat": st.none() | st.floats(-90, 90), "lon": st.none() | st.floats(-180, 180)}
    fields["extra"] = st.none() | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)
    return st.fixed_dictionaries(fields).map(lambda known: Reading(**known))


def as_psycopg(values: list[Any]) -> bytes:
    """The fields as psycopg's binary dumpers write them, each behind its length."""
    transformer = Transformer()
    fields = [struct.pack("!h", len(values))]
    for value in values:
        if value is None:
            fields.append(struct.pack("!i", -1))
            continue
        dumped = transformer.get_dumper(value, PyFormat.BINARY).dump(value)
        assert dumped is not None
        fields.append(struct.pack("!i", len(dumped)) + bytes(dumped))
    return b"".join(fields)


def wrapped(name: str, value: Any) -> Any:
    """The value in the type of its column."""
    if value is None or isinstance(value, bool):
        return value
    if name in {"seq", "steps"}:
        return Int8(value)
    if name in REALS:
        return psycopg.types.numeric.Float4(value)
    return msgspec.json.encode(value).decode() if name == "extra" else float(value)


@given(readings(), st.integers(1, 2**40), st.integers(0, 2**52))
def test_a_packed_row_is_what_psycopg_would_send(reading: Reading, key: int, at_us: int) -> None:
    """Every shape of a reading, every type of column."""
    at = moment_of(at_us)
    said = quantities(reading)
    packed = row(key, microseconds(at), digest_of(said), microseconds(NOON), said)
    stated = [wrapped(name, getattr(reading, name)) for name in COLUMNS[4:]]
    assert packed == as_psycopg([Int8(key), at, Int4(digest_of(said)), NOON, *stated])


def test_readings_that_state_as_much_are_not_taken_for_one_another() -> None:
    """Each single quantity behind each other one."""
    quantity: dict[str, Any] = {name: True if name in TRUTHS else 7 for name in COLUMNS[4:-1]}
    alone = {name: Reading(at=1.5, **{name: value}) for name, value in quantity.items()}
    for before, after in itertools.permutations(alone, 2):
        quantities(alone[before])
        stated = [wrapped(name, getattr(alone[after], name)) for name in COLUMNS[4:]]
        assert quantities(alone[after]) == as_psycopg(stated)[2:], f"{after} behind {before}"


def test_the_packed_columns_are_those_of_the_copy_statement_and_of_the_merge() -> None:
    """One order, written down in three places that must agree."""
    copied = re.search(rb"\((.*?)\)", queries("readings").copy, re.DOTALL)
    merged = re.search(rb"readings \((.*?)\)", queries("readings").merge, re.DOTALL)
    staged = re.findall(rb"(\w+) (?:bigint|timestamptz|integer|double|real|boolean|text)", queries("readings").stage)
    assert copied is not None
    assert merged is not None
    columns = [name.encode() for name in COLUMNS]
    assert re.findall(rb"\w+", copied[1]) == columns
    assert re.findall(rb"\w+", merged[1]) == columns
    assert staged == columns


def test_what_is_said_has_one_digest_alone_or_in_an_array_and_another_if_anything_differs() -> None:
    """A device that buffers sends the same reading in another message."""
    one = Reading(at=1.0, heart_rate_bpm=70.0, extra={"a": 1})
    assert digest_of(quantities(one)) == digest_of(quantities(Reading(at=2.0, heart_rate_bpm=70.0, extra={"a": 1})))
    others = [Reading(heart_rate_bpm=71.0, extra={"a": 1}), Reading(heart_rate_bpm=70.0), Reading(spo2_pct=70.0)]
    assert digest_of(quantities(one)) not in {digest_of(quantities(other)) for other in others}


@given(st.lists(st.lists(st.tuples(readings(), st.integers(0, 2**50)), max_size=3), max_size=4))
def test_the_days_of_packed_rows_are_found_again(messages: list[list[tuple[Reading, int]]]) -> None:
    """So that missing partitions can be made, whatever else the rows hold."""
    packed = [b"".join(row(1, at_us, 2, 3, quantities(reading)) for reading, at_us in message) for message in messages]
    assert days_of(packed) == {moment_of(at_us).date() for message in messages for _, at_us in message}


def test_microseconds_and_moments_are_one_another() -> None:
    """To the microsecond."""
    moment = datetime(2026, 3, 4, 4, 0, 0, 123_457, tzinfo=UTC)
    assert moment_of(microseconds(moment)) == moment
