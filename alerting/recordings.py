"""Recorded histories of homes, as people have them: CSV ``ts,sensor,kind,value``, or readings as JSON lines.

Read liberally: columns in any order and by several names, other columns ignored; comma, semicolon or tab; times with or
without zone, or as epoch seconds; on/off, open/closed, 1/0, true/false in any case. What cannot be read is an error
with its line, never a guess; kinds that say nothing about a resident are counted and left out.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import chain
from typing import Any, Final

import msgspec

from alerting.errors import BadRecording
from alerting.rules.frame import Observation
from devices.model import DeviceKind, Reading

_COLUMNS: Final = {
    "ts": ("ts", "time", "timestamp", "datetime", "at", "date_time"),
    "sensor": ("sensor", "sensor_id", "device", "device_id", "source", "entity_id", "name"),
    "kind": ("kind", "type", "sensor_type", "quantity", "measure"),
    "value": ("value", "state", "status", "reading", "message"),
}
_YES: Final = frozenset(
    {"on", "1", "true", "yes", "open", "opened", "active", "activated", "detected", "motion", "present"}
)
_NO: Final = frozenset(
    {"off", "0", "false", "no", "close", "closed", "inactive", "standby", "clear", "cleared", "absent"}
)
_ALIASES: Final = {
    "pir": "motion", "infrared": "motion", "occupancy": "motion", "presence": "motion", "movement": "motion",
    "door": "contact_open", "contact": "contact_open", "opening": "contact_open", "window": "contact_open",
    "heart_rate": "heart_rate_bpm", "hr": "heart_rate_bpm", "spo2": "spo2_pct", "temperature": "temperature_c",
    "battery": "battery_pct", "rssi": "rssi_dbm", "gps": "location", "position": "location", "smoke": "smoke_level",
    "speed": "speed_mps", "systolic": "systolic_mmhg", "diastolic": "diastolic_mmhg", "step_count": "steps",
}  # fmt: skip
_YES_OR_NO: Final = frozenset({"motion", "contact_open", "worn", "charging"})
_WHOLE: Final = frozenset({"steps"})
_NUMBERS: Final = frozenset(Reading.__struct_fields__) - _YES_OR_NO - {"at", "seq", "extra", "lat", "lon"}
_DEVICES: Final = {
    "motion": DeviceKind.INFRARED_SENSOR,
    "contact_open": DeviceKind.DOOR_SENSOR,
    "smoke_level": DeviceKind.SMOKE_ALARM,
}


@dataclass
class Recording:
    """A history in order of time. ``passed_over`` counts lines by a kind that is not judged."""

    observations: list[Observation]
    passed_over: Counter[str] = field(default_factory=Counter)


def read_recording(lines: Iterable[str], zone: tzinfo) -> Recording:
    """The history in ``lines``, CSV or JSON lines by what the first one looks like. Naive times are local in ``zone``.

    Raises :class:`alerting.errors.BadRecording`.
    """
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    first = next(numbered, None)
    if first is None:
        raise BadRecording(1, "file", "", "has no lines")
    recording = Recording([])
    every = chain([first], numbered)
    found = _from_json(every, zone) if first[1].lstrip("\ufeff ").startswith("{") else _from_csv(every, zone, recording)
    recording.observations.extend(found)
    recording.observations.sort(key=lambda one: one.at)
    return recording


def _from_csv(numbered: Iterator[tuple[int, str]], zone: tzinfo, recording: Recording) -> Iterator[Observation]:
    number, head = next(numbered)
    head = head.lstrip("\ufeff").rstrip("\r\n")
    delimiter = max(",;\t", key=head.count)
    places = _places([name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter))], number, head)
    widest = max(places.values())
    readers: dict[str, tuple[DeviceKind, Callable[[str], Reading]] | None] = {}
    ts, sensor, kind, value = (places[name] for name in _COLUMNS)
    for number, line in numbered:
        fields = (
            line.rstrip("\r\n").split(delimiter) if '"' not in line else next(csv.reader([line], delimiter=delimiter))
        )
        if len(fields) <= widest:
            raise BadRecording(number, "line", line.strip(), f"has {len(fields)} fields; the header has more")
        named = fields[kind].strip().lower()
        if named not in readers:
            readers[named] = _reader(named)
        reader = readers[named]
        if reader is None:
            recording.passed_over[named] += 1
            continue
        try:
            reading = reader[1](fields[value].strip())
        except (ValueError, msgspec.ValidationError) as error:
            raise BadRecording(number, f"value of {named}", fields[value], str(error)) from error
        yield Observation(moment(fields[ts].strip(), zone, number), fields[sensor].strip(), reader[0], reading)


def _places(names: list[str], number: int, head: str) -> dict[str, int]:
    """Where each column stands."""
    places: dict[str, int] = {}
    for column, aliases in _COLUMNS.items():
        place = next((names.index(alias) for alias in aliases if alias in names), None)
        if place is None:
            raise BadRecording(number, "header", head.strip(), f"has no column {column} (or {', '.join(aliases[1:])})")
        places[column] = place
    return places


def moment(text: str, zone: tzinfo, number: int) -> float:
    """Epoch seconds of a time as written: ISO 8601, or epoch seconds."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        try:
            epoch_s = float(text)
        except ValueError:
            raise BadRecording(number, "time", text, "is neither ISO 8601 nor epoch seconds") from None
        if not 0 < epoch_s < 1e11:
            raise BadRecording(number, "time", text, "is not within 1970 to 5138 in epoch seconds") from None
        return epoch_s
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp()


