"""What is shipped for deployment names settings and processes that exist."""

import re
from pathlib import Path
from typing import Any

import yaml

from carewatch.processes import ProcessName
from carewatch.settings import Settings

_ROOT = Path(__file__).parents[3]


def services() -> dict[str, Any]:
    """The services of the compose file."""
    compose: dict[str, Any] = yaml.safe_load((_ROOT / "docker-compose.yml").read_text("utf-8"))
    return dict(compose["services"])


def test_the_compose_file_runs_every_process_once() -> None:
    """One service for each process, by its name."""
    running = {tuple(service["command"]) for service in services().values() if service.get("command", [""])[0] == "run"}
    assert running == {("run", name.value) for name in ProcessName}


def test_the_compose_file_states_only_settings_that_exist() -> None:
    """A misspelt variable would be refused at the start; here it is found before."""
    stated = {
        name
        for service in services().values()
        for name in service.get("environment", {})
        if name.startswith("CAREWATCH_")
    }
    assert stated
    for variable in stated:
        first, *rest = variable.removeprefix("CAREWATCH_").lower().split("__")
        assert first in Settings.model_fields, variable
        kind = Settings.model_fields[first].annotation
        for part in rest:
            fields = getattr(kind, "model_fields", {})
            assert part in fields, variable
            kind = fields[part].annotation


def test_no_secret_stands_in_a_file_that_is_shipped() -> None:
    """Secrets come from the environment, and there is no default for them."""
    compose = (_ROOT / "docker-compose.yml").read_text("utf-8")
    for secret in ("POSTGRES_PASSWORD", "BROKER_PASSWORD"):
        assert re.search(rf"\$\{{{secret}:\?", compose), secret
    example = (_ROOT / "deploy" / "compose" / "example.env").read_text("utf-8")
    assert re.findall(r"^(?:\w*PASSWORD|\w*SECRET)=(.+)$", example, re.MULTILINE) == []


def test_the_image_copies_every_package() -> None:
    """A package that is forgotten there is missing in production only."""
    dockerfile = (_ROOT / "Dockerfile").read_text("utf-8")
    for package in ("alerting", "api", "carewatch", "devices", "domain", "ingest", "simulator", "store"):
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}\n" in (_ROOT / ".dockerignore").read_text("utf-8")
