"""Sensors and buttons behind Zigbee2MQTT: the whole cached state with every message, presses in up to three.

Source: zigbee2mqtt.io, "MQTT topics and messages"; captured messages in the project's device samples.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from devices.model import DeviceKind, Hazard, SignalState
from simulator.fleet.deeds import Alarms, Babbles, Quantities, Tells
from simulator.fleet.outfit import Device
from simulator.fleet.voices.message import Message

_encode = msgspec.json.Encoder().encode

_PROPERTY: Final = {
    Hazard.SMOKE: "smoke",
    Hazard.GAS: "gas",
    Hazard.CO: "carbon_monoxide",
    Hazard.WATER: "water_leak",
    Hazard.TAMPER: "tamper",
}
_OWN: Final = {
    DeviceKind.SMOKE_ALARM: Hazard.SMOKE,
    DeviceKind.GAS_ALARM: Hazard.GAS,
    DeviceKind.CO_ALARM: Hazard.CO,
    DeviceKind.LEAK_SENSOR: Hazard.WATER,
}


class Zigbee2MqttVoice:
    """One device behind a gateway."""

    def __init__(self, device: Device) -> None:
        assert device.address is not None
        self._topic = device.address
        self._retain = device.model.kind is DeviceKind.DOOR_SENSOR
        self._state: dict[str, object] = {"linkquality": 120, "battery": round(device.battery_pct)}
        own = _OWN.get(device.model.kind)
        if own is not None:
            self._state |= {_PROPERTY[own]: False, "tamper": False}

    def says(self, deed: Tells | Alarms | Babbles) -> list[Message]:
        """The whole state after what happened; a press as a moment that is never kept."""
        match deed:
            case Alarms(hazard=Hazard.SOS):
                return self._press(deed.at) if deed.state is SignalState.RAISED else []
            case Alarms(at=at, hazard=hazard, state=state, quantities=quantities):
                self._take({**quantities})
                self._state[_PROPERTY[hazard]] = state is SignalState.RAISED
                return [self._publish(at)]
            case Tells(at=at, quantities=quantities):
                self._take(quantities)
                return [self._publish(at)]
            case Babbles(payload=payload):
                return [Message(self._topic, payload)]

    def history(self, deeds: list[Tells]) -> list[Message]:
        """Nothing is buffered behind a gateway: the last state is all there is."""
        for deed in deeds:
            self._take(deed.quantities)
        return [self._publish(deeds[-1].at)] if deeds else []

    def greeting(self, session: str) -> list[Message]:
        """Its availability: the gateway publishes again what it has retained, whenever it connects."""
        return [Message(f"{self._topic}/availability", b'{"state":"online"}', retain=True)]

    def will(self, session: str) -> None:
        """None: the gateway has one."""

    def _take(self, quantities: Quantities) -> None:
        for name, value in quantities.items():
            match name:
                case "motion":
                    self._state["occupancy"] = value
                case "contact_open":
                    self._state["contact"] = not value
                case "temperature_c":
                    self._state["temperature"] = value
                case "battery_pct":
                    self._state["battery"] = round(value)
                case "rssi_dbm":
                    self._state["linkquality"] = round(255 + 2 * value)

    def _press(self, at: float) -> list[Message]:
        seen = {**self._state, "last_seen": _iso(at)}
        return [
            Message(self._topic, _encode({**seen, "action": "emergency"})),
            Message(f"{self._topic}/action", b"emergency"),
            Message(self._topic, _encode({**seen, "action": ""})),
        ]

    def _publish(self, at: float) -> Message:
        return Message(self._topic, _encode({**self._state, "last_seen": _iso(at)}), retain=self._retain)


class BridgeVoice:
    """The gateway itself: its state is retained, and its last will says that we know of nothing behind it."""

    def __init__(self, device: Device) -> None:
        self._topic = f"{device.address}/state"

    def says(self, deed: Tells | Alarms | Babbles) -> list[Message]:
        """Its state once more."""
        return self.greeting("")

    def history(self, deeds: list[Tells]) -> list[Message]:
        """Nothing: it measures nothing."""
        return []

    def greeting(self, session: str) -> list[Message]:
        """Online, retained."""
        return [Message(self._topic, b'{"state":"online"}', retain=True)]

    def will(self, session: str) -> Message:
        """Offline, retained."""
        return Message(self._topic, b'{"state":"offline"}', retain=True)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
