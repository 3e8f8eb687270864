"""One vocabulary for everything devices say: kinds, hazards, quantities, units.

Every protocol decodes into these structs and nothing else. Times are epoch seconds (UTC) as the device or gateway
stated them; coordinates are WGS-84 degrees, latitude before longitude.
"""

from enum import StrEnum
from typing import Any

import msgspec


class DeviceKind(StrEnum):
    """What a device is, from its registration."""

    CALL_BUTTON = "call_button"
    EMERGENCY_CALLER = "emergency_caller"
    WRISTBAND = "wristband"
    PHONE = "phone"
    SMOKE_ALARM = "smoke_alarm"
    HEAT_ALARM = "heat_alarm"
    GAS_ALARM = "gas_alarm"
    CO_ALARM = "co_alarm"
    INFRARED_SENSOR = "infrared_sensor"
    DOOR_SENSOR = "door_sensor"
    LEAK_SENSOR = "leak_sensor"
    HEALTH_BAND = "health_band"
    GATEWAY = "gateway"

    @property
    def worn(self) -> bool:
        """True for devices that go with the resident: their alarms concern her, wherever she is."""
        return self in _WORN


_WORN = frozenset({DeviceKind.WRISTBAND, DeviceKind.PHONE, DeviceKind.HEALTH_BAND, DeviceKind.CALL_BUTTON})


class Protocol(StrEnum):
    """How a device speaks, from its registration; never guessed from what it sends."""

    NATIVE = "native"
    ZIGBEE2MQTT = "zigbee2mqtt"
    OWNTRACKS = "owntracks"


class Hazard(StrEnum):
    """What may be wrong."""

    SOS = "sos"
    FALL = "fall"
    SMOKE = "smoke"
    HEAT = "heat"
    GAS = "gas"
    CO = "co"
    WATER = "water"
    INTRUSION = "intrusion"
    INACTIVITY = "inactivity"
    WANDER = "wander"
    VITALS = "vitals"
    TAMPER = "tamper"
    DEVICE_OFFLINE = "device_offline"
    LOW_BATTERY = "low_battery"
    AREA_OUTAGE = "area_outage"


class SignalState(StrEnum):
    """Whether a hazard is asserted, withdrawn, or only tried out by someone pressing the test key."""

    RAISED = "raised"
    CLEARED = "cleared"
    TEST = "test"


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device measured at one moment; every quantity is optional. One row of the table ``readings``."""

    at: float | None = None  # epoch seconds; None: the device states no (usable) time
    seq: int | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heart_rate_bpm: float | None = None
    spo2_pct: float | None = None
    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    temperature_c: float | None = None
    steps: int | None = None
    motion: bool | None = None
    contact_open: bool | None = None
    smoke_level: float | None = None
    battery_pct: float | None = None
    rssi_dbm: float | None = None
    worn: bool | None = None
    charging: bool | None = None
    extra: dict[str, Any] | None = None  # fields we do not know, kept as they came


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hazard that a device asserts, withdraws or tests."""

    hazard: Hazard
    state: SignalState
    at: float | None = None  # epoch seconds; None: the device states no (usable) time
    id: str | None = None  # unique per event and device, where the protocol has such a thing
    republished: bool = False
    """True where the protocol repeats its whole state: only a change against the last committed state is an event."""


class Presence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device (or its last will) says whether it is connected."""

    online: bool
    session: str | None = None  # a will of another session than the current one is ignored
    subject: str | None = None
    """Address of the device this is about, where a gateway speaks for others; ``"*"``: all behind the gateway."""


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one message said. ``faults`` names malformed fields that stood beside what could be understood."""

    readings: tuple[Reading, ...] = ()
    signals: tuple[Signal, ...] = ()
    presence: Presence | None = None
    faults: tuple[str, ...] = ()
