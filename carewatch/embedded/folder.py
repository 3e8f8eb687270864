"""One folder, one launcher: who may run a server in a folder, and when its predecessor is really gone.

Two locks, both `flock`, so that the kernel drops them with the last process that holds them:

* `owner.lock` is held by the launcher, from start to stop. Whoever finds it taken is told by whom.
* `server.lock` is handed to the server itself, and through it to every process it forks. Whoever obtains it knows
  that nothing of the former server is left: neither one that is still shutting down after its launcher was killed,
  nor backends that outlived a killed postmaster.
"""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from carewatch.embedded.processes import until
from carewatch.errors import FolderInUse

KILL_PATIENCE_S = 10.0
"""How long the kernel may take to clear away what SIGKILL has ended."""


class OwnedFolder:
    """A folder that at most one launcher on this machine holds."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._owner_fd = -1

    @property
    def held(self) -> bool:
        return self._owner_fd >= 0

    def claim(self) -> None:
        """Create the folder if need be (only its own rights are set, 0700) and hold it; idempotent.

        Raises:
            FolderInUse: another launcher holds it.
        """
        if self.held:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self.path / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(descriptor):
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise FolderInUse(self.path, int(holder) if holder.isdigit() else None)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._owner_fd = descriptor

    def release(self) -> None:
        """Let go of the folder; idempotent."""
        if self.held:
            os.close(self._owner_fd)
            self._owner_fd = -1

    async def succeed(self, *, farewell: signal.Signals, patience_s: float) -> int:
        """Wait until nothing of a former server is left, and return a descriptor of `server.lock` for the next one.

        What is left belongs to a launcher or a postmaster that is dead, for the folder is held: it is sent `farewell`,
        and after `patience_s` SIGKILL. Hand the descriptor to the new server, then close it here.

        Raises:
            FolderInUse: what is left survived even that, or is hidden from us.
        """
        lock = self.path / "server.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _try_lock(descriptor):
                return descriptor
            for number, for_s in ((farewell, patience_s), (signal.SIGKILL, KILL_PATIENCE_S)):
                _signal_all(lock_holders(lock), number)
                deadline_s = time.monotonic() + for_s
                while await until(deadline_s):
                    if _try_lock(descriptor):
                        return descriptor
            raise FolderInUse(self.path, next(iter(lock_holders(lock)), None))
        except BaseException:
            os.close(descriptor)
            raise


def lock_holders(lock: Path) -> list[int]:
    """Return the processes, other than this one, through which the `flock` on a file is held.

    Source: proc(5): a line `lock:` in /proc/PID/fdinfo/FD for each lock of that open file.
    """
    wanted = lock.stat()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and _holds(pid, wanted)]


def _holds(pid: int, wanted: os.stat_result) -> bool:
    with suppress(OSError):  # it has ended, or belongs to somebody else
        return any(_is_locked(descriptor, wanted) for descriptor in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _is_locked(descriptor: Path, wanted: os.stat_result) -> bool:
    with suppress(OSError):  # closed since it was listed
        found = descriptor.stat()
        same = (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
        return same and "FLOCK" in (descriptor.parent.with_name("fdinfo") / descriptor.name).read_text()
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
