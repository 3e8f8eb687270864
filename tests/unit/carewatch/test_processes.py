"""What can be run, and how each process tells how it is."""

import inspect
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


def test_on_a_busy_machine_telemetry_and_pages_give_way_to_alarms() -> None:
    """A process of each kind takes its place; nobody gives way to telemetry."""
    line = (
        "import os; from carewatch.processes import PROCESSES as P; P['{}'].prioritise(); print(os.getpriority(0, 0))"
    )

    def taken(name: ProcessName) -> int:
        run = subprocess.run([sys.executable, "-P", "-c", line.format(name)], capture_output=True, check=True)
        return int(run.stdout)

    assert taken(ProcessName.INGEST_TELEMETRY) >= 5 > taken(ProcessName.INGEST_ALARM)


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
