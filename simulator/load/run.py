"""A load against a platform: enrol, generate, and see how long the platform needs to have taken everything in."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from simulator.enrolment import records
from simulator.errors import NotALoad
from simulator.fleet.outfit import Device
from simulator.load.behind import Behind
from simulator.load.crowd import LoadReport, generate_all, report
from simulator.load.generator import Job, connectable, done_unless
from simulator.phone.remote import RemotePhone
from simulator.platform import Platform
from simulator.plot import Plot
from simulator.scenario import Load
from simulator.simulation import Progress, Target, register

KEEPS_UP_WITHIN_S: Final = 5.0
_DRAINED_WITHIN_S: Final = 300.0


class LoadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a load has shown."""

    valid: bool
    invalid_because: list[str]
    keeps_up: bool
    """Every alarm had its receipt, and at the end the platform was not behind with telemetry."""
    drain_s: float
    """From the end of the load until a reading sent then can be read through the interface."""
    behind_s: list[float | None]
    """By phase: how old the newest reading was at most that could be read through the interface."""
    scale: float
    report: LoadReport

    @property
    def holds(self) -> bool:
        """Whether the run counts, and the platform kept up."""
        return self.valid and self.keeps_up


async def run_load(
    plot: Plot,
    target: Target,
    stop: asyncio.Event,
    *,
    processes: int = 1,
    scale: float = 1.0,
    progress: Progress | None = None,
) -> LoadSummary:
    """Load ``target`` in real time, all rates times ``scale``. Once ``stop`` is set the summary is that of what was
    done until then. Raises NotALoad, PlatformRefused.
    """
    load = plot.scenario.load
    devices = connectable(plot.devices)
    if load is None or len(devices) < load.devices:
        raise NotALoad(plot.scenario.name, len(devices))
    told = progress or Progress()
    sentinel, others = sentinel_and_others(devices, load.devices)
    job = _job(plot, load, target, others, scale)
    async with Platform(target.api_url, target.key) as platform, RemotePhone(target.phone_url) as phone:
        if not await done_unless(stop.is_set, _settle(plot, platform, phone, told)):
            return _summary(report([]), [], 0.0, scale, stopped=True)
        password = target.passwords.get(sentinel.device_id)
        async with Behind(platform, sentinel, target.broker.host, target.broker.port, password) as behind:
            watching = asyncio.create_task(behind.watch())
            try:
                loaded = await generate_all(
                    job,
                    processes,
                    lambda up: told.connected(up, len(job.devices)),
                    lambda index: told.played(float(index + 1), float(len(job.phases))),
                    stop.is_set,
                )
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            drain_s = 0.0 if stop.is_set() else await behind.drained(_DRAINED_WITHIN_S)
            highest_s = [behind.highest_s(phase.began_at, phase.seconds) for phase in loaded.phases]
    return _summary(loaded, highest_s, drain_s, scale, stopped=stop.is_set())


def sentinel_and_others(devices: Sequence[Device], count: int) -> tuple[Device, list[Device]]:
    """Of ``devices``, ``count`` for a load: the one that tells the time, whose clock must be right, and the others."""
    sentinel = next(device for device in reversed(devices) if not device.clock_off_s)
    return sentinel, [device for device in devices if device is not sentinel][: count - 1]


def _job(plot: Plot, load: Load, target: Target, devices: Sequence[Device], scale: float) -> Job:
    rates = ("telemetry_per_s", "alarms_per_s")
    phases = [one.model_copy(update={rate: getattr(one, rate) * scale for rate in rates}) for one in load.phases]
    return Job(
        devices=tuple(devices),
        host=target.broker.host,
        port=target.broker.port,
        passwords=dict(target.passwords),
        connects_per_s=load.connects_per_s,
        phases=tuple(phases),
        share=1.0,
        seed=plot.seed,
    )


async def _settle(plot: Plot, platform: Platform, phone: RemotePhone, told: Progress) -> None:
    enrolled = records(plot.outfits, plot.responders)
    await platform.enrol(enrolled, lambda done: told.enrolled(done, len(enrolled)))
    await register(phone, plot.responders, told.people)


def _summary(
    loaded: LoadReport, behind_s: list[float | None], drain_s: float, scale: float, *, stopped: bool
) -> LoadSummary:
    faults = [f"{phase.kind}: {phase.bottleneck}" for phase in loaded.phases if phase.bottleneck]
    faults += ["it was broken off"] if stopped else []
    return LoadSummary(
        valid=not faults,
        invalid_because=faults,
        keeps_up=drain_s <= KEEPS_UP_WITHIN_S and not any(phase.unanswered for phase in loaded.phases),
        drain_s=round(drain_s, 2),
        behind_s=behind_s,
        scale=scale,
        report=loaded,
    )
