"""Several generators in processes of their own, begun together and counted together."""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing.synchronize import Barrier, Event
from threading import BrokenBarrierError
from typing import Any, Final

import msgspec
import uvloop

from simulator.load.generator import Job, Outcome, generate
from simulator.load.recorder import Latencies, merged

BUSY_SHARE: Final = 0.9
"""A generator that used more of a core than this in a phase was the bottleneck."""
LAG_LIMIT_S: Final = 0.05
"""A generator that wrote later than this after the plan (p99) was the bottleneck."""
_GATHER_WITHIN_S: Final = 600.0
_LOOK_EVERY_S: Final = 0.2


class PhaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """One phase over all processes."""

    kind: str
    began_at: float
    """Epoch seconds."""
    seconds: float
    planned: int
    sent: int
    per_s: float
    generator_lag: Latencies | None
    generator_busy: float
    """Highest share of a core that a generator used."""
    cpu_us_a_message: float
    acknowledged: Latencies | None
    stored: Latencies | None
    notified: Latencies | None
    unanswered: int
    bottleneck: str
    """Why the generator, and not the platform, was measured; empty if it was the platform."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole load."""

    valid: bool
    processes: int
    devices: int
    connects_per_s: float
    kib_a_device: float
    resent: int
    connections_lost: int
    phases: list[PhaseReport]


async def generate_all(
    job: Job,
    processes: int = 1,
    connected: Callable[[int], None] = lambda up: None,
    phase_begins: Callable[[int], None] = lambda index: None,
    stopped: Callable[[], bool] = lambda: False,
) -> LoadReport:
    """Do ``job`` in ``processes`` processes; with one, in this one. Once ``stopped()`` the report is that so far."""
    if processes == 1:
        return report([await generate(job, connected, phase_begins=phase_begins, stopped=stopped)])
    context = multiprocessing.get_context("spawn")
    barrier, stop = context.Barrier(processes), context.Event()
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(barrier, stop)) as pool:
        parts = [loop.run_in_executor(pool, _in_process, part) for part in split(job, processes)]
        whole = asyncio.gather(*parts)
        while not whole.done():
            await asyncio.wait({whole}, timeout=_LOOK_EVERY_S)
            if stopped() and not stop.is_set():
                stop.set()
                barrier.abort()
        return report([msgspec.msgpack.decode(done, type=Outcome) for done in whole.result()])


def split(job: Job, processes: int) -> list[Job]:
    """``job`` in equal shares."""
    return [
        replace(
            job,
            devices=job.devices[index::processes],
            share=job.share / processes,
            connects_per_s=job.connects_per_s / processes,
            seed=job.seed + index,
        )
        for index in range(processes)
    ]


_together: tuple[Barrier, Event]
"""Of a generator's process: where it waits for the others, and what stops all."""


def _begin(barrier: Barrier, stop: Event) -> None:
    global _together  # what an executor's initializer hands on can be left nowhere else
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; it is ours to be told by the parent
    _together = (barrier, stop)


def _in_process(job: Job) -> bytes:
    barrier, stop = _together

    def ready() -> None:
        with suppress(BrokenBarrierError):  # stopped meanwhile
            barrier.wait(_GATHER_WITHIN_S)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return msgspec.msgpack.encode(runner.run(generate(job, ready=ready, stopped=stop.is_set)))


def report(outcomes: list[Outcome]) -> LoadReport:
    """Put the parts together; of a run that was broken off, the phases that all have begun."""
    begun = zip(*(outcome.phases for outcome in outcomes), strict=False)
    phases = [_phase(list(parts)) for parts in begun]
    devices = sum(outcome.devices for outcome in outcomes)
    return LoadReport(
        valid=not any(phase.bottleneck for phase in phases),
        processes=len(outcomes),
        devices=devices,
        connects_per_s=round(devices / max((outcome.connect_s for outcome in outcomes), default=0.01), 1),
        kib_a_device=round(sum(outcome.kib_a_device * outcome.devices for outcome in outcomes) / max(1, devices), 2),
        resent=sum(outcome.resent for outcome in outcomes),
        connections_lost=sum(outcome.connections_lost for outcome in outcomes),
        phases=phases,
    )


def _phase(parts: list[Any]) -> PhaseReport:
    lag = merged(part.lag for part in parts)
    sent, cpu_s = sum(part.sent for part in parts), sum(part.cpu_s for part in parts)
    seconds = max(part.seconds for part in parts)
    busy = max(part.cpu_s / part.seconds for part in parts)
    bottleneck = ""
    if lag.percentile_s(99) > LAG_LIMIT_S:
        bottleneck = f"a generator wrote {lag.percentile_s(99) * 1000:.0f} ms after the plan (p99)"
    elif busy > BUSY_SHARE:
        bottleneck = f"a generator used {busy:.0%} of a core"
    return PhaseReport(
        kind=parts[0].kind,
        began_at=min(part.began_at for part in parts),
        seconds=seconds,
        planned=sum(part.planned for part in parts),
        sent=sent,
        per_s=round(sent / seconds, 1),
        generator_lag=lag.latencies(),
        generator_busy=round(busy, 3),
        cpu_us_a_message=round(cpu_s / sent * 1e6, 1) if sent else 0.0,
        acknowledged=merged(part.acknowledged for part in parts).latencies(),
        stored=merged(part.stored for part in parts).latencies(),
        notified=merged(part.notified for part in parts).latencies(),
        unanswered=sum(part.unanswered for part in parts),
        bottleneck=bottleneck,
    )
