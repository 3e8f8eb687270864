"""A private installation in one folder: servers, processes and phone network of its own, on free ports of this machine.

What a demo, a drill and tests run on. It reads nothing from the environment, so that nothing of a real installation
can leak in, and its phone network is the stand-in: it reaches no real phone.
"""

import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx

from alerting.deployment import Deployment
from carewatch.embedded.ports import RememberedPorts
from carewatch.embedded.processes import until
from carewatch.errors import CarewatchError
from carewatch.processes import PROCESSES, ProcessName
from carewatch.settings import PREFIX, Settings, load
from carewatch.supervise import OWN_COMMAND, Program, Supervisor
from carewatch.system import SERVING_WITHIN_S, not_serving, start_processes, start_servers
from simulator.responders import NUMBER_PREFIX

OWN_NUMBER: Final = f"{NUMBER_PREFIX}99999999"
"""Ours on the stand-in."""

STEPS: Final = 3 + len(PROCESSES)
"""How many steps :func:`running` tells of."""


class NotServing(CarewatchError):
    """Some processes do not serve: which, why, and where their logs are."""

    def __init__(self, reasons: Mapping[str, str], logs: Path) -> None:
        self.reasons = dict(reasons)
        lines = [f"  {name}: {reason}; see {logs / f'{name}.log'}" for name, reason in reasons.items()]
        super().__init__("\n".join(["these processes do not serve:", *lines]))


class PrivateInstallation:
    """Its settings, written to ``carewatch.toml`` in its folder so that any command can be pointed at it."""

    def __init__(self, folder: Path, deployment: Deployment, **ports: int) -> None:
        """Choose ports and secrets; a folder that was used before keeps its ports.

        Args:
            folder: becomes its own, rights 0700.
            deployment: anything but production.
            ports: fixed ones, by name: ``web``, ``console``, ``broker``, ``phone``; all others are any free ones.
        """
        assert deployment.synthetic
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs = self.folder / "log"
        self.logs.mkdir(exist_ok=True)
        self.config = self.folder / "carewatch.toml"
        observed = [f"observe_{name}".replace("-", "_") for name in ProcessName]
        free = dict.fromkeys(["web", "console", "broker", "phone", *observed], 0)
        with RememberedPorts(self.folder / "ports.json", {**free, **ports}).reserved() as chosen:
            self.config.touch(mode=0o600)
            self.config.write_text(_toml(_stated(self.folder, deployment, chosen)))
        self.settings: Settings = load(self.config, environment=False)

    @property
    def words(self) -> tuple[str, str]:
        """What makes a command read these settings, to stand before its name."""
        return "--config", str(self.config)

    @property
    def phone_url(self) -> str:
        """Where the stand-in for the phone network is."""
        assert self.settings.twilio is not None
        return self.settings.twilio.base_url


@asynccontextmanager
async def running(
    installation: PrivateInstallation,
    *,
    step: Callable[[str], None] = lambda name: None,
    prepare: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Supervisor]:
    """Everything of ``installation`` runs while entered; ``step`` is told of each step that is done, and ``prepare``
    finds a migrated database before any process does.

    Raises EmbeddedServerError, StoreError, or :class:`NotServing`.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    async with Supervisor() as supervisor:
        await start_servers(installation.settings, supervisor)
        if prepare is not None:
            await prepare()
        step("broker and database")
        words = [*OWN_COMMAND, *installation.words, "stand-in"]
        log = installation.logs / "phone.log"
        await supervisor.bring_up(Program("phone", words, env=environment, output=log))
        await _answering(installation.phone_url, log)
        step("phone network")
        await start_processes(supervisor, installation.words, env=environment, logs=installation.logs)
        step("processes")
        missing = await not_serving(installation.settings, served=lambda name: step(f"{name} serves"))
        if missing:
            raise NotServing(dict(missing.items()), installation.logs)
        yield supervisor


async def _answering(url: str, log: Path) -> None:
    """Wait until the stand-in answers: a sender that finds none refuses to start."""
    deadline_s = time.monotonic() + SERVING_WITHIN_S
    async with httpx.AsyncClient(trust_env=False) as client:
        while await until(deadline_s):
            with suppress(httpx.HTTPError):
                await client.get(url)
                return
    raise NotServing({"phone": f"no answer at {url}"}, log.parent)


def _stated(folder: Path, deployment: Deployment, ports: Mapping[str, int]) -> dict[str, Any]:
    web = f"http://127.0.0.1:{ports['web']}"
    return {
        "deployment": deployment.value,
        "folder": str(folder),
        "broker_port": ports["broker"],
        "public_url": web,
        "log": {"format": "json"},
        "web": {"port": ports["web"]},
        "console": {"port": ports["console"], "console_url": f"http://127.0.0.1:{ports['console']}"},
        "observe": {name.removeprefix("observe_"): port for name, port in ports.items() if name.startswith("observe_")},
        "twilio": {
            "account_sid": f"AC{secrets.token_hex(16)}",
            "auth_token": secrets.token_urlsafe(24),
            "voice_number": OWN_NUMBER,
            "base_url": f"http://127.0.0.1:{ports['phone']}",
            "overseas": False,
            "calls_per_s": 20.0,
            "messages_per_s": 20.0,
        },
    }


def _toml(stated: Mapping[str, Any]) -> str:
    """Tables one deep; a JSON string, number or truth value is written the same way in TOML."""
    plain = {name: value for name, value in stated.items() if not isinstance(value, dict)}
    lines = ["# Written anew at every start.", *_lines(plain)]
    for name, table in stated.items():
        if isinstance(table, dict):
            lines += [f"\n[{name}]", *_lines(table)]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in table.items()]
