"""What can be run, and how each process tells how it is."""

import inspect
import socket
import subprocess
import sys
import typing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from carewatch.observe import said
from carewatch.processes import PROCESSES, ProcessName
from carewatch.settings import load
from domain.health import Health

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_is_given_the_config_it_asks_for(name: ProcessName, tmp_path: Path) -> None:
    """The settings hold, for each process, exactly what its ``run`` takes."""
    process = PROCESSES[name]
    run = import_module(process.module).run
    assert list(inspect.signature(run).parameters)[:4] == ["config", "clock", "stop", "health"]
    wanted = typing.get_type_hints(run)["config"]
    assert type(process.config(load(folder=tmp_path))) is wanted


def _taken(name: ProcessName, *, session: bool) -> tuple[int, str]:
    """The niceness that a process of this kind takes, and what the kernel says of its session."""
    line = (
        "import os, pathlib; from carewatch.processes import PROCESSES as P; P['{}'].prioritise();"
        " group = pathlib.Path('/proc/self/autogroup');"
        " print(os.getpriority(0, 0), group.read_text() if group.exists() else 'no groups')"
    )
    argv = [sys.executable, "-P", "-c", line.format(name)]
    said = subprocess.run(argv, capture_output=True, check=True, text=True, start_new_session=session).stdout
    own, _, group = said.strip().partition(" ")
    return int(own), group


def test_on_a_busy_machine_telemetry_and_pages_give_way_to_alarms() -> None:
    """A process of each kind takes its place; nobody gives way to telemetry."""
    telemetry, group = _taken(ProcessName.INGEST_TELEMETRY, session=True)
    assert telemetry >= 5 > _taken(ProcessName.INGEST_ALARM, session=True)[0]
    assert group == "no groups" or group.endswith(f"nice {telemetry}")


def test_a_process_started_at_a_terminal_leaves_the_session_of_others_as_it_is() -> None:
    """The shell and what else runs in it must not wait because telemetry does."""
    _, group = _taken(ProcessName.INGEST_TELEMETRY, session=False)
    before = Path("/proc/self/autogroup").read_text().strip() if group != "no groups" else group
    assert group == before


def test_a_process_whose_port_is_taken_says_so_in_one_line(tmp_path: Path) -> None:
    """Most likely it runs already."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = tmp_path / "carewatch.toml"
        config.write_text(f'folder = "{tmp_path}"\n[observe]\nsender = {port}\n')
        argv = [sys.executable, "-P", "-m", "carewatch", "--config", str(config), "run", "sender"]
        run = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 1
    said = " ".join(run.stderr.split())
    assert said.endswith(f"cannot listen on 127.0.0.1:{port}: Address already in use; is it running already?")


def test_every_process_has_a_port_of_its_own(tmp_path: Path) -> None:
    """No two processes of one machine get in each other's way by default."""
    settings = load(folder=tmp_path)
    ports = [settings.observe.port(name) for name in ProcessName]
    assert len({*ports, settings.web.port, settings.broker_port}) == len(ProcessName) + 2


def test_health_tells_what_is_wrong_and_how_long_it_has_been_well() -> None:
    """Each component is told with its reason and the age of its last success."""
    health = Health()
    health.well("database", NOON)
    health.well("broker", NOON)
    health.unwell("broker", "it refuses us: check broker_url", NOON + timedelta(seconds=5))
    told = said("engine", health, NOON + timedelta(seconds=8))
    assert told["ok"] is False
    assert told["components"]["database"]["last_ok_age_s"] == 8
    assert told["components"]["broker"]["reason"] == "it refuses us: check broker_url"


def test_health_is_not_well_before_a_process_serves() -> None:
    """Every process names what must be well before it counts as serving."""
    assert all(process.ready for process in PROCESSES.values())
