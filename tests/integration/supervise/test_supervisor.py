"""The supervisor restarts what dies, stops in good order, says what it does, and takes everything with it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fixtures.waiting import wait_until
from structlog.testing import capture_logs

from carewatch.embedded.postgres import PostgresServer
from carewatch.embedded.processes import is_alive, until
from carewatch.errors import ProgramNotStarted, ServerDidNotStart
from carewatch.supervise import Program, State, Supervisor

IDLE = "import time; time.sleep(600)"
NOTES_ITS_END = """
import signal, sys, time
def note(*_):
    with open(sys.argv[1], "a") as notes:
        notes.write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, note)
open(sys.argv[1] + "." + sys.argv[2], "w").close()
time.sleep(600)
"""
STUBBORN = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w').close(); "


def python(name: str, code: str, *arguments: object, patience_s: float = 60) -> Program:
    return Program(name, [sys.executable, "-c", code, *map(str, arguments)], patience_s=patience_s)


async def eventually(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not holds():
        assert await until(deadline_s), f"{holds} did not hold within a minute"


async def test_a_program_that_ends_is_started_again_and_again() -> None:
    """It comes back however often it ends, whatever its exit code, and the log tells why and when."""
    with capture_logs() as said:
        async with Supervisor() as supervisor:
            await supervisor.bring_up(python("ingest", "raise SystemExit(3)"))
            await eventually(lambda: supervisor.statuses()[0].restarts >= 3)
            assert supervisor.statuses()[0].last_exit == 3
    assert [line["event"] for line in said[:6]] == ["starting", "up", "died", "restarting", "starting", "up"]
    assert said[2]["exit"] == "exit code 3"
    assert [line["in_s"] for line in said if line["event"] == "restarting"][:3] == [0.2, 0.4, 0.8]


async def test_a_killed_database_is_back_at_the_same_address(tmp_path: Path) -> None:
    """After kill -9 of the embedded PostgreSQL its DSN answers again, with the committed row."""
    server = PostgresServer(tmp_path / "postgres")
    async with Supervisor() as supervisor:
        await supervisor.bring_up(server)
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (41)")
        before = supervisor.statuses()[0]
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        await eventually(lambda: supervisor.statuses()[0].restarts == 1)
        await eventually(lambda: supervisor.statuses()[0].state == State.UP)
        after = supervisor.statuses()[0]
        assert after.pid != before.pid
        assert after.since > before.since
        assert after.last_exit == -signal.SIGKILL
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(41,)]


async def test_a_server_that_fails_to_come_back_is_tried_until_it_does(tmp_path: Path) -> None:
    """A restart that fails is no end: it is logged, and tried again."""
    server = PostgresServer(tmp_path / "postgres")
    operator = tmp_path / "postgres" / "cluster" / "operator.conf"
    with capture_logs() as said:
        async with Supervisor() as supervisor:
            await supervisor.bring_up(server)
            operator.write_text("work_mem = 'plenty'\n")
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await eventually(lambda: any(line["event"] == "not started" for line in said))
            operator.unlink()
            await eventually(lambda: supervisor.statuses()[0].state == State.UP)
    assert "work_mem" in next(line["reason"] for line in said if line["event"] == "not started")


async def test_what_cannot_start_at_first_is_an_error(tmp_path: Path) -> None:
    """The first start either works or raises, and what was already up is stopped."""
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    with pytest.raises(ServerDidNotStart):
        async with Supervisor() as supervisor:
            await supervisor.bring_up(python("engine", IDLE))
            pid = supervisor.statuses()[0].pid
            await supervisor.bring_up(PostgresServer(tmp_path / "postgres"))
    assert pid is not None
    assert not is_alive(pid)


async def test_everything_is_asked_to_stop_in_reverse_order(tmp_path: Path) -> None:
    """The last started ends first, each on SIGTERM."""
    notes = tmp_path / "notes"
    names = ["first", "second", "third"]
    async with Supervisor() as supervisor:
        for name in names:
            await supervisor.bring_up(python(name, NOTES_ITS_END, notes, name))
        await eventually(lambda: all(Path(f"{notes}.{name}").exists() for name in names))
    assert notes.read_text().split() == ["third", "second", "first"]
    assert [(status.state, status.pid, status.last_exit) for status in supervisor.statuses()] == [
        (State.STOPPED, None, None)
    ] * 3


async def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    """A program deaf to SIGTERM is ended by force after its patience."""
    deaf = tmp_path / "deaf"
    program = python("deaf", STUBBORN + IDLE, deaf, patience_s=0.3)
    async with Supervisor() as supervisor:
        await supervisor.bring_up(program)
        await eventually(deaf.exists)
    assert await program.wait() == -signal.SIGKILL


async def test_a_program_that_cannot_even_be_spawned_says_so() -> None:
    """An argument that no operating system takes is an error of ours, naming the program."""
    with pytest.raises(ProgramNotStarted, match="ingest is not started"):
        async with Supervisor() as supervisor:
            await supervisor.bring_up(Program("ingest", ["true", "x" * 10_000_000]))


async def test_a_supervision_that_fails_ends_the_supervisor() -> None:
    """Rather than going on with something unwatched, the block is cancelled and everything stopped."""

    class Broken(Program):
        async def wait(self) -> int:
            raise RuntimeError("no longer watching")

    program = Broken("broken", [sys.executable, "-c", IDLE])
    with pytest.raises(RuntimeError, match="no longer watching"):
        async with Supervisor() as supervisor:
            await supervisor.bring_up(program)
            await asyncio.Event().wait()
    assert program.pid is None


@contextmanager
def supervisor_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    argv = [sys.executable, "-P", str(Path(__file__).with_name("supervisor.py")), str(folder)]
    with subprocess.Popen(argv, text=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            pids: dict[str, int] = {}
            while not pids:
                line = process.stdout.readline()
                pids = json.loads(line) if line.startswith("{") else {}
            yield process, list(pids.values())
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    """On SIGTERM, and on Ctrl-C, everything ends and the exit code is 0."""
    with supervisor_process(tmp_path) as (process, pids):
        assert all(map(is_alive, pids))
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert not any(map(is_alive, pids))
    assert not (tmp_path / "postgres" / "cluster" / "postmaster.pid").exists()


def test_killed_it_takes_everything_along(tmp_path: Path) -> None:
    """After kill -9 of the supervisor nothing of it is left, and the next one serves."""
    with supervisor_process(tmp_path) as (first, pids):
        first.kill()
        wait_until(lambda: not any(map(is_alive, pids)))
    with supervisor_process(tmp_path) as (_, pids):
        assert all(map(is_alive, pids))
