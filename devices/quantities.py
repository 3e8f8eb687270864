"""From any JSON a device may send to quantities within their limits, field by field.

The lenient way that every protocol shares: what can be read is read, what cannot is named as a fault, and nothing
that stands beside a field can spoil it. Limits and types come from :class:`devices.model.Reading` alone.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from devices.model import Reading

MILLISECONDS_FROM = 1e11
"""An epoch time above this is in milliseconds: as seconds it would lie beyond the year 5138."""
TEXT_TIME_FROM = 1e9
"""Digits as text are an epoch time only from here (September 2001) on: below it they may be a compact date."""
MAX_TEXT = 128
"""Longest identifier taken from a device, in characters: an alarm id or a session."""

_MAX_DEPTH = 16
_INT64 = 2**63


class _Limits(msgspec.Struct, frozen=True):
    """What a field of a Reading accepts, taken from its annotation."""

    type: type
    low: float = -math.inf
    high: float = math.inf


def _limits(name: str, annotation: msgspec.inspect.Type) -> _Limits:
    """The limits of one field of Reading, from its annotation."""
    assert isinstance(annotation, msgspec.inspect.UnionType), name
    kind = annotation.types[0]
    if isinstance(kind, msgspec.inspect.BoolType):
        return _Limits(bool)
    assert isinstance(kind, msgspec.inspect.FloatType | msgspec.inspect.IntType), name
    low, high = kind.ge if kind.gt is None else kind.gt, kind.le
    assert low is not None, name
    assert high is not None, name
    return _Limits(float if isinstance(kind, msgspec.inspect.FloatType) else int, low, high)


def _reading_limits() -> dict[str, _Limits]:
    struct = msgspec.inspect.type_info(Reading)
    assert isinstance(struct, msgspec.inspect.StructType)
    return {
        field.encode_name: _limits(field.name, field.type)
        for field in struct.fields
        if field.name not in {"at", "extra"}
    }


_LIMITS = _reading_limits()


def gather(fields: Mapping[str, object], faults: list[str], *, zero_is_a_fix: bool = False) -> Reading:
    """The reading that ``fields`` state; never raises, whatever the values are.

    Keys are names of Reading fields, everything else goes to ``extra``. ``null`` means "not stated". A value of the
    wrong type or beyond its limit is named in ``faults`` and kept in ``extra``. Digits as text count as numbers, 0
    and 1 as booleans. Half a position is none, nor is exactly 0,0 (what a receiver without a fix prints) unless
    ``zero_is_a_fix``.
    """
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None:
            continue
        limits = _LIMITS.get(name)
        if limits is not None:
            accepted = _accept(name, value, limits, faults)
        elif name == "at":
            accepted = moment(value, faults)
        else:
            _keep(extra, name, value, faults)
            continue
        if accepted is None:
            _keep(extra, name, value, faults)
        else:
            known[name] = accepted
    if not _is_position(known, faults, zero_is_a_fix):
        extra |= {name: known.pop(name) for name in ("lat", "lon") if name in known}
    return Reading(**known, extra=extra or None)


def _is_position(known: Mapping[str, float], faults: list[str], zero_is_a_fix: bool) -> bool:
    lat, lon = known.get("lat"), known.get("lon")
    if lat is None and lon is None:
        return True
    if lat is None or lon is None:
        faults.append(f"position: only {'lon' if lat is None else 'lat'} is usable")
        return False
    if lat == lon == 0 and not zero_is_a_fix:
        faults.append("position: 0,0 is no fix")
        return False
    return True


def is_bare(reading: Reading) -> bool:
    """True if ``reading`` states no quantity and no unknown field, at most a time."""
    return reading == Reading(at=reading.at)


def number(value: object) -> float | None:
    """``value`` as a finite number, or None: JSON numbers and decimal text are accepted, booleans are not."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > 40 or "_" in value):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def moment(value: object, faults: list[str], name: str = "at") -> float | None:
    """``value`` as epoch seconds, or None with a fault.

    Accepts epoch seconds, digits as text, RFC 3339 with a zone, and (naming a fault) epoch milliseconds.
    """
    seconds = number(value)
    if seconds is None and isinstance(value, str):
        seconds = _from_rfc3339(value)
    elif seconds is not None and isinstance(value, str) and seconds < TEXT_TIME_FROM:
        seconds = None
    if seconds is not None and MILLISECONDS_FROM < seconds <= MILLISECONDS_FROM * 1000:
        faults.append(f"{name}: {show(value)} taken as milliseconds")
        return seconds / 1000
    if seconds is None or not 0 < seconds <= MILLISECONDS_FROM:
        faults.append(f"{name}: {show(value)} is neither epoch seconds nor RFC 3339 with a zone")
        return None
    return seconds


def _from_rfc3339(text: str) -> float | None:
    try:
        stated = datetime.fromisoformat(text.strip().upper())
        return stated.timestamp() if stated.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def truth(value: object) -> bool | None:
    """``value`` as a boolean, or None: true and false, 1 and 0, and both as text."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in {0, 1} else None


def identifier(name: str, value: object, faults: list[str]) -> str | None:
    """``value`` as an identifier of 1 to 128 printable characters, or None with a fault; integers are written out."""
    if value is None or value == "":
        return None
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64 else value
    if isinstance(text, str) and len(text) <= MAX_TEXT and text.isprintable():
        return text
    faults.append(f"{name}: {show(value)} is not a text of 1 to {MAX_TEXT} printable characters")
    return None


def show(value: object) -> str:
    """A short, printable picture of ``value`` for a fault."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    if isinstance(value, int) and abs(value) >= _INT64:
        return "an integer beyond 64 bits"
    return ascii(value)[:60]


def _accept(name: str, value: object, limits: _Limits, faults: list[str]) -> float | bool | None:
    if limits.type is bool:
        stated = truth(value)
        if stated is None:
            faults.append(f"{name}: {show(value)} is not true or false")
        return stated
    quantity = number(value)
    if quantity is None or (limits.type is int and not quantity.is_integer()):
        faults.append(f"{name}: {show(value)} is not {'a number' if limits.type is float else 'a whole number'}")
        return None
    exact = int(value) if limits.type is int and isinstance(value, int | float) else limits.type(quantity)
    if not limits.low <= exact <= limits.high:
        faults.append(f"{name}: {show(value)} is outside {limits.low:g} to {limits.high:g}")
        return None
    return exact


def _keep(extra: dict[str, Any], name: str, value: object, faults: list[str]) -> None:
    try:
        extra[_storable_text(name)] = _storable(value, _MAX_DEPTH)
    except RecursionError:
        faults.append(f"{ascii(name)[:60]}: nested deeper than {_MAX_DEPTH}, not kept")


def _storable(value: object, depth: int) -> Any:
    """``value`` as JSON that PostgreSQL can store. Raises RecursionError beyond ``depth``."""
    if depth == 0:
        raise RecursionError
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, list):
        return [_storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {_storable_text(str(key)): _storable(item, depth - 1) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= _INT64:
        return number(value)
    return value


def _storable_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
