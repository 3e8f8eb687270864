"""One process under an open-loop plan: connects its devices, sends at planned times, and counts from the plan."""

import asyncio
import gc
import random
import resource
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from devices.model import DeviceKind, Hazard, Protocol
from devices.native import Stage
from simulator.clock import AcceleratedClock
from simulator.fleet.deeds import Alarms, Quantities, Tells
from simulator.fleet.fleet import Fleet
from simulator.fleet.outfit import Device
from simulator.fleet.witness import Journey
from simulator.load.recorder import Recorder
from simulator.load.schedule import Planned, schedule
from simulator.scenario import Phase

_TICK_S: Final = 0.002
_STOP_SEEN_WITHIN_S: Final = 0.2
_LOOK_EVERY_S: Final = 0.1
_DRAIN_S: Final = 30.0
"""After the last phase so long is waited for acknowledgements and receipts."""
_SOS: Final = frozenset({DeviceKind.CALL_BUTTON, DeviceKind.EMERGENCY_CALLER, DeviceKind.WRISTBAND})
_STORM_BACK_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one process has to do."""

    devices: tuple[Device, ...]
    host: str
    port: int
    passwords: dict[str, str]
    connects_per_s: float
    phases: tuple[Phase, ...]
    share: float
    seed: int


class PhaseOutcome(msgspec.Struct, kw_only=True):
    """What one phase has shown; latencies count from the planned time, encoded HdrHistograms."""

    kind: str
    planned: int
    began_at: float = 0.0
    """Epoch seconds."""
    sent: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    lag: bytes = b""
    """From plan to write: the generator's own."""
    acknowledged: bytes = b""
    """Telemetry, from plan to the broker's PUBACK."""
    stored: bytes = b""
    """Alarms, from plan to the receipt ``stored``."""
    notified: bytes = b""
    """Alarms, from plan to the receipt ``notified``: somebody is being called."""
    unanswered: int = 0
    """Alarms without the receipt ``stored`` at the end."""


class Outcome(msgspec.Struct, kw_only=True):
    """What one process has shown."""

    devices: int
    connect_s: float
    kib_a_device: float
    """Resident memory of this process that each connection has cost."""
    phases: list[PhaseOutcome]
    resent: int
    connections_lost: int


def connectable(devices: Sequence[Device]) -> list[Device]:
    """Native devices, all of them connected for good: under load nobody sleeps."""
    return [
        replace(device, model=replace(device.model, sleeps=False))
        for device in devices
        if device.model.protocol is Protocol.NATIVE
    ]


