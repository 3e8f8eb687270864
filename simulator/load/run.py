"""A load against a platform: enrol, generate, and see how long the platform needs to have taken everything in."""

import asyncio
import time
from typing import Final

import msgspec

from simulator.clock import AcceleratedClock
from simulator.enrolment import records
from simulator.errors import NotALoad
from simulator.fleet.deeds import Tells
from simulator.fleet.fleet import Fleet
from simulator.fleet.outfit import Device
from simulator.load.crowd import LoadReport, generate_all
from simulator.load.generator import Job, connectable
from simulator.phone.remote import RemotePhone
from simulator.platform import Platform
from simulator.plot import Plot
from simulator.simulation import Progress, Target, register

_KEEPS_UP_WITHIN_S: Final = 5.0
_DRAINED_WITHIN_S: Final = 300.0
_LOOK_EVERY_S: Final = 0.1


class LoadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a load has shown."""

    valid: bool
    keeps_up: bool
    """Every alarm had its receipt, and at the end the platform was not behind with telemetry."""
    drain_s: float
    """From the end of the load until a reading sent then can be read through the interface."""
    scale: float
    report: LoadReport

    @property
    def holds(self) -> bool:
        """Whether the run counts, and the platform kept up."""
        return self.valid and self.keeps_up


async def run_load(
    plot: Plot, target: Target, *, processes: int = 1, scale: float = 1.0, progress: Progress | None = None
) -> LoadSummary:
    """Load ``target`` in real time, all rates times ``scale``. Raises NotALoad, PlatformRefused."""
    load = plot.scenario.load
    devices = connectable(plot.devices)
    if load is None or len(devices) < load.devices:
        raise NotALoad(plot.scenario.name, len(devices))
    told = progress or Progress()
    async with Platform(target.api_url, target.key) as platform, RemotePhone(target.phone_url) as phone:
        enrolled = records(plot.outfits, plot.responders)
        await platform.enrol(enrolled, lambda done: told.enrolled(done, len(enrolled)))
        await register(phone, plot.responders, told.people)
        rates = ("telemetry_per_s", "alarms_per_s")
        phases = [one.model_copy(update={rate: getattr(one, rate) * scale for rate in rates}) for one in load.phases]
        job = Job(
            devices=tuple(devices[: load.devices - 1]),
            host=target.broker_host,
            port=target.broker_port,
            passwords=dict(target.passwords),
            connects_per_s=load.connects_per_s,
            phases=tuple(phases),
            share=1.0,
            seed=plot.seed,
        )
        report = await generate_all(
            job,
            processes,
            lambda up: told.connected(up, len(job.devices)),
            lambda index: told.played(float(index + 1), float(len(phases))),
        )
        drain_s = await _drained(platform, target, devices[load.devices - 1])
    unanswered = sum(phase.unanswered for phase in report.phases)
    return LoadSummary(
        valid=report.valid,
        keeps_up=drain_s <= _KEEPS_UP_WITHIN_S and not unanswered,
        drain_s=round(drain_s, 2),
        scale=scale,
        report=report,
    )


async def _drained(platform: Platform, target: Target, sentinel: Device) -> float:
    """How long a reading takes that is sent now, behind all others, to be seen by whoever asks the platform."""
    clock = AcceleratedClock()
    fleet = Fleet([sentinel], host=target.broker_host, port=target.broker_port, clock=clock)
    async with fleet:
        await fleet.connect(1.0)
        began_s = time.monotonic()
        at = clock.now().timestamp()
        fleet.do(Tells(at, sentinel.device_id, {"battery_pct": 77.0}))
        while time.monotonic() - began_s < _DRAINED_WITHIN_S:
            seen = await platform.battery_at(sentinel.device_id)
            if seen is not None and seen.timestamp() >= at + sentinel.clock_off_s - 0.01:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        return time.monotonic() - began_s
