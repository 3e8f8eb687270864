"""The doctor finds what is wrong, says how to mend it, and lets alone what is well."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fixtures.town import NOON
from fixtures.waiting import wait_until
from typer.testing import CliRunner

from carewatch.__main__ import app
from carewatch.doctor import broker, database, machine
from carewatch.doctor.finding import Finding, Level
from carewatch.embedded.processes import dying_with_parent
from carewatch.observe import observed
from carewatch.settings import load
from domain.health import Health


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {one.what: one for one in found}


@contextmanager
def mosquitto(folder: Path, *lines: str) -> Iterator[str]:
    """The URL of a mosquitto with these settings, and otherwise its defaults."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join([f"listener {port} 127.0.0.1", "allow_anonymous true", "user root", *lines, ""]))
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert binary is not None, "mosquitto is missing: make system"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*dying_with_parent(signal.SIGTERM), binary, "-c", configuration], stderr=log)

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(answers)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


async def test_the_embedded_broker_keeps_its_queue_and_refuses_spaces(broker_url: str) -> None:
    """nats-server passes, but for the spaces in names that it is known for."""
    found = by_name(await broker.look(broker_url))
    assert found["broker"].level is Level.OK
    assert found["broker queue"].level is Level.OK
    assert found["broker topics"].level is Level.WARNING
    assert "without spaces" in found["broker topics"].mend


async def test_mosquitto_as_it_comes_loses_what_it_acknowledged_and_the_doctor_says_so(tmp_path: Path) -> None:
    """Its default queue silently drops; that is tried, not guessed, and with the setting that mends it, it passes."""
    with mosquitto(tmp_path) as url:
        found = by_name(await broker.look(url))
    assert found["broker queue"].level is Level.ERROR
    assert "max_queued_messages 0" in found["broker queue"].mend
    assert found["broker kind"].level is Level.WARNING
    with mosquitto(tmp_path, "max_queued_messages 0") as url:
        assert by_name(await broker.look(url))["broker queue"].level is Level.OK


async def test_a_broker_that_is_not_there_is_an_error_without_its_password() -> None:
    """The address is told, the password is not."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    [found] = await broker.look(f"mqtt://platform:sesame@127.0.0.1:{port}")
    assert found.level is Level.ERROR
    assert f"127.0.0.1:{port}" in found.seen
    assert "sesame" not in found.seen


async def test_a_database_that_forgets_is_an_error_and_a_migrated_one_is_not(dsn: str) -> None:
    """The databases of tests are migrated, and forget everything in a power cut."""
    found = by_name(await database.look(dsn))
    assert found["database schema"].level is Level.OK
    assert found["clock"].level is Level.OK
    assert found["database synchronous_commit"].level is Level.OK  # every session of ours turns it on
    assert found["database fsync"].level is found["database full_page_writes"].level is Level.ERROR
    assert "fsync = on" in found["database fsync"].mend


async def test_migrations_that_are_missing_or_unknown_are_errors(dsn: str) -> None:
    """An old database wants to be migrated; a newer one wants a newer program."""
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM migrations WHERE number = 1")
    found = by_name(await database.look(dsn))["database schema"]
    assert (found.level, found.mend) == (Level.ERROR, "carewatch migrate")
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO migrations (number, name, checksum) VALUES (9999, 'of tomorrow', '')")
    found = by_name(await database.look(dsn))["database schema"]
    assert "[9999]" in found.seen


async def test_an_empty_database_wants_to_be_migrated(postgres_cluster: str) -> None:
    """Nothing is there yet: that is said, instead of a missing table."""
    found = by_name(await database.look(postgres_cluster))["database schema"]
    assert (found.level, found.mend) == (Level.ERROR, "carewatch migrate")


async def test_processes_are_well_unwell_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process says of itself is passed on; a stranger on its port is called one."""
    health = Health()
    health.well("database", NOON)
    health.unwell("broker", "it refuses us", NOON)
    async with (
        observed("127.0.0.1", 0, "engine", health, lambda: NOON) as engine,
        observed("127.0.0.1", 0, "somebody", Health(), lambda: NOON) as stranger,
    ):
        for name, url in (("ENGINE", engine), ("SENDER", stranger)):
            monkeypatch.setenv(f"CAREWATCH_OBSERVE__{name}", url.rpartition(":")[2])
        found = by_name(await machine.processes(load(folder=tmp_path)))
    assert found["process engine"].seen == "broker: it refuses us"
    assert "another program" in found["process sender"].seen
    assert found["process web"].level is Level.WARNING


def test_the_command_exits_with_one_and_tells_every_finding(tmp_path: Path) -> None:
    """With nothing running there is a lot to mend, as JSON too."""
    arguments = ["--folder", str(tmp_path), "doctor", "--json"]
    result = CliRunner().invoke(app, arguments, env={"CAREWATCH_BROKER_PORT": "1"})
    assert result.exit_code == 1
    found = {one["what"]: one["level"] for one in json.loads(result.stdout)}
    assert found["broker"] == found["database"] == found["provider"] == "error"
    assert found["disk"] in ("ok", "warning")


def test_settings_that_cannot_be_used_are_findings(tmp_path: Path) -> None:
    """The doctor does not fall ill with the patient."""
    result = CliRunner().invoke(app, ["--folder", str(tmp_path), "doctor"], env={"CAREWATCH_WEB__PORT": "http"})
    assert result.exit_code == 1
    assert "setting web.port" in result.stdout