async def generate(
    job: Job,
    connected: Callable[[int], None] = lambda up: None,
    ready: Callable[[], None] = lambda: None,
    phase_begins: Callable[[int], None] = lambda index: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Do the job. ``ready()`` blocks until all processes are, and is called once everybody is connected. As soon as
    ``stopped()`` is true no more is sent, and the outcome is that of what was.
    """
    clock = AcceleratedClock()
    before_kib = _resident_kib()
    phases: list[PhaseOutcome] = []
    fleet = Fleet(job.devices, host=job.host, port=job.port, clock=clock, passwords=job.passwords, seed=job.seed)
    async with fleet:
        began_s = time.monotonic()
        whole = await done_unless(stopped, fleet.connect(job.connects_per_s, connected))
        connect_s, up = time.monotonic() - began_s, fleet.up
        kib = (_resident_kib() - before_kib) / max(1, up)
        if whole:
            gc.collect()
            gc.freeze()  # else what has been built up is searched for garbage again and again, and sending waits
            await asyncio.to_thread(ready)
            phases = await _Generator(job, fleet, clock, stopped).run(phase_begins)
            gc.unfreeze()
    return Outcome(
        devices=up,
        connect_s=round(connect_s, 2),
        kib_a_device=round(kib, 2),
        phases=phases,
        resent=fleet.witness.counts.resent,
        connections_lost=fleet.witness.counts.connections_lost,
    )


async def done_unless(stopped: Callable[[], bool], work: Coroutine[Any, Any, None]) -> bool:
    """Do ``work`` until it is done, or drop it once ``stopped()``; whether it was done."""
    doing = asyncio.create_task(work)
    try:
        while not doing.done() and not stopped():
            await asyncio.wait({doing}, timeout=_STOP_SEEN_WITHIN_S)
        if doing.done():
            doing.result()
        return doing.done()
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


class _Generator:
    def __init__(self, job: Job, fleet: Fleet, clock: AcceleratedClock, stopped: Callable[[], bool]) -> None:
        self._fleet = fleet
        self._clock = clock
        self._stopped = stopped
        self._planned = schedule(job.phases, job.share)
        self._chance = random.Random(job.seed)
        self._devices = job.devices
        self._callers = [device for device in job.devices if device.model.kind in _SOS]
        self._events = 0
        self._name = f"load-{job.seed}"
        self._acknowledged = Recorder()

    async def run(self, phase_begins: Callable[[int], None]) -> list[PhaseOutcome]:
        outcomes = []
        alarms: list[list[Journey]] = []
        self._fleet.witness.acknowledged = self._ticks
        for index, planned in enumerate(self._planned):
            if self._stopped():
                break
            phase_begins(index)
            known = set(self._fleet.witness.journeys)
            self._acknowledged = Recorder()
            outcomes.append(await self._phase(planned))
            alarms.append([one for name, one in self._fleet.witness.journeys.items() if name not in known])
        await self._drain()
        for outcome, journeys in zip(outcomes, alarms, strict=True):
            _count_alarms(outcome, journeys)
        return outcomes

    async def _phase(self, planned: Planned) -> PhaseOutcome:
        loop = asyncio.get_running_loop()
        acknowledged, lag = self._acknowledged, Recorder()
        times = sorted(
            [(at, False) for at in planned.telemetry_s.tolist()] + [(at, True) for at in planned.alarms_s.tolist()]
        )
        if planned.phase.kind == "reconnect_storm":
            self._fleet.storm(1.0, _STORM_BACK_WITHIN_S)
        began_s, cpu_s = loop.time(), time.process_time()
        began_care = self._clock.now().timestamp()
        done = 0
        while done < len(times) and not self._stopped():
            now_s = loop.time() - began_s
            while done < len(times) and times[done][0] <= now_s:
                at, alarming = times[done]
                lag.record(loop.time() - began_s - at)
                self._send(began_care + at, alarming=alarming)
                done += 1
            await asyncio.sleep(_TICK_S)
        await done_unless(self._stopped, asyncio.sleep(max(0.0, planned.phase.for_s - (loop.time() - began_s))))
        return PhaseOutcome(
            kind=planned.phase.kind,
            planned=len(times),
            began_at=began_care,
            sent=done,
            seconds=round(loop.time() - began_s, 2),
            cpu_s=round(time.process_time() - cpu_s, 2),
            lag=lag.encoded(),
            acknowledged=acknowledged.encoded(),
        )

    def _send(self, planned: float, *, alarming: bool) -> None:
        if alarming and self._callers:
            device = self._chance.choice(self._callers)
            self._events += 1
            self._fleet.do(Alarms(planned, device.device_id, Hazard.SOS, event=f"{self._name}-{self._events}"))
            return
        device = self._chance.choice(self._devices)
        self._fleet.do(Tells(planned, device.device_id, self._measured(device)), timed=True)

    def _measured(self, device: Device) -> Quantities:
        rssi = -60.0 - self._chance.randrange(20)
        match device.model.kind:
            case DeviceKind.WRISTBAND | DeviceKind.HEALTH_BAND:
                pulse = 60 + self._chance.randrange(30)
                return {"heart_rate_bpm": pulse, "spo2_pct": 96, "battery_pct": 80, "worn": True, "rssi_dbm": rssi}
            case DeviceKind.INFRARED_SENSOR:
                return {"motion": True, "rssi_dbm": rssi}
            case _:
                return {"battery_pct": 80, "temperature_c": 21.5, "rssi_dbm": rssi}

    def _ticks(self, journey: Journey) -> None:
        if not journey.event and journey.acknowledged is not None:
            self._acknowledged.record(journey.acknowledged - journey.planned)

    async def _drain(self) -> None:
        """Wait until everything is acknowledged and every alarm has its receipt, within reason."""
        for _ in range(round(_DRAIN_S / _LOOK_EVERY_S)):
            if self._stopped() or all(link.at_rest for link in self._fleet.links):
                return
            await asyncio.sleep(_LOOK_EVERY_S)


def _count_alarms(outcome: PhaseOutcome, journeys: Sequence[Journey]) -> None:
    recorders = {Stage.STORED: Recorder(), Stage.NOTIFIED: Recorder()}
    for journey in journeys:
        for stage, recorder in recorders.items():
            if stage in journey.receipts:
                recorder.record(journey.receipts[stage] - journey.planned)
    outcome.stored = recorders[Stage.STORED].encoded()
    outcome.notified = recorders[Stage.NOTIFIED].encoded()
    outcome.unanswered = sum(Stage.STORED not in journey.receipts for journey in journeys)


def _resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024
