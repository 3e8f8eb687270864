"""Readings as rows of PostgreSQL's binary COPY, packed on the event loop with ``struct`` alone.

A row is its number of fields, then each field as its length and its value, or as the length -1 for NULL. Which fields a
reading states makes its shape; for each shape met one ``struct`` packs all of them in one call.

Source: PostgreSQL documentation, COPY, "Binary Format"; the forms of types: its sources, src/backend/utils/adt.
"""

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec.structs import astuple

from devices.model import Reading

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PG_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts, in microseconds from 1970."""
_MICROSECOND: Final = timedelta(microseconds=1)

_FORMATS: Final = {
    "seq": "q", "lat": "d", "lon": "d", "accuracy_m": "f", "speed_mps": "f", "heart_rate_bpm": "f", "spo2_pct": "f",
    "systolic_mmhg": "f", "diastolic_mmhg": "f", "temperature_c": "f", "steps": "q", "motion": "b",
    "contact_open": "b", "smoke_level": "f", "battery_pct": "f", "rssi_dbm": "f", "worn": "b", "charging": "b",
}  # fmt: skip
"""Every field of a Reading but ``at`` and ``extra``, in the order of the columns behind the head. A bool goes as a
signed char: the same byte as ``?``, but None is refused.
"""

COLUMNS: Final = ("device_key", "at", "digest", "received_at", *_FORMATS, "extra")
_LENGTHS: Final = {code: length.to_bytes(4, "big") for code, length in {"q": 8, "d": 8, "f": 4, "b": 1}.items()}
_NULL: Final = b"\xff\xff\xff\xff"

assert Reading.__struct_fields__ == ("at", *_FORMATS, "extra"), "the columns follow the fields of a Reading"

Values = tuple[Any, ...]
Pack = Callable[[Values], bytes]


def microseconds(moment: datetime) -> int:
    """``moment`` in microseconds from 1970."""
    return (moment - EPOCH) // _MICROSECOND


def moment_of(at_us: int) -> datetime:
    """The moment ``at_us`` microseconds after 1970."""
    return EPOCH + timedelta(microseconds=at_us)


def quantities(reading: Reading) -> bytes:
    """What ``reading`` says, without its time, as the fields of a row.

    To look up a shape takes longer than to pack. So the last one that states as many quantities is tried first: its
    packer refuses None, and if all that it states is there, the count tells that nothing else is.
    """
    values = astuple(reading)
    if values[0] is None or values[-1] is not None:  # time or extra, which no packer sees, would upset the count
        return _packer(values)(values)
    unstated = values.count(None)
    try:
        return _LAST[unstated](values)
    except (KeyError, struct.error):
        pack = _LAST[unstated] = _packer(values)
        return pack(values)


def _packer(values: Values) -> Pack:
    shape = tuple(map(type, values))
    pack = _SHAPES.get(shape)
    if pack is None:
        pack = _SHAPES[shape] = _pack_for(shape)
    return pack


def digest_of(said: bytes) -> int:
    """CRC-32 of ``said`` as PostgreSQL's ``integer``: with device and time, what makes a reading the same reading,
    alone or in whatever array it comes.
    """
    value = crc32(said)
    return value - (1 << 32) if value >= 1 << 31 else value


def row(device_key: int, at_us: int, digest: int, received_us: int, said: bytes) -> bytes:
    """The row of a reading that says ``said``; times in microseconds from 1970."""
    return _HEAD(_COUNT, 8, device_key, 8, at_us - _PG_EPOCH_US, 4, digest, 8, received_us - _PG_EPOCH_US) + said


def days_of(packed: Iterable[bytes]) -> set[date]:
    """The days (UTC) of packed rows, of which each item may hold several."""
    days = set()
    for rows in packed:
        start = 0
        while start < len(rows):
            (at_us,) = _AT.unpack_from(rows, start)
            days.add(moment_of(at_us + _PG_EPOCH_US).date())
            start += 2
            for _ in COLUMNS:
                (length,) = _LENGTH.unpack_from(rows, start)
                start += 4 + max(length, 0)
    return days


_AT: Final = struct.Struct("!18xq")  # behind the number of fields, the device key, and its own length
_LENGTH: Final = struct.Struct("!i")
_HEAD: Final = struct.Struct("!hiqiqiiiq").pack
_COUNT: Final = len(COLUMNS)
_SHAPES: dict[tuple[type, ...], Pack] = {}
_LAST: dict[int, Pack] = {}
"""By the number of fields that are None."""


def _pack_for(shape: tuple[type, ...]) -> Pack:
    """The packer of readings whose fields have just these types (that of None where they are not stated).

    What stands between two values, the lengths of those not stated and of the next, is the same in every row.
    """
    layout = ["!"]
    places: list[int] = []
    between: list[bytes] = []
    lengths = b""
    for place, (kind, code) in enumerate(zip(shape[1:-1], _FORMATS.values(), strict=True), start=1):
        if kind is type(None):
            lengths += _NULL
            continue
        lengths += _LENGTHS[code]
        layout.append(f"{len(lengths)}s{code}")
        places += [len(shape) + len(between), place]
        between.append(lengths)
        lengths = b""
    plain = shape[-1] is type(None)
    if plain:
        lengths += _NULL
    layout.append(f"{len(lengths)}s")
    places.append(len(shape) + len(between))
    constants = (*between, lengths)
    chosen = itemgetter(*places) if len(places) > 1 else lambda _: (lengths,)
    pack = struct.Struct("".join(layout)).pack
    if plain:
        return lambda values: pack(*chosen(values + constants))

    def with_extra(values: Values) -> bytes:
        extra = msgspec.json.encode(values[-1])
        return b"%b%b%b" % (pack(*chosen(values + constants)), len(extra).to_bytes(4, "big"), extra)

    return with_extra
