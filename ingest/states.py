"""The latest of each device, in memory, and which of it is worth writing down now.

The table is written when something a human being would look at has changed, and else only now and then: often enough
that silence is noticed in time, and at moments spread over the devices. When it was heard last is always written in
the end, so that its silence is counted from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from devices.model import Reading
from ingest.packing import moment_of
from store.device_states import DeviceState
from store.devices import Device

BATTERY_STEP_PCT: Final = 5.0
MOVED_DEGREES: Final = 2.5e-4
"""Some 25 m: within what fixes of wristbands scatter by."""
SELDOM_S: Final = 60.0
OFTEN_S: Final = 1.0


@dataclass(slots=True)
class _Latest:
    interval_us: int
    due_us: int = 0
    seen_us: int = 0
    written_us: int = 0
    online: bool | None = None
    session: str | None = None
    battery_pct: float | None = None
    battery_us: int = 0
    battery_written: float = -100.0
    lat: float | None = None
    lon: float = 0.0
    accuracy_m: float | None = None
    position_us: int = 0
    lat_written: float = 1000.0
    lon_written: float = 1000.0
    worn: bool | None = None
    worn_us: int = 0
    charging: bool | None = None
    charging_us: int = 0


class States:
    """What devices said last. Collect with :meth:`speak`, :meth:`measure`, :meth:`lose`; :meth:`take` what to write."""

    def __init__(self) -> None:
        self._latest: dict[int, _Latest] = {}
        self._due: set[int] = set()
        self._later: list[tuple[int, int]] = []  # heap of (moment, device key): look again whether it has spoken since
        self._gone: dict[int, str | None] = {}

    def speak(self, device: Device, now_us: int, *, late: bool, session: str | None = None) -> None:
        """``device`` was heard at ``now_us``. ``late``: it may have spoken earlier, and be offline since."""
        key = device.key
        latest = self._latest.get(key)
        if latest is None:
            latest = self._latest[key] = _Latest(_interval_us(device))
        if now_us > latest.seen_us:
            latest.seen_us = now_us
        if not late and not latest.online:
            latest.online = True
            self._due.add(key)
        if session is not None and session != latest.session:
            latest.session = session
            self._due.add(key)
        if now_us >= latest.due_us:
            self._due.add(key)
        if self._gone and not late:
            self._gone.pop(key, None)

    def measure(self, device: Device, reading: Reading, at_us: int, now_us: int) -> None:
        """``device``, which has spoken, measured ``reading`` at ``at_us``. What claims the future counts as now."""
        latest = self._latest[device.key]
        if at_us > now_us:
            at_us = now_us
        notable = False
        battery, lat, lon, worn, charging = (
            reading.battery_pct, reading.lat, reading.lon, reading.worn, reading.charging,
        )  # fmt: skip
        if battery is not None and at_us >= latest.battery_us:
            latest.battery_pct, latest.battery_us = battery, at_us
            notable = not -BATTERY_STEP_PCT < battery - latest.battery_written < BATTERY_STEP_PCT
        if lat is not None and lon is not None and at_us >= latest.position_us:
            latest.lat, latest.lon, latest.accuracy_m, latest.position_us = lat, lon, reading.accuracy_m, at_us
            notable = (
                notable
                or not -MOVED_DEGREES < lat - latest.lat_written < MOVED_DEGREES
                or not -MOVED_DEGREES < lon - latest.lon_written < MOVED_DEGREES
            )
        if worn is not None and at_us >= latest.worn_us:
            notable = notable or worn is not latest.worn
            latest.worn, latest.worn_us = worn, at_us
        if charging is not None and at_us >= latest.charging_us:
            notable = notable or charging is not latest.charging
            latest.charging, latest.charging_us = charging, at_us
        if notable:
            self._due.add(device.key)

    def lose(self, device_key: int, session: str | None) -> None:
        """Somebody says that the device, or its connection ``session``, is gone."""
        self._gone[device_key] = session
        latest = self._latest.get(device_key)
        if latest is not None:
            latest.online = None

    def take(self, now_us: int) -> tuple[list[DeviceState], Mapping[int, str | None]]:
        """What is to be written now, once: states, then who is gone (after them)."""
        while self._later and self._later[0][0] <= now_us:
            _, key = heappop(self._later)
            latest = self._latest[key]
            if latest.written_us < latest.seen_us and latest.due_us <= now_us:
                self._due.add(key)
        if not self._due and not self._gone:
            return [], {}
        states = [self._written(key) for key in self._due]
        gone, self._gone = self._gone, {}
        self._due.clear()
        return states, gone

    def _written(self, key: int) -> DeviceState:
        latest = self._latest[key]
        latest.written_us = latest.seen_us
        latest.due_us = latest.seen_us + latest.interval_us
        heappush(self._later, (latest.due_us, key))
        if latest.battery_pct is not None:
            latest.battery_written = latest.battery_pct
        if latest.lat is not None:
            latest.lat_written, latest.lon_written = latest.lat, latest.lon
        return DeviceState(
            device_key=key,
            last_seen_at=moment_of(latest.seen_us),
            online=latest.online,
            session=latest.session,
            battery_pct=latest.battery_pct,
            battery_at=moment_of(latest.battery_us) if latest.battery_pct is not None else None,
            lat=latest.lat,
            lon=latest.lon if latest.lat is not None else None,
            accuracy_m=latest.accuracy_m,
            position_at=moment_of(latest.position_us) if latest.lat is not None else None,
            worn=latest.worn,
            worn_at=moment_of(latest.worn_us) if latest.worn is not None else None,
            charging=latest.charging,
            charging_at=moment_of(latest.charging_us) if latest.charging is not None else None,
        )


def _interval_us(device: Device) -> int:
    """How long a device that says nothing new goes unwritten: a quarter of the silence that is an incident, at most a
    minute; a little different for each device, so that those that spoke together are not due together.
    """
    spread = 0.75 + (device.key * 2_654_435_761 % 65_536) / 131_072
    return int(min(max(device.silent_after_s / 4, OFTEN_S), SELDOM_S) * spread * 1e6)
