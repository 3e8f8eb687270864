"""A folder has one launcher, and its next server waits for, or ends, whatever is left of the former one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from carewatch.embedded.folder import OwnedFolder, lock_holders
from carewatch.errors import FolderInUse

IDLE = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {IDLE}"


async def left_behind(path: Path, program: str) -> subprocess.Popen[str]:
    """Return a process that a launcher, by now gone, has started in `path`."""
    former = OwnedFolder(path)
    former.claim()
    lock = await former.succeed(farewell=signal.SIGTERM, patience_s=1)
    process = ready_process(program, lock)
    os.close(lock)
    former.release()
    return process


def ready_process(program: str, lock: int) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", program], pass_fds=[lock], text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdout.close()
    return process


@pytest.mark.parametrize(
    ("program", "ended_by"), [(IDLE, signal.SIGTERM), (STUBBORN, signal.SIGKILL)], ids=["willing", "stubborn"]
)
async def test_what_a_dead_launcher_left_behind_is_ended(
    tmp_path: Path, program: str, ended_by: signal.Signals
) -> None:
    """It is asked first and killed if it does not listen; only then the next server may start."""
    orphan = await left_behind(tmp_path / "server", program)
    following = OwnedFolder(tmp_path / "server")
    following.claim()
    assert lock_holders(tmp_path / "server" / "server.lock") == [orphan.pid]
    lock = await following.succeed(farewell=signal.SIGTERM, patience_s=0.5)
    assert orphan.wait() == -ended_by
    os.close(lock)
    following.release()


def test_a_claimed_folder_is_refused_until_it_is_released(tmp_path: Path) -> None:
    """The refusal names the folder and the process that holds it."""
    first, second = OwnedFolder(tmp_path / "server"), OwnedFolder(tmp_path / "server")
    first.claim()
    with pytest.raises(FolderInUse) as refused:
        second.claim()
    assert (refused.value.folder, refused.value.pid) == (tmp_path / "server", os.getpid())
    first.release()
    second.claim()
    second.release()
