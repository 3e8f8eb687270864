"""Phones that run OwnTracks: positions and battery, no alarms. Source: OwnTracks Booklet, "JSON"."""

import msgspec

from devices.protocols.owntracks import KMH_PER_MPS
from simulator.fleet.deeds import Alarms, Babbles, Tells
from simulator.fleet.outfit import Device
from simulator.fleet.voices.message import Message

_encode = msgspec.json.Encoder().encode


class OwnTracksVoice:
    """One phone. A heartbeat without a position is a repeat of the last one, as the app's ping is."""

    def __init__(self, device: Device) -> None:
        assert device.address is not None
        self._topic = device.address
        self._battery = round(device.battery_pct)
        self._last: dict[str, object] = {}

    def says(self, deed: Tells | Alarms | Babbles) -> list[Message]:
        """A location; OwnTracks has no word for an alarm."""
        match deed:
            case Tells(at=at, quantities=quantities):
                self._battery = round(quantities.get("battery_pct", self._battery))
                if "lat" in quantities:
                    self._last = {
                        "lat": quantities["lat"],
                        "lon": quantities["lon"],
                        "acc": max(1, round(quantities["accuracy_m"])),
                        "vel": round(quantities.get("speed_mps", 0) * KMH_PER_MPS),
                    }
                if not self._last:
                    return []
                said = {"_type": "location", "tst": int(at), "batt": self._battery, "bs": 1, "tid": "CW", **self._last}
                return [Message(self._topic, _encode(said), retain=True)]
            case Babbles(payload=payload):
                return [Message(self._topic, payload)]
            case Alarms():
                return []

    def history(self, deeds: list[Tells]) -> list[Message]:
        """The app keeps a queue and sends each location with its own time."""
        return [message for deed in deeds for message in self.says(deed)]

    def greeting(self, session: str) -> list[Message]:
        """Nothing: the next location is the sign of life."""
        return []

    def will(self, session: str) -> Message:
        """The time of connecting names the connection that was lost."""
        return Message(self._topic, _encode({"_type": "lwt", "tst": int(float(session))}))
