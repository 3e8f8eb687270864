"""What `simulate` and `chaos` share: a stack, a plot, progress bars, and a report at the end however it ends."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar

import msgspec
import typer
import uvloop
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from carewatch.commands.shared import stderr, stdout
from carewatch.logging import LogConfig, LogFormat, configure_logging
from carewatch.private import STEPS
from carewatch.simulated import Stack, simulated_stack
from carewatch.supervise import stop_on_signals
from simulator.elsewhere import care_time_of, refuse, refuse_real_phones
from simulator.faults.chaos import Blow, blows
from simulator.fleet.broker import Broker
from simulator.load.run import LoadSummary, run_load
from simulator.platform import Platform
from simulator.plot import Plot, devise
from simulator.report.summary import Summary
from simulator.scenario import Scenario, load
from simulator.simulation import Progress, Simulation, Target

_SETTLING_S: Final = 15.0
_SETTLING_S_A_HOME: Final = 0.5
"""Machine time that enrolling and connecting a village may take on a running system before its day begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for."""

    scenario: Scenario
    homes: int | None = None
    seed: int | None = None
    folder: Path | None = None
    quiet: bool = False
    """No progress bars."""

    @property
    def plot(self) -> Plot:
        """Everything that will happen. Raises NoSuitableHome."""
        return devise(self.scenario, seed=self.seed, homes=self.homes)

    def beginning(self, now: datetime) -> Self:
        """The same order for a village that has to be enrolled first, where it is ``now`` and nobody sets the clock."""
        settling_s = (_SETTLING_S + _SETTLING_S_A_HOME * (self.homes or self.scenario.homes)) * self.scenario.speed
        begins = (now + timedelta(seconds=settling_s)).isoformat()
        return replace(self, scenario=self.scenario.changed(begins=begins))


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running system, as it is reached from outside."""

    api_url: str
    key: str
    broker_url: str


class Reported(Protocol):
    """The outcome of a run."""

    @property
    def holds(self) -> bool: ...


S = TypeVar("S", bound=Reported)


def order(
    name: str,
    *,
    homes: int | None,
    speed: float | None,
    seed: int | None,
    hours: float | None,
    folder: Path | None,
    quiet: bool,
) -> Order:
    """The order for the scenario ``name`` with what the command line changes of it. Raises BadScenario."""
    changes = {"speed": speed, "lasts_h": hours}
    scenario = load(name).changed(**{field: value for field, value in changes.items() if value is not None})
    return Order(scenario=scenario, homes=homes, seed=seed, folder=folder, quiet=quiet)


async def play(wanted: Order, kills: int = 0) -> Summary:
    """Live through a scenario on a private stack, with ``kills`` kills of its processes on the way."""
    plot, speed = wanted.plot, wanted.scenario.speed
    async with stop_on_signals() as stop, _stack(wanted) as (stack, progress):
        simulation = Simulation(
            plot, stack.target, stack.clock, speed=speed, progress=progress, handyman=stack.harm, harmed=kills > 0
        )
        lasts_s = (plot.end - plot.scenario.start) / speed
        planned = blows(plot.seed, stack.processes(), kills, lasts_s) if kills else []
        async with simulation:
            if await _unless(stop, simulation.settle()):
                await stack.begin(speed)
                striking = asyncio.create_task(_strike(stack, planned))
                try:
                    await simulation.run(stop)
                finally:
                    striking.cancel()
                    await asyncio.gather(striking, return_exceptions=True)
            return await simulation.reckon()


async def play_elsewhere(wanted: Order, system: System) -> Summary:
    """Live through a scenario on a running system, which is left with everything retired that was enrolled.

    Raises UnfitSystem, before anything is done there, where that would do harm or prove nothing; LateBeginning;
    PlatformRefused.
    """
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_on_signals())
        bar = stack.enter_context(_bars(quiet=wanted.quiet))
        platform = await stack.enter_async_context(Platform(system.api_url, system.key))
        clock = await stack.enter_async_context(care_time_of(platform))
        phone_url = refuse(system.api_url, await clock.refresh(), wanted.scenario)
        await refuse_real_phones(system.api_url, phone_url)
        since = clock.now()
        plot = wanted.beginning(since).plot
        target = Target(
            api_url=system.api_url, key=system.key, broker=Broker.at(system.broker_url), phone_url=phone_url
        )
        simulation = Simulation(plot, target, clock, speed=wanted.scenario.speed, progress=_progress(bar), since=since)
        async with simulation:
            try:
                if await _unless(stop, simulation.settle_in_time()):
                    await simulation.run(stop)
                return await simulation.reckon()
            finally:
                await simulation.leave(bar("retiring the village"))


