"""The whole system on this machine: servers of its own where none are stated, migrations, and every process."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from carewatch.broker_users import BrokerUsers
from carewatch.embedded.processes import until
from carewatch.processes import PROCESSES, ProcessName
from carewatch.settings import Settings
from carewatch.supervise import OWN_COMMAND, Program, Supervisor
from store.migrate import migrate

SERVING_WITHIN_S: Final = 120.0
"""How long processes may take to serve: on the smallest machine, with a broker and a database that recover."""


async def start_servers(settings: Settings, supervisor: Supervisor) -> BrokerUsers | None:
    """Start the embedded database and broker, whichever is not stated, and bring the database up to date. Returns the
    broker's users, to be kept in step with the devices, if it has any.

    Raises EmbeddedServerError or StoreError.
    """
    if settings.dsn is None:
        await supervisor.bring_up(settings.embedded_database())
    await asyncio.to_thread(migrate, settings.database_dsn)
    if settings.broker_url is not None:
        return None
    broker, users = settings.embedded_broker(), None
    if settings.broker_login is not None:
        users = BrokerUsers(settings, broker, settings.broker_users_file)
        await users.write()
    await supervisor.bring_up(broker)
    return users


async def start_processes(
    supervisor: Supervisor,
    words: Iterable[str],
    *,
    names: Iterable[ProcessName] = tuple(PROCESSES),
    env: Mapping[str, str] | None = None,
    logs: Path | None = None,
) -> None:
    """Start an OS process for each of ``names``.

    Args:
        supervisor: keeps them alive, and ends them.
        words: stand before ``run`` on their command line, so that they read the same settings.
        names: which ones.
        env: their whole environment; None hands on ours.
        logs: a folder with a log file for each; None leaves their logs to the terminal.
    """
    for name in names:
        output = logs / f"{name}.log" if logs else None
        await supervisor.bring_up(Program(name, [*OWN_COMMAND, *words, "run", name], env=env, output=output))


async def not_serving(
    settings: Settings,
    names: Iterable[ProcessName] = tuple(PROCESSES),
    *,
    within_s: float = SERVING_WITHIN_S,
    served: Callable[[ProcessName], None] = lambda name: None,
) -> dict[ProcessName, str]:
    """Wait until every process is well, telling ``served`` of each, and return those that are not, with the reason."""
    missing = dict.fromkeys(names, "it does not answer")
    deadline_s = time.monotonic() + within_s
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
        while missing:
            for name in tuple(missing):
                reason = await _unwell(client, settings.observe.url(name))
                if reason:
                    missing[name] = reason
                else:
                    del missing[name]
                    served(name)
            if missing and not await until(deadline_s):
                break
    return missing


async def _unwell(client: httpx.AsyncClient, url: str) -> str:
    """What is wrong with the process that tells about itself at ``url``; empty if nothing is."""
    try:
        said = (await client.get(f"{url}/health")).json()
    except (httpx.HTTPError, ValueError) as error:
        return f"it does not answer at {url} ({type(error).__name__})"
    unwell = [f"{name}: {one['reason']}" for name, one in said["components"].items() if not one["ok"]]
    return "; ".join(unwell)


def addresses(settings: Settings) -> Sequence[tuple[str, str]]:
    """Where everything is, fit to be shown."""
    ports = ", ".join(f"{name} {settings.observe.port(name)}" for name in PROCESSES)
    return [
        ("console", settings.console.console_url),
        ("console", settings.console.console_url),
        ("REST interface", f"{settings.public_url}/api/v1"),
        ("broker", without_password(settings.broker)),
        ("database", without_password(settings.database_dsn)),
        ("health, metrics", f"http://{settings.observe.host}:PORT/health and /metrics: {ports}"),
    ]


def without_password(url: str) -> str:
    """``url`` with its password, if any, replaced by asterisks."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{place}"))
