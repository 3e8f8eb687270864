"""Devices that speak CareWatch's own protocol. Source: docs/devices.md, "The native contract"."""

import msgspec

from devices.topics import Channel, Topic
from simulator.fleet.deeds import Alarms, Babbles, Quantities, Tells
from simulator.fleet.outfit import Device
from simulator.fleet.voices.message import Message

_encode = msgspec.json.Encoder().encode


class NativeVoice:
    """One native device: numbers its readings, and dates everything by its own clock."""

    def __init__(self, device: Device) -> None:
        self._off_s = device.clock_off_s
        self._topics = {channel: str(Topic(device.cell, device.device_id, channel)) for channel in Channel}
        self._seq = 0

    def says(self, deed: Tells | Alarms | Babbles) -> list[Message]:
        """Telemetry, an alarm, or rubbish."""
        match deed:
            case Tells(at=at, quantities=quantities, history=history):
                told = [*history, (at, quantities)]
                readings = [self._reading(when, what) for when, what in told]
                return [self._telemetry(readings if history else readings[0])]
            case Alarms(at=at, quantities=quantities):
                said = {"id": deed.event, "hazard": deed.hazard, "at": self._clock(at), "state": deed.state}
                payload = _encode({**said, **quantities})
                return [Message(self._topics[Channel.ALARM], payload, event=deed.event)]
            case Babbles(payload=payload, alarming=alarming):
                return [Message(self._topics[Channel.ALARM if alarming else Channel.TELEMETRY], payload)]

    def history(self, deeds: list[Tells]) -> list[Message]:
        """One array of buffered readings."""
        told = [one for deed in deeds for one in (*deed.history, (deed.at, deed.quantities))]
        return [self._telemetry([self._reading(at, what) for at, what in told])] if told else []

    def greeting(self, session: str) -> list[Message]:
        """Online, retained, under the nonce of this connection."""
        return [self._status(online=True, session=session)]

    def will(self, session: str) -> Message:
        """Offline, under the nonce of the connection that broke."""
        return self._status(online=False, session=session)

    def _status(self, *, online: bool, session: str) -> Message:
        return Message(self._topics[Channel.STATUS], _encode({"online": online, "session": session}), retain=True)

    def _telemetry(self, said: object) -> Message:
        return Message(self._topics[Channel.TELEMETRY], _encode(said))

    def _reading(self, at: float, quantities: Quantities) -> dict[str, object]:
        self._seq += 1
        return {"at": self._clock(at), "seq": self._seq, **quantities}

    def _clock(self, at: float) -> float:
        return round(at + self._off_s, 3)