async def put_load_on(wanted: Order, processes: int, scale: float) -> LoadSummary:
    """Put the load of a scenario on a private stack, in real time."""
    async with stop_on_signals() as stop, _stack(wanted, real_time=True) as (stack, progress):
        return await run_load(wanted.plot, stack.target, stop, processes=processes, scale=scale, progress=progress)


def run(work: Awaitable[S]) -> S:
    """Run to the end, on the fast loop."""

    async def all_of_it() -> S:
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(all_of_it())


def end(summary: S, shown: Callable[[S], RenderableType], *, as_json: bool) -> None:
    """Show the report, and exit with 1 unless it holds."""
    if as_json:
        stdout.print_json(msgspec.json.encode(_with_verdict(summary)).decode(), indent=2)
    else:
        stdout.print(shown(summary))
    if not summary.holds:
        raise typer.Exit(1)


def _with_verdict(summary: Reported) -> dict[str, Any]:
    return {"holds": summary.holds, **msgspec.to_builtins(summary)}


async def _strike(stack: Stack, planned: list[Blow]) -> None:
    """Deal the blows at their times; a stop does not hold up the next blow."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for blow in planned:
            await asyncio.sleep(max(0.0, began_s + blow.at_s - loop.time()))
            tasks.create_task(stack.harm(blow.process, blow.for_s))


async def _unless(stop: asyncio.Event, work: Awaitable[None]) -> bool:
    """Do ``work`` unless ``stop`` is set before it is done; whether it was done."""
    doing, stopped = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return doing.done()
    finally:
        for task in (doing, stopped):
            task.cancel()
        await asyncio.gather(doing, stopped, return_exceptions=True)


@asynccontextmanager
async def _stack(wanted: Order, *, real_time: bool = False) -> AsyncIterator[tuple[Stack, Progress]]:
    with _folder(wanted.folder) as folder, _bars(quiet=wanted.quiet) as bar:
        starting = bar("starting a private stack")
        done = 0

        def step(name: str) -> None:
            nonlocal done
            done += 1
            starting(done, STEPS)

        begins = None if real_time else wanted.scenario.start
        async with simulated_stack(folder, begins, step=step) as stack:
            starting(STEPS, STEPS)
            yield stack, _progress(bar)


def _progress(bar: Callable[[str], Callable[[float, float], None]]) -> Progress:
    return Progress(
        lived=bar("living the days beforehand"),
        enrolled=bar("enrolling the village"),
        people=bar("putting people at their phones"),
        connected=bar("connecting devices"),
        played=bar("running"),
    )


@contextmanager
def _folder(stated: Path | None) -> Iterator[Path]:
    """Where the private stack lives; what its supervisor has to say stands in its ``supervisor.log``."""
    with _chosen(stated) as folder, (folder / "supervisor.log").open("a") as file:
        configure_logging(LogConfig(format=LogFormat.JSON), to=file, process="supervisor")
        yield folder


@contextmanager
def _chosen(stated: Path | None) -> Iterator[Path]:
    if stated is not None:
        stated.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield stated
        return
    with tempfile.TemporaryDirectory(prefix="carewatch-simulate-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _bars(*, quiet: bool) -> Iterator[Callable[[str], Callable[[float, float], None]]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=stderr, disable=quiet, transient=True) as bars:

        def bar(title: str) -> Callable[[float, float], None]:
            task = bars.add_task(title, total=None, visible=False, start=False)

            def tell(done: float, total: float) -> None:
                bars.start_task(task)
                bars.update(task, completed=int(done), total=int(total), visible=True)

            return tell

        yield bar
