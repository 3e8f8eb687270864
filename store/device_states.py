"""What is known of each device now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """The latest of everything a device said. None: it has not said that, or nothing new."""

    device_key: int
    last_seen_at: datetime
    online: bool | None = None
    session: str | None = None
    battery_pct: float | None = None
    battery_at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    position_at: datetime | None = None
    worn: bool | None = None
    worn_at: datetime | None = None
    charging: bool | None = None
    charging_at: datetime | None = None


def merge(connection: psycopg.Connection[TupleRow], states: Sequence[DeviceState]) -> None:
    """Bring ``states``, one of each device, up to what is known. Late words move nothing back."""
    if states:
        rows = sorted(states, key=lambda state: state.device_key)
        columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(DeviceState)}
        connection.execute(queries("device_states").merge, columns)


def offline(connection: psycopg.Connection[TupleRow], gone: Mapping[int, str | None]) -> None:
    """Devices, by key, that have lost their session (None: whichever it was) are offline, unless they have another."""
    if gone:
        keys = sorted(gone)
        rows = {"device_key": keys, "session": [gone[key] for key in keys]}
        connection.execute(queries("device_states").offline, rows)