def _reader(named: str) -> tuple[DeviceKind, Callable[[str], Reading]] | None:
    """How to read values of a kind, and what kind of device says such things; None if nobody asks for it."""
    kind = _ALIASES.get(named, named)
    device = _DEVICES.get(kind, DeviceKind.WRISTBAND)
    if kind in _YES_OR_NO:
        return device, lambda text: _YES_OR_NO_READINGS[kind, _truth(text)]
    if kind in _WHOLE or kind in _NUMBERS:
        convert: Callable[[str], float] = (lambda text: int(float(text))) if kind in _WHOLE else float
        return device, lambda text: msgspec.convert({kind: convert(text)}, Reading)
    return (device, _location) if kind == "location" else None


def _truth(text: str) -> bool:
    lowered = text.lower()
    if lowered in _YES:
        return True
    if lowered in _NO:
        return False
    raise ValueError(f"is neither yes ({', '.join(sorted(_YES))}) nor no ({', '.join(sorted(_NO))})")


_YES_OR_NO_READINGS: Final = {
    (kind, says): msgspec.convert({kind: says}, Reading) for kind in sorted(_YES_OR_NO) for says in (True, False)
}


def _location(text: str) -> Reading:
    """``lat lon`` or ``lat lon accuracy_m``, with blanks, commas or semicolons between."""
    parts = text.replace(",", " ").replace(";", " ").split()
    if len(parts) not in {2, 3}:
        raise ValueError("is not a latitude, a longitude, and perhaps an accuracy in metres")
    return msgspec.convert(dict(zip(("lat", "lon", "accuracy_m"), map(float, parts), strict=False)), Reading)


def _from_json(numbered: Iterator[tuple[int, str]], zone: tzinfo) -> Iterator[Observation]:
    """Readings as objects: ``at`` (or ``ts``), ``sensor`` (or ``device``), perhaps ``device_kind``, and quantities."""
    known = set(Reading.__struct_fields__) - {"at", "extra"}
    for number, line in numbered:
        try:
            said: Any = json.loads(line)
        except ValueError as error:
            raise BadRecording(number, "line", line.strip()[:200], f"is not JSON: {error}") from error
        if not isinstance(said, dict):
            raise BadRecording(number, "line", line.strip()[:200], "is not a JSON object")
        at = next((said[name] for name in _COLUMNS["ts"] if name in said), None)
        source = next((said[name] for name in _COLUMNS["sensor"] if name in said), None)
        if at is None or source is None:
            raise BadRecording(number, "line", line.strip()[:200], "has no time (at) or no sensor")
        try:
            reading = msgspec.convert({name: value for name, value in said.items() if name in known}, Reading)
            kind = DeviceKind(said["device_kind"]) if "device_kind" in said else _device_of(reading)
        except (ValueError, msgspec.ValidationError) as error:
            raise BadRecording(number, "line", line.strip()[:200], str(error)) from error
        yield Observation(moment(str(at), zone, number), str(source), kind, reading)


def _device_of(reading: Reading) -> DeviceKind:
    """What kind of device says such things."""
    stated = next((kind for kind in _DEVICES if getattr(reading, kind) is not None), None)
    return _DEVICES[stated] if stated is not None else DeviceKind.WRISTBAND
