"""What the devices themselves saw: what they sent, when the broker took it, and which receipts came back."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from devices.native import Receipt, Stage


class Journey(msgspec.Struct, kw_only=True):
    """The way of one message, in epoch seconds of care time; None for what has not happened. Telemetry has no event."""

    device: str
    event: str
    planned: float
    sent: float | None = None
    acknowledged: float | None = None
    """The broker's PUBACK for it, the first one."""
    receipts: dict[Stage, float] = {}
    """When each stage was first told to the device."""
    sendings: int = 0


@dataclass(slots=True)
class Counts:
    """What a fleet has done."""

    connections: int = 0
    connections_lost: int = 0
    connections_failed: int = 0
    published: int = 0
    acknowledged: int = 0
    resent: int = 0
    receipts: int = 0
    commands: int = 0


@dataclass(slots=True)
class Witness:
    """Records of a whole fleet. Alarms are named ``device/event``."""

    counts: Counts = field(default_factory=Counts)
    journeys: dict[str, Journey] = field(default_factory=dict)
    acknowledged: Callable[[Journey], None] = lambda journey: None
    """Told of each journey that the broker has taken."""
    told: Callable[[Journey, Receipt], None] = lambda journey, told: None
    """Told of each receipt, the first of its stage."""

    def plans(self, device: str, event: str, planned: float) -> Journey:
        """An alarm is about to be sent."""
        journey = Journey(device=device, event=event, planned=planned)
        self.journeys[f"{device}/{event}"] = journey
        return journey

    def hears(self, device: str, told: Receipt, at: float) -> None:
        """A receipt has come; one for an alarm that nobody sent is only counted."""
        self.counts.receipts += 1
        journey = self.journeys.get(f"{device}/{told.id}")
        if journey is not None and told.stage not in journey.receipts:
            journey.receipts[told.stage] = at
            self.told(journey, told)
