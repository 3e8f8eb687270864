"""Child processes that die with their parent, and can be awaited from any event loop."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

LOG_TAIL_BYTES = 2000


def dying_with_parent(death_signal: signal.Signals) -> list[str]:
    """Return the words before a command line that make it receive `death_signal` when its parent dies.

    Linux binds this to the *thread* that spawns: spawn from one that lives as long as the child should. A parent that
    dies before the request reaches the kernel is noticed by the child, which has another parent by then and gives up.

    Source: prctl(2), PR_SET_PDEATHSIG; setpriv(1).
    """
    unless_orphaned = 'test "$PPID" = "$0" && exec "$@"'
    signal_name = death_signal.name.removeprefix("SIG")
    return ["setpriv", "--pdeathsig", signal_name, "--", "sh", "-c", unless_orphaned, str(os.getpid())]


class ChildProcess:
    """One spawned process, reaped exactly once, awaitable from whichever event loop asks."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._pidfd = os.pidfd_open(popen.pid)

    @classmethod
    def spawn(
        cls,
        argv: Sequence[str],
        *,
        log: Path | None,
        env: Mapping[str, str] | None = None,
        inherit: Sequence[int] = (),
        reads: str = "",
    ) -> "ChildProcess":
        """Start `argv` in a session of its own, so that a Ctrl-C at the terminal reaches only the supervisor.

        Args:
            argv: the program and its arguments.
            log: file to which its output is added; None leaves the output to the terminal.
            env: its whole environment; None hands on ours.
            inherit: file descriptors that it keeps.
            reads: what it finds on its standard input.
        """
        with ExitStack() as files:
            given = files.enter_context(tempfile.TemporaryFile())
            given.write(reads.encode())
            given.seek(0)
            output = None if log is None else files.enter_context(log.open("ab"))
            popen = subprocess.Popen(
                argv,
                stdin=given,
                stdout=output,
                stderr=output,
                env=env,
                pass_fds=inherit,
                start_new_session=True,
            )
        return cls(popen)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for the signal that ended it, or None while it runs."""
        code = self._popen.poll()
        if code is not None and self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        return code

    async def wait(self) -> int:
        """Wait for its end and return the exit code."""
        while (code := self.exit_code) is None:
            await _readable(os.dup(self._pidfd))
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a process that has already ended is left alone."""
        self._popen.send_signal(number)

    async def end(self, *steps: tuple[signal.Signals, float]) -> int:
        """Send each signal in turn, waiting its number of seconds for the end, and at last SIGKILL."""
        for number, patience_s in steps:
            self.send(number)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    return await self.wait()
        self.send(signal.SIGKILL)
        return await self.wait()


async def _readable(descriptor: int) -> None:
    """Wait until `descriptor` can be read, and close it: a pidfd is readable once its process has ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def run_to_end(argv: Sequence[str], *, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of a few milliseconds to its end, its output kept as text, standard error mixed in."""
    return subprocess.run(argv, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def log_tail(logs: Iterable[Path]) -> str:
    """Return the last lines of the log that was written to last, or nothing where there is none."""
    written = [(path.stat().st_mtime_ns, path) for path in logs if path.is_file() and path.stat().st_size]
    if not written:
        return ""
    text = max(written)[1].read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-8:])


def is_alive(pid: int) -> bool:
    """Tell whether a process of that id exists and is not merely waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


async def until(deadline_s: float, *, every_s: float = 0.05) -> bool:
    """Pause for a moment; return False once the monotonic clock has passed `deadline_s`."""
    await asyncio.sleep(every_s)
    return time.monotonic() < deadline_s
