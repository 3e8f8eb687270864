"""Settings: read from several places, judged together, and handed down."""

import os
from pathlib import Path

import pytest

from alerting.deployment import Deployment
from carewatch.errors import SettingsFault
from carewatch.settings import load, sections
from carewatch.settings_page import page

TWILIO = {
    "CAREWATCH_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "CAREWATCH_TWILIO__AUTH_TOKEN": "a token of some length",
    "CAREWATCH_TWILIO__VOICE_NUMBER": "+441632960000",
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CAREWATCH_"):
            monkeypatch.delenv(name)


def faults() -> dict[str, str]:
    """What is wrong with the settings as they are stated now."""
    with pytest.raises(SettingsFault) as refused:
        load()
    return {fault.name: f"{fault.value}: {fault.allowed}" for fault in refused.value.faults}


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    """Without any setting there is a database and a broker of our own, and every section knows where they are."""
    settings = load(folder=tmp_path)
    assert settings.deployment is Deployment.PRODUCTION
    assert "database" in settings.database_dsn
    assert settings.broker == "mqtt://127.0.0.1:1883"
    assert {settings.engine.dsn, settings.sender.dsn, settings.web.dsn} == {settings.database_dsn}


def test_what_is_stated_once_reaches_every_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """DSN, public URL, deployment and provider are stated at the top and handed down."""
    for name, value in {
        **TWILIO,
        "CAREWATCH_DSN": "postgresql://carewatch@db/carewatch",
        "CAREWATCH_PUBLIC_URL": "https://care.example",
        "CAREWATCH_WEB__PORT": "8000",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.engine.dsn == settings.web.dsn == "postgresql://carewatch@db/carewatch"
    assert settings.sender.twilio == settings.web.twilio == settings.twilio
    assert settings.twilio is not None
    assert settings.twilio.public_url == settings.web.public_url == "https://care.example"
    assert settings.web.port == 8000


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of several sources the first counts: command line, environment, file."""
    file = tmp_path / "carewatch.toml"
    file.write_text('folder = "/one"\npublic_url = "http://of.file"\n[web]\nport = 1\nconnections = 3\n')
    monkeypatch.setenv("CAREWATCH_WEB__PORT", "2")
    monkeypatch.setenv("CAREWATCH_FOLDER", "/two")
    settings = load(file, folder=tmp_path)
    assert (settings.folder, settings.web.port, settings.web.connections) == (tmp_path, 2, 3)
    assert settings.public_url == settings.web.public_url == "http://of.file"


def test_every_fault_is_told_at_once_with_name_value_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look shows all that is wrong, each once, whatever sections it was handed to."""
    for name, value in {
        "CAREWATCH_DEPLOYMENT": "live",
        "CAREWATCH_PUBLIC_URL": "care.example/",
        "CAREWATCH_WEB__PORT": "http",
        "CAREWATCH_SENDER__POLL": "3",
        "CAREWATCH_TWILIO__ACCOUNT_SID": "mine",
        "CAREWATCH_TWILIO__AUTH_TOKEN": "changeme",
        "CAREWATCH_COLOUR": "red",
    }.items():
        monkeypatch.setenv(name, value)
    found = faults()
    assert set(found) == {
        "deployment",
        "public_url",
        "web.port",
        "sender.poll",
        "twilio.account_sid",
        "twilio.auth_token",
        "twilio.voice_number",
        "CAREWATCH_COLOUR",
    }
    assert "'live'" in found["deployment"]
    assert "'production', 'demo'" in found["deployment"]
    assert found["web.port"].startswith("'http': Input should be a valid integer")
    assert found["twilio.voice_number"] == "(not set): Field required"


def test_secrets_are_not_shown_in_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of a secret says what is wrong with it, and not what it is."""
    monkeypatch.setenv("CAREWATCH_DSN", "postgresql://carewatch:secret@db/carewatch")
    monkeypatch.setenv("CAREWATCH_TWILIO__AUTH_TOKEN", "changeme")
    found = faults()
    assert "placeholder" in found["dsn"]
    assert "secret@" not in found["dsn"]
    assert "changeme" not in found["twilio.auth_token"]


@pytest.mark.parametrize("name", ["CAREWATCH_DSN", "CAREWATCH_BROKER_URL"])
def test_a_placeholder_password_is_refused_outside_the_demo(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies an example must put in a secret of their own, unless it is only a demo."""
    scheme = "mqtt" if "BROKER" in name else "postgresql"
    monkeypatch.setenv(name, f"{scheme}://carewatch:changeme@host/x")
    assert "placeholder" in next(iter(faults().values()))
    monkeypatch.setenv("CAREWATCH_DEPLOYMENT", "demo")
    load()


@pytest.mark.parametrize("deployment", [one for one in Deployment if one.synthetic])
def test_a_synthetic_home_never_reaches_a_real_phone(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real provider every deployment but production refuses to start, and says why; a stand-in will do."""
    for name, value in TWILIO.items():
        monkeypatch.setenv(name, value)
    load()
    monkeypatch.setenv("CAREWATCH_DEPLOYMENT", deployment)
    assert "https://api.twilio.com is a real provider" in faults()["twilio"]
    monkeypatch.setenv("CAREWATCH_TWILIO__BASE_URL", "http://127.0.0.1:8081")
    load()


def test_a_file_that_is_no_toml_is_a_fault(tmp_path: Path) -> None:
    """A broken or missing file is told like any other fault."""
    (tmp_path / "broken.toml").write_text("folder = [")
    for name in ("broken.toml", "missing.toml"):
        with pytest.raises(SettingsFault, match=name):
            load(tmp_path / name)


def test_an_embedded_broker_that_listens_to_a_network_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody could press for anybody; with a password CareWatch itself signs in with it."""
    monkeypatch.setenv("CAREWATCH_BROKER_HOST", "0.0.0.0")
    assert "anybody could press for anybody" in faults()["broker_password"]
    monkeypatch.setenv("CAREWATCH_BROKER_PASSWORD", "open/sesame:12")
    settings = load()
    assert settings.broker == "mqtt://platform:open%2Fsesame%3A12@127.0.0.1:1883"
    assert settings.ingest.broker.password is not None
    assert settings.ingest.broker.password.get_secret_value() == "open/sesame:12"


def test_the_page_of_settings_is_the_one_that_is_written_from_them() -> None:
    """docs/settings.md is what `carewatch settings` prints, and tells what each setting means."""
    written = (Path(__file__).parents[3] / "docs" / "settings.md").read_text("utf-8")
    assert written == page()
    assert [line for line in written.splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


def test_every_section_refuses_names_it_does_not_know() -> None:
    """A misspelt setting is never passed over."""
    assert {name for name, kind in sections().items() if kind.model_config.get("extra") != "forbid"} == set()


def test_a_provider_of_identities_is_stated_whole_and_reached_safely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http only on this machine; a client id; grants of roles that people have."""
    monkeypatch.setenv("CAREWATCH_CONSOLE__OIDC_ISSUER", "http://id.example")
    assert "must be https" in faults()["console.oidc_issuer"]
    monkeypatch.setenv("CAREWATCH_CONSOLE__OIDC_ISSUER", "http://127.0.0.1:8800")
    assert "needed" in faults()["console.oidc_client_id"]
    monkeypatch.setenv("CAREWATCH_CONSOLE__OIDC_CLIENT_ID", "carewatch")
    monkeypatch.setenv("CAREWATCH_CONSOLE__OIDC_GRANTS", '{"all": {"role": "system", "organisation": "county"}}')
    assert "for the platform itself" in faults()["console.oidc_grants.all.role"]
    monkeypatch.setenv("CAREWATCH_CONSOLE__OIDC_GRANTS", '{"all": {"role": "operator", "organisation": "county"}}')
    assert load().console.oidc_grants["all"].grant.organisation == "county"
