"""The models of simulated devices, and their habits."""

from dataclasses import dataclass
from typing import Final

from devices.model import DeviceKind, Protocol

_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A device as its maker sells it."""

    name: str
    kind: DeviceKind
    protocol: Protocol = Protocol.NATIVE
    silent_after_s: float
    """After so long a silence it counts as silent; several heartbeats. Classes: EN 50136-1."""
    heartbeat_s: float
    sleeps: bool = False
    """Connects only to say something, and leaves in order."""
    mains: bool = False
    """Falls silent when the street has no power."""
    drains_pct_day: float = 0.05
    hears: bool = True
    """Listens to receipts and commands."""


_MODELS = (
    Model(
        name="sim-button", kind=DeviceKind.CALL_BUTTON, silent_after_s=25 * _HOUR, heartbeat_s=6 * _HOUR, sleeps=True
    ),
    Model(
        name="sim-caller", kind=DeviceKind.EMERGENCY_CALLER, silent_after_s=2 * _HOUR, heartbeat_s=30 * _MINUTE,
        mains=True,
    ),
    Model(
        name="sim-band", kind=DeviceKind.WRISTBAND, silent_after_s=2 * _HOUR, heartbeat_s=20 * _MINUTE,
        drains_pct_day=45,
    ),
    Model(
        name="sim-health", kind=DeviceKind.HEALTH_BAND, silent_after_s=25 * _HOUR, heartbeat_s=_HOUR, sleeps=True,
        drains_pct_day=15, hears=False,
    ),
    Model(name="sim-smoke", kind=DeviceKind.SMOKE_ALARM, silent_after_s=2 * _HOUR, heartbeat_s=30 * _MINUTE),
    Model(name="sim-heat", kind=DeviceKind.HEAT_ALARM, silent_after_s=2 * _HOUR, heartbeat_s=30 * _MINUTE),
    Model(name="sim-gas", kind=DeviceKind.GAS_ALARM, silent_after_s=2 * _HOUR, heartbeat_s=30 * _MINUTE, mains=True),
    Model(name="sim-co", kind=DeviceKind.CO_ALARM, silent_after_s=2 * _HOUR, heartbeat_s=30 * _MINUTE, mains=True),
    Model(
        name="sim-motion", kind=DeviceKind.INFRARED_SENSOR, silent_after_s=2 * _HOUR, heartbeat_s=30 * _MINUTE,
        mains=True, hears=False,
    ),
    Model(
        name="sim-door", kind=DeviceKind.DOOR_SENSOR, silent_after_s=25 * _HOUR, heartbeat_s=6 * _HOUR, sleeps=True,
        hears=False,
    ),
    Model(name="sim-leak", kind=DeviceKind.LEAK_SENSOR, silent_after_s=25 * _HOUR, heartbeat_s=6 * _HOUR, sleeps=True),
    Model(
        name="sim-phone", kind=DeviceKind.PHONE, protocol=Protocol.OWNTRACKS, silent_after_s=25 * _HOUR,
        heartbeat_s=30 * _MINUTE, drains_pct_day=60, hears=False,
    ),
    Model(
        name="z2m-gateway", kind=DeviceKind.GATEWAY, protocol=Protocol.ZIGBEE2MQTT, silent_after_s=25 * _HOUR,
        heartbeat_s=6 * _HOUR, mains=True, hears=False,
    ),
    *(
        Model(
            name=f"z2m-{name}", kind=kind, protocol=Protocol.ZIGBEE2MQTT, silent_after_s=25 * _HOUR,
            heartbeat_s=50 * _MINUTE, hears=False,
        )
        for name, kind in (
            ("button", DeviceKind.CALL_BUTTON),
            ("smoke", DeviceKind.SMOKE_ALARM),
            ("gas", DeviceKind.GAS_ALARM),
            ("co", DeviceKind.CO_ALARM),
            ("motion", DeviceKind.INFRARED_SENSOR),
            ("door", DeviceKind.DOOR_SENSOR),
            ("leak", DeviceKind.LEAK_SENSOR),
        )
    ),
)  # fmt: skip

MODELS: Final = {model.name: model for model in _MODELS}
