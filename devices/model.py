"""One vocabulary for everything devices say: kinds, hazards, quantities, units.

Every protocol decodes into these structs and nothing else. Times are epoch seconds (UTC) as the device or gateway
stated them; coordinates are WGS-84 degrees, latitude before longitude.
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta


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
    # Raised by the platform about itself; no device may send these.
    UNCLEAR = "unclear"  # an alarm that could not be understood, or whose device nobody knows
    NOBODY_REACHED = "nobody_reached"  # a round of calls that reached no human being
    PLATFORM = "platform"  # a clock, lane or provider that is not as it should be

    @property
    def by_device(self) -> bool:
        """True for hazards that a device may assert."""
        return self not in _OF_PLATFORM


_OF_PLATFORM = frozenset({Hazard.AREA_OUTAGE, Hazard.UNCLEAR, Hazard.NOBODY_REACHED, Hazard.PLATFORM})


class SignalState(StrEnum):
    """Whether a hazard is asserted, withdrawn, or only tried out by someone pressing the test key."""

    RAISED = "raised"
    CLEARED = "cleared"
    TEST = "test"


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a device measured at one moment; every quantity is optional. One row of the table ``readings``.

    The limits are what a working sensor can say, not what is healthy: beyond them the value is a fault, kept in
    ``extra`` and never judged. Decoding JSON straight into a Reading refuses an unknown field, so that none is lost
    unnoticed: :func:`devices.quantities.gather` keeps it in ``extra``.
    """

    at: Annotated[float, Meta(gt=0, le=1e11)] | None = None  # epoch seconds; None: the device states no (usable) time
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0, le=1e7)] | None = None
    speed_mps: Annotated[float, Meta(ge=0, le=1000)] | None = None
    heart_rate_bpm: Annotated[float, Meta(ge=0, le=350)] | None = None
    spo2_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    systolic_mmhg: Annotated[float, Meta(ge=0, le=400)] | None = None
    diastolic_mmhg: Annotated[float, Meta(ge=0, le=400)] | None = None
    temperature_c: Annotated[float, Meta(ge=-100, le=1000)] | None = None
    steps: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    motion: bool | None = None
    contact_open: bool | None = None
    smoke_level: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    rssi_dbm: Annotated[float, Meta(ge=-250, le=50)] | None = None
    worn: bool | None = None
    charging: bool | None = None
    extra: dict[str, Any] | None = None
    """Fields we do not know, and values beyond a limit, as they came: plain JSON that PostgreSQL can store (no NUL,
    no lone surrogate, no NaN, integers within 64 bits)."""


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
