"""The homes of the town on the broker: quiet lives, and every half minute or so something that is not."""

import asyncio
import random
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from devices.model import DeviceKind, Hazard, SignalState
from devices.native import Receipt, Stage
from domain.clock import Clock
from simulator.fleet.broker import Broker
from simulator.fleet.deeds import Alarms, Quantities, Tells
from simulator.fleet.fleet import Fleet
from simulator.fleet.outfit import Device, Outfit
from simulator.fleet.witness import Journey
from simulator.town.story import Happening, Kind, Tell
from simulator.town.town import Town

QUIET_S: Final = (3.0, 8.0)
"""Between two messages of a device: denser than real ones speak, so that a map lives while one looks on."""
BETWEEN_EMERGENCIES_S: Final = (20.0, 40.0)
_CONNECTIONS_A_S: Final = 500.0

# hazard, in words, how often among others
_WHAT_HAPPENS: Final[Mapping[DeviceKind, tuple[Hazard, str, float]]] = {
    DeviceKind.CALL_BUTTON: (Hazard.SOS, "presses the call button", 6.0),
    DeviceKind.EMERGENCY_CALLER: (Hazard.SOS, "pulls the cord in the bathroom", 2.0),
    DeviceKind.WRISTBAND: (Hazard.FALL, "falls; the wristband notices", 3.0),
    DeviceKind.SMOKE_ALARM: (Hazard.SMOKE, "has smoke in the kitchen", 1.0),
    DeviceKind.GAS_ALARM: (Hazard.GAS, "has gas in the kitchen", 0.5),
    DeviceKind.LEAK_SENSOR: (Hazard.WATER, "has water on the bathroom floor", 1.0),
}
_LASTING: Final = frozenset({Hazard.SMOKE, Hazard.GAS, Hazard.WATER})
_RECEIPT_SAYS: Final = {
    Stage.STORED: "the platform has it",
    Stage.NOTIFIED: "somebody is being called",
    Stage.ACCEPTED: "help is coming",
    Stage.RESOLVED: "it is over",
}


class Living:
    """Every home of ``town`` while entered (``async with``)."""

    def __init__(self, town: Town, broker_url: str, clock: Clock, tell: Tell) -> None:
        self._town = town
        self._clock = clock
        self._tell = tell
        self._draw = random.Random(f"{town.seed}/living")
        self._home_of = {device.device_id: outfit.home.code for device, outfit in town.devices()}
        self._asserted: dict[str, tuple[Device, Hazard]] = {}  # by code of the home in trouble
        broker = Broker.at(broker_url)
        self._fleet = Fleet(
            [device for device, _ in town.devices()],
            host=broker.host,
            port=broker.port,
            tls=broker.tls,
            login=broker.login,
            clock=clock,
            seed=town.seed,
        )
        self._fleet.witness.told = self._told
        self.happened = 0
        """How many emergencies there have been."""

    async def __aenter__(self) -> Self:
        await self._fleet.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fleet.__aexit__(kind, error, trace)

    async def connect(self, progress: Callable[[int], None]) -> None:
        """Connect everything that stays connected, telling ``progress`` how much is."""
        await self._fleet.connect(_CONNECTIONS_A_S, progress)

    @property
    def connections(self) -> int:
        """How many connections there are to be."""
        return self._fleet.staying

    async def live_quietly(self) -> None:
        """Let every device that is awake speak every few seconds; never ends by itself."""
        async with asyncio.TaskGroup() as lives:
            for device, outfit in self._town.devices():
                if not device.model.sleeps:
                    lives.create_task(self._speak(device, outfit))

    async def suffer(self) -> None:
        """Let something happen at once, and then every half minute or so; never ends by itself."""
        while True:
            self.befall(self._next_home())
            pause = timedelta(seconds=self._draw.uniform(*BETWEEN_EMERGENCIES_S))
            await self._clock.sleep_until(self._clock.now() + pause)

    def befall(self, outfit: Outfit) -> None:
        """Let something happen in this home."""
        able = outfit.of(*_WHAT_HAPPENS)
        if not self.happened:  # begin with what everybody understands
            able = outfit.of(DeviceKind.CALL_BUTTON)
        device = self._draw.choices(able, weights=[_WHAT_HAPPENS[one.model.kind][2] for one in able])[0]
        hazard, words, _ = _WHAT_HAPPENS[device.model.kind]
        self.happened += 1
        home = outfit.home.code
        self._asserted[home] = (device, hazard)
        self._say(Kind.EMERGENCY, f"{self._town.who(home)} {words}", home)
        self._alarm(device, hazard, SignalState.RAISED)

    def calm(self, home: str) -> None:
        """It is over in the home of this code: the smoke has gone, the floor is dry."""
        device, hazard = self._asserted.pop(home, (None, Hazard.SOS))
        if device is not None and hazard in _LASTING:
            self._alarm(device, hazard, SignalState.CLEARED)

    def _alarm(self, device: Device, hazard: Hazard, state: SignalState) -> None:
        event = uuid.uuid4().hex[:12]
        at = self._clock.now().timestamp()
        self._fleet.do(Alarms(at=at, device=device.device_id, hazard=hazard, state=state, event=event))

    def _told(self, journey: Journey, told: Receipt) -> None:
        after_s = journey.receipts[told.stage] - journey.planned
        by = f", her {told.by}" if told.by else ""
        words = f"receipt {told.stage.value} after {after_s:.2f} s: {_RECEIPT_SAYS[told.stage]}{by}"
        self._say(Kind.RECEIPT, words, self._home_of[journey.device], told.stage)

    def _next_home(self) -> Outfit:
        every = list(self._town.outfits)
        calm = [one for one in every if one.home.code not in self._asserted] or every
        if not self.happened:  # begin with somebody who is helped at once, and is told so
            calm = [one for one in calm if self._town.comes_at_once(one) and _button_hears(one)] or calm
        return self._draw.choice(calm)

    async def _speak(self, device: Device, outfit: Outfit) -> None:
        draw = random.Random(device.device_id)
        while True:
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=draw.uniform(*QUIET_S)))
            quantities = _quantities(draw, device, outfit)
            self._fleet.do(Tells(at=self._clock.now().timestamp(), device=device.device_id, quantities=quantities))

    def _say(self, kind: Kind, text: str, home: str, stage: Stage | None = None) -> None:
        self._tell(Happening(at=self._clock.now(), kind=kind, text=text, home=home, stage=stage))


def _quantities(draw: random.Random, device: Device, outfit: Outfit) -> Quantities:
    """What a device measures while nothing is the matter."""
    who, place = outfit.home.residents[0].character, outfit.home.place
    found: Quantities = {"battery_pct": device.battery_pct}
    if device.model.kind is DeviceKind.INFRARED_SENSOR:
        found["motion"] = draw.random() < 0.5
    if device.model.kind is DeviceKind.WRISTBAND:
        found |= {"worn": True, "heart_rate_bpm": round(draw.gauss(who.pulse_bpm, 2))}
    if device.model.kind in (DeviceKind.WRISTBAND, DeviceKind.PHONE):
        found |= {"lat": round(place.lat + draw.gauss(0, 5e-5), 6), "lon": round(place.lon + draw.gauss(0, 5e-5), 6)}
        found["accuracy_m"] = float(draw.randint(5, 20))
    return found


def _button_hears(outfit: Outfit) -> bool:
    return any(device.model.hears for device in outfit.of(DeviceKind.CALL_BUTTON))
