"""What a home is equipped with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from devices.model import DeviceKind, Protocol
from simulator.fleet.catalogue import MODELS, Model
from simulator.lives.draws import Draws, draws
from simulator.lives.people import Home, Life, Resident, Room

CELL: Final = "sim-qinghe"
"""The area code that simulated devices are provisioned into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device of a home. ``speaks_through`` is the device whose connection it uses: a gateway, or itself."""

    device_id: str
    model: Model
    home: str
    resident: str | None
    room: Room
    address: str | None
    speaks_through: str
    battery_pct: float
    """At the beginning."""
    clock_off_s: float
    """How far its clock is ahead of the truth."""
    cell: str = CELL


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Proportions in a fleet, 0 to 1."""

    zigbee2mqtt: float = 0.2
    """Homes whose sensors stand behind a Zigbee gateway."""
    owntracks: float = 0.25
    """Residents whose phone runs OwnTracks."""
    wrong_clock: float = 0.02
    """Native devices whose clock is off: by minutes, or by years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfit:
    """The devices of one home."""

    home: Home
    devices: tuple[Device, ...]

    def of(self, *kinds: DeviceKind, resident: str | None = None) -> list[Device]:
        """The devices of these kinds; of ``resident`` only, if given."""
        return [
            device
            for device in self.devices
            if device.model.kind in kinds and (resident is None or device.resident == resident)
        ]


def equip(home: Home, seed: int, shares: Shares) -> Outfit:
    """The devices of ``home``; the same for the same arguments."""
    draw = draws(seed, "outfit", home.code)
    zigbee = draw.random() < shares.zigbee2mqtt
    fixed = list(_fixed(draw, home))
    found = [_device(draw, home, kind, room, None, shares, zigbee=zigbee) for kind, room in fixed]
    for resident in home.residents:
        found += _worn(draw, home, resident, shares, zigbee=zigbee)
    if any(device.model.protocol is Protocol.ZIGBEE2MQTT for device in found):
        found.append(_device(draw, home, DeviceKind.GATEWAY, home.rooms[0], None, shares, zigbee=True))
    return Outfit(home=home, devices=tuple(found))


def _fixed(draw: Draws, home: Home) -> Iterable[tuple[DeviceKind, Room]]:
    yield DeviceKind.SMOKE_ALARM, Room.KITCHEN
    yield DeviceKind.DOOR_SENSOR, Room.HALL
    for room in home.rooms:
        yield DeviceKind.INFRARED_SENSOR, room
    for kind, room, share in (
        (DeviceKind.EMERGENCY_CALLER, Room.BATHROOM, 0.5),
        (DeviceKind.HEAT_ALARM, Room.KITCHEN, 0.4),
        (DeviceKind.GAS_ALARM, Room.KITCHEN, 0.6),
        (DeviceKind.CO_ALARM, Room.BEDROOM, 0.3),
        (DeviceKind.LEAK_SENSOR, Room.BATHROOM, 0.35),
    ):
        if draw.random() < share:
            yield kind, room


def _worn(draw: Draws, home: Home, resident: Resident, shares: Shares, *, zigbee: bool) -> list[Device]:
    kinds = [DeviceKind.CALL_BUTTON]
    kinds += [DeviceKind.WRISTBAND] if resident.life is Life.DEMENTIA or draw.random() < 0.6 else []
    kinds += [DeviceKind.HEALTH_BAND] if draw.random() < 0.3 else []
    kinds += [DeviceKind.PHONE] if draw.random() < shares.owntracks else []
    return [_device(draw, home, kind, Room.BEDROOM, resident, shares, zigbee=zigbee) for kind in kinds]


_NATIVE: Final = {model.kind: model for model in MODELS.values() if model.protocol is not Protocol.ZIGBEE2MQTT}
_ZIGBEE: Final = {model.kind: model for model in MODELS.values() if model.protocol is Protocol.ZIGBEE2MQTT}


def _device(
    draw: Draws, home: Home, kind: DeviceKind, room: Room, resident: Resident | None, shares: Shares, *, zigbee: bool
) -> Device:
    model = _ZIGBEE[kind] if zigbee and kind in _ZIGBEE else _NATIVE[kind]
    own = resident.code if resident else home.code
    short = model.name.partition("-")[2]
    device_id = f"{own}-{short}" if kind is not DeviceKind.INFRARED_SENSOR else f"{own}-{short}-{room}"
    battery_pct, clock_off_s = round(float(draw.uniform(45, 100)), 1), _clock_off(draw, shares)
    return Device(
        device_id=device_id,
        model=model,
        home=home.code,
        resident=resident.code if resident else None,
        room=room,
        address=_address(home, model, device_id),
        speaks_through=f"{home.code}-gateway" if model.protocol is Protocol.ZIGBEE2MQTT else device_id,
        battery_pct=battery_pct,
        clock_off_s=clock_off_s if model.protocol is Protocol.NATIVE else 0.0,
    )


def _address(home: Home, model: Model, device_id: str) -> str | None:
    match model.protocol:
        case Protocol.NATIVE:
            return None
        case Protocol.OWNTRACKS:
            return f"owntracks/{home.code}/{device_id}"
        case Protocol.ZIGBEE2MQTT:
            base = f"zigbee2mqtt/{home.code}"
            return f"{base}/bridge" if model.kind is DeviceKind.GATEWAY else f"{base}/{device_id}"


def _clock_off(draw: Draws, shares: Shares) -> float:
    wrong, years, off_s = draw.random() < shares.wrong_clock, draw.random() < 0.3, draw.normal(0, 2400)
    if not wrong:
        return 0.0
    return float(-6 * 365.25 * 86400) if years else round(float(off_s), 1)
