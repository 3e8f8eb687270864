"""Keep the processes of CareWatch and its embedded servers alive, and stop them in good order.

A `Supervisor` is a crash-only affair: whatever ends without having been told to is started again, after a pause that
doubles with each quick death. If the supervisor itself dies, the kernel ends its programs with it.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import structlog

from carewatch.embedded.processes import ChildProcess, dying_with_parent
from carewatch.errors import ProgramNotStarted

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
OWN_COMMAND = (sys.executable, "-P", "-m", "carewatch")
"""How CareWatch starts itself: `-P` keeps an `api/` in the current folder from winning over ours."""
HEALTHY_AFTER_S = 60.0
"""How long something must have lived for its next death to count as the first."""


class Supervised(Protocol):
    """What a supervisor can keep alive: a `Program` or an `EmbeddedServer`."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    async def start(self) -> None:
        """Start it and return once it serves; raise if it cannot."""

    async def wait(self) -> int:
        """Return its exit code once it has ended."""

    async def stop(self) -> None:
        """End it in good order, by force if it takes too long."""


class State(StrEnum):
    STARTING = "starting"
    UP = "up"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How one supervised thing is doing."""

    name: str
    state: State
    since: datetime
    """When it came into this state, by the wall clock of this machine: to be shown, not to be reckoned with."""
    pid: int | None
    restarts: int
    last_exit: int | None
    """Exit code of its last end, negative for the signal that ended it; None if it never ended."""


class Program:
    """An OS process that runs until told to stop; killed when the thread that started it, our main thread, dies.

    Killed and not asked, because nobody would be left to insist: a successor would find its ports taken. Everything it
    does must survive kill -9 in any case.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        output: Path | None = None,
        patience_s: float = 10.0,
    ) -> None:
        """Describe the program; nothing happens before `start`.

        Args:
            name: how it is called in logs and statuses.
            argv: the program and its arguments.
            env: its whole environment; None hands on ours.
            output: file to which its output is added; None leaves it to the terminal.
            patience_s: how long it may take to end once asked.
        """
        self.name = name
        self._argv = tuple(argv)
        self._env = env
        self._output = output
        self._patience_s = patience_s
        self._process: ChildProcess | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.exit_code is None else None

    async def start(self) -> None:
        """Spawn it.

        Raises:
            ProgramNotStarted: the operating system refuses.
        """
        argv = [*dying_with_parent(signal.SIGKILL), *self._argv]
        try:
            self._process = ChildProcess.spawn(argv, log=self._output, env=self._env)
        except OSError as error:
            raise ProgramNotStarted(self.name, str(error)) from error

    async def wait(self) -> int:
        if self._process is None:
            raise ProgramNotStarted(self.name, "nobody has started it")
        return await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.end((signal.SIGTERM, self._patience_s))


@dataclass(slots=True)
class BackOff:
    """How long to pause before starting something again."""

    quick_deaths: int = 0

    def pause_s(self, lived_s: float) -> float:
        """Return 0.2 s after a first death, twice as much after each further one, at most 10 s.

        Args:
            lived_s: for how long it had served; a minute or more makes this death a first one.
        """
        self.quick_deaths = 0 if lived_s >= HEALTHY_AFTER_S else self.quick_deaths
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.quick_deaths, 16))
        self.quick_deaths += 1
        return pause_s


class Supervisor:
    """Starts things one after the other, restarts what dies, and stops them in reverse order.

    `async with` it, in the main thread: leaving the block, for whatever reason, stops everything. Should the
    supervision of anything fail by itself, the block is cancelled: better an end that is seen than a watch asleep.
    """

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self._owner: asyncio.Task[object] | None = None
        self._failure: BaseException | None = None

    def statuses(self) -> list[Status]:
        """Return how everything is doing, in the order of starting."""
        return [kept.status() for kept in self._kept]

    async def bring_up(self, member: Supervised) -> None:
        """Start `member`, wait until it serves, and keep it alive from then on.

        Raises:
            CarewatchError: it cannot start; a later failure to start again only makes it pause longer.
        """
        kept = _Kept(member)
        self._kept.append(kept)
        await kept.start()
        kept.watch = asyncio.create_task(kept.keep_alive(), name=f"supervise {member.name}")
        kept.watch.add_done_callback(self._watch_ended)

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        owner, self._owner = self._owner, None
        for kept in reversed(self._kept):
            await kept.stop()
        if self._failure is not None and owner is not None:
            owner.uncancel()
            raise self._failure

    def _watch_ended(self, watch: asyncio.Task[None]) -> None:
        if watch.cancelled() or self._owner is None:
            return
        self._failure = watch.exception()
        self._owner.cancel()


class _Kept:
    """One supervised thing, with the task that watches over it."""

    def __init__(self, member: Supervised) -> None:
        self._member = member
        self._back_off = BackOff()
        self.watch: asyncio.Task[None] | None = None
        self._restarts = 0
        self._last_exit: int | None = None
        self._enter(State.STOPPED)

    def status(self) -> Status:
        return Status(
            name=self._member.name,
            state=self._state,
            since=self._since,
            pid=self._member.pid,
            restarts=self._restarts,
            last_exit=self._last_exit,
        )

    async def stop(self) -> None:
        if self.watch is not None:
            self.watch.cancel()
            await asyncio.wait([self.watch])
        log.info("stopping", name=self._member.name, pid=self._member.pid)
        await self._member.stop()
        self._enter(State.STOPPED)
        log.info("stopped", name=self._member.name)

    async def start(self) -> None:
        self._enter(State.STARTING)
        log.info("starting", name=self._member.name)
        await self._member.start()
        self._enter(State.UP)
        log.info("up", name=self._member.name, pid=self._member.pid)

    async def keep_alive(self) -> None:
        clock = asyncio.get_running_loop()
        while True:
            served_from_s = clock.time()
            self._last_exit = await self._member.wait()
            lived_s = clock.time() - served_from_s
            log.warning("died", name=self._member.name, exit=_said(self._last_exit), lived_s=round(lived_s, 1))
            await self._restart(lived_s)

    async def _restart(self, lived_s: float) -> None:
        while True:
            pause_s = self._back_off.pause_s(lived_s)
            self._enter(State.PAUSED)
            log.info("restarting", name=self._member.name, in_s=pause_s)
            await asyncio.sleep(pause_s)
            self._restarts += 1
            try:
                return await self.start()
            except Exception as error:  # the edge of the loop: whatever it is, trying again is all that helps
                log.error("not started", name=self._member.name, reason=str(error))
                lived_s = 0.0

    def _enter(self, state: State) -> None:
        self._state = state
        self._since = datetime.now(UTC)


@asynccontextmanager
async def stop_on_signals(*numbers: signal.Signals) -> AsyncIterator[asyncio.Event]:
    """Hand out an event that the first SIGTERM or SIGINT (or the given signals) sets; a second is left to its default.

    So the second Ctrl-C of an impatient engineer ends the supervisor, and the kernel everything below it.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    watched = numbers or (signal.SIGTERM, signal.SIGINT)

    def obey(number: signal.Signals) -> None:
        log.info("asked to stop", signal=number.name)
        for each in watched:
            loop.remove_signal_handler(each)
        stop.set()

    for number in watched:
        loop.add_signal_handler(number, obey, number)
    try:
        yield stop
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


def _said(exit_code: int) -> str:
    return signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
