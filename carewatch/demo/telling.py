"""What the demo shows in the terminal: how far it has come, and then one line for each thing that happens."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from carewatch.demo.figures import Tally
from devices.native import Stage
from simulator.town.story import Happening, Kind

_STYLES: Final = {
    Kind.EMERGENCY: "bold red",
    Kind.RECEIPT: "dim",
    Kind.CALL: "cyan",
    Kind.KEY: "bold cyan",
    Kind.UNREACHED: "yellow",
    Kind.TEXT: "cyan",
    Kind.ARRIVAL: "green",
    Kind.OUTCOME: "bold green",
}
_MARKS: Final = {
    Kind.EMERGENCY: "●",
    Kind.RECEIPT: "←",
    Kind.CALL: "☎",
    Kind.KEY: "⌨",
    Kind.UNREACHED: "✗",
    Kind.TEXT: "✉",
    Kind.ARRIVAL: "→",
    Kind.OUTCOME: "✓",
}


class SettingUp:
    """A progress bar at a terminal; elsewhere a line for each stage that is done. Use as ``with``."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._began_s = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=total)
        self._before = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        self.done("setting up: the first start takes longest")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, name: str) -> None:
        """One step of the platform's start is done."""
        self.done(name)
        self._bar.advance(self._task)

    def advance(self, name: str) -> None:
        """One of many equal steps is done."""
        self._bar.update(self._task, description=name, advance=1)

    def begin(self, name: str) -> None:
        """Steps follow of which only it is told how many are done."""
        self._before = self._bar.tasks[self._task].completed
        self._bar.update(self._task, description=name)

    def reached(self, count: int) -> None:
        """So many of them are done."""
        self._bar.update(self._task, completed=self._before + count)

    def done(self, name: str) -> None:
        """Say that a stage is done."""
        self._bar.update(self._task, description=name)
        if not self._console.is_terminal:
            self._console.print(f"{time.monotonic() - self._began_s:5.1f} s  {name}", markup=False)


class Teller:
    """Prints the story."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, happening: Happening) -> None:
        """One line."""
        line = (
            f"{happening.at.astimezone():%H:%M:%S}  {happening.home or '':7} {_MARKS[happening.kind]} {happening.text}"
        )
        self._console.print(line, style=_STYLES[happening.kind], markup=False, soft_wrap=True)

    def sum_up(self, tally: Tally) -> None:
        """The figures at the end."""
        rows = (
            ("emergencies", str(tally.happened)),
            ("accepted", str(tally.count(Stage.ACCEPTED))),
            ("median press to stored", _seconds(tally.median_s(Stage.STORED))),
            ("median press to first ringing", _seconds(tally.median_s(Stage.NOTIFIED))),
            ("median press to accepted", _seconds(tally.median_s(Stage.ACCEPTED))),
            ("not yet over", str(tally.happened - tally.count(Stage.RESOLVED))),
        )
        for what, figure in rows:
            self._console.print(f"  {what:30}{figure:>9}", markup=False)


def _seconds(span_s: float | None) -> str:
    return "-" if span_s is None else f"{span_s:.2f} s"
