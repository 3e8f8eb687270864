"""The commands that enrol: import, export, devices, keys, as an administrator types them."""

import asyncio
import csv
import io
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from fixtures.town import build_town
from typer.testing import CliRunner, Result

from carewatch.__main__ import app
from store.pool import open_database

Command = Callable[..., Result]


@pytest.fixture
def command(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Type a command, in an installation whose database holds one home."""

    async def fill() -> None:
        async with open_database(dsn, "test") as database, database.transaction() as connection:
            await build_town(connection)

    asyncio.run(fill())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAREWATCH_DSN", dsn)
    monkeypatch.setenv("CAREWATCH_BROKER_URL", "mqtt://carewatch:a%20long%20word@127.0.0.1:1883")

    def typed(*words: str, fails: bool = False) -> Result:
        result = CliRunner().invoke(app, list(words))
        assert (result.exit_code != 0) == fails, f"{words}: {result.output}"
        return result

    return typed


def _passwords(result: Result) -> dict[str, str]:
    return {row["device_id"]: row["password"] for row in csv.DictReader(io.StringIO(result.stdout))}


def test_a_device_is_registered_bound_moved_and_retired(command: Command, tmp_path: Path) -> None:
    """Its password is shown once; after retirement the broker's files know it no more."""
    shown = _passwords(command("devices", "register", "new-1", "--cell", "qinghe", "--model", "test-button"))
    assert len(shown["new-1"]) == 24
    assert (
        "registered already"
        in command("devices", "register", "new-1", "--cell", "qinghe", "--model", "test-button", fails=True).stderr
    )
    command("devices", "bind", "new-1", "--household", "home-1", "--resident", "zhang-1", "--room", "卧室")
    refused = command("devices", "bind", "new-1", "--household", "home-9", fails=True)
    assert "household is 'home-9'" in refused.stderr
    command("devices", "move", "new-1", "--cell", "county")
    command("devices", "broker-users", "nats", "before")
    users = (tmp_path / "before" / "users.conf").read_text()
    assert "care.county.new-1.alarm" in users
    assert shown["new-1"] not in users
    command("devices", "retire", "new-1")
    command("devices", "broker-users", "nats", "after")
    assert "new-1" not in (tmp_path / "after" / "users.conf").read_text()


def test_devices_without_a_password_are_given_one_into_a_file_for_its_owner(command: Command, tmp_path: Path) -> None:
    """All that miss one at once; a new one makes the old one void."""
    command("devices", "credentials", "--missing", "--out", "passwords.csv")
    path = tmp_path / "passwords.csv"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open() as stream:
        first = {row["device_id"]: row["password"] for row in csv.DictReader(stream)}
    assert set(first) == {"button-1", "smoke-1", "band-1", "motion-1"}
    assert _passwords(command("devices", "credentials", "--missing")) == {}
    second = _passwords(command("devices", "credentials", "button-1"))
    assert second["button-1"] != first["button-1"]
    command("devices", "broker-users", "mosquitto", "files")
    assert "care/qinghe/button-1/alarm" in (tmp_path / "files" / "acl").read_text()
    command("devices", "broker-users", "nats", "files")
    line = next(line for line in (tmp_path / "files" / "users.conf").read_text().splitlines() if '"button-1"' in line)
    hashed = line.split('"')[3].encode()
    assert bcrypt.checkpw(second["button-1"].encode(), hashed)
    assert not bcrypt.checkpw(first["button-1"].encode(), hashed)


def test_a_home_is_exported_changed_and_imported_again(command: Command, tmp_path: Path) -> None:
    """A dry run tells what would change, the import says what did."""
    command("export", "out", "--format", "csv")
    path = tmp_path / "out" / "households.csv"
    path.write_text(path.read_text().replace("三组1号", "四组2号"))
    told = command("import", str(path), "--dry-run").stdout
    assert "address: '三组1号' → '四组2号'" in told
    assert "nothing was kept" in told
    assert "households: 0 new, 1 changed, 0 unchanged" in command("import", str(path)).stdout
    assert "households: 0 new, 0 changed, 1 unchanged" in command("import", str(path)).stdout


def test_an_import_with_faults_names_them_and_fails(command: Command, tmp_path: Path) -> None:
    """Each on a line of its own; nothing is kept."""
    path = tmp_path / "households.csv"
    path.write_text("code,organisation,community,address\nhome-7,nowhere,x,\nhome-8,heping,x,x\n")
    refused = command("import", str(path), fails=True)
    assert "households.csv:2: address is '': is needed" in refused.stderr
    assert "households.csv:2: organisation is 'nowhere': must be the code" in refused.stderr
    assert "2 faults; nothing was kept" in refused.stderr


def test_the_first_key_is_made_at_the_command_line(command: Command) -> None:
    """Shown once; not for an organisation that is not there."""
    assert command("keys", "create", "county", "--name", "first", "--scope", "manage").stdout.startswith("cw_")
    refused = command("keys", "create", "nowhere", "--name", "x", "--scope", "read", fails=True)
    assert "no organisation 'nowhere'" in refused.stderr
