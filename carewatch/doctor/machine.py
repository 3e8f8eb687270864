"""The doctor looks at this machine, at the processes on it, and at the provider."""

import shutil
import socket
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import httpx

from alerting.channels.twilio_account import TwilioConfig
from alerting.deployment import Deployment, refuse_real_providers
from alerting.errors import RealProvider
from carewatch.doctor.finding import Finding, error, ok, warning
from carewatch.processes import PROCESSES, ProcessName
from carewatch.settings import Settings

_WITHIN_S: Final = 5.0
_GIB: Final = 1024**3
_LEAST_GIB, _COMFORTABLE_GIB = 1, 10


def disk(folder: Path) -> Finding:
    """Room where the embedded servers live, or will."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free / _GIB
    seen = f"{free:.1f} GiB free at {there}"
    if free < _LEAST_GIB:
        return error("disk", seen, "make room: a full disk stops database and broker")
    return ok("disk", seen) if free >= _COMFORTABLE_GIB else warning("disk", seen, "make room before it is full")


async def processes(settings: Settings) -> list[Finding]:
    """Each process: well, unwell and why, not running, or its port taken by somebody else."""
    found: list[Finding] = []
    running: set[str] = set()
    async with httpx.AsyncClient(trust_env=False, timeout=_WITHIN_S) as client:
        for name in PROCESSES:
            url = f"{settings.observe.url(name)}/health"
            try:
                said = (await client.get(url)).json()
                mine = said["process"] == name
            except httpx.ConnectError:
                found.append(warning(f"process {name}", f"nobody answers at {url}", "carewatch up, or carewatch run"))
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                found.append(_taken(name, url))
            else:
                running.add(name)
                found.append(_told(name, said) if mine else _taken(name, url))
    return [*found, *ports(settings, running)]


def _told(name: str, said: dict[str, object]) -> Finding:
    components = said["components"]
    assert isinstance(components, dict)
    unwell = "; ".join(f"{part}: {one['reason']}" for part, one in components.items() if not one["ok"])
    if unwell:
        return error(f"process {name}", unwell, "see its log")
    return ok(f"process {name}", "is well")


def _taken(name: str, url: str) -> Finding:
    mend = f"set observe.{name.replace('-', '_')} to a free port"
    return error(f"process {name}", f"another program answers at {url}", mend)


def ports(settings: Settings, running: Collection[str]) -> Iterator[Finding]:
    """The ports that web and console will want, those of them that are not ``running``."""
    for name, host, port in (
        (ProcessName.WEB, settings.web.host, settings.web.port),
        (ProcessName.CONSOLE, settings.console.host, settings.console.port),
    ):
        if name in running:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as failure:
                mend = f"end the program that holds it, or set {name}.port to a free one"
                yield error(f"port of {name}", f"{host}:{port} cannot be had: {failure.strerror}", mend)
            else:
                yield ok(f"port of {name}", f"{host}:{port} is free")


async def provider(settings: Settings) -> Finding:
    """Whether calls and texts can go out, and to nobody real where homes are made up."""
    twilio: TwilioConfig | None = settings.twilio
    if twilio is None:
        return error("provider", "none is set: no call and no text goes out", "set twilio.account_sid and the others")
    try:
        await refuse_real_providers(settings.deployment, [twilio.base_url])
        async with httpx.AsyncClient(timeout=_WITHIN_S) as client:
            await client.get(twilio.base_url)
    except RealProvider as failure:
        return error("provider", str(failure), "start the stand-in: carewatch stand-in")
    except httpx.HTTPError as failure:
        mend = "let this machine reach it: name server, firewall, proxy"
        return error("provider", f"{twilio.base_url} cannot be reached: {failure!r}", mend)
    return ok("provider", f"{twilio.base_url} answers")


def deployment(settings: Settings) -> Iterator[Finding]:
    """What it is for, and whether it is fit for that."""
    yield ok("deployment", settings.deployment.value)
    if settings.deployment is Deployment.PRODUCTION and not settings.public_url.startswith("https://"):
        mend = "put a proxy with a certificate before the web process, and its address into public_url"
        yield warning("public address", f"{settings.public_url} is not encrypted", mend)
    if settings.broker_url is None and settings.broker_host not in ("127.0.0.1", "::1"):
        mend = (
            "let it listen on 127.0.0.1, or run a broker with users (carewatch devices broker-users) and set broker_url"
        )
        yield error("broker users", f"the embedded broker lets everybody in at {settings.broker_host}", mend)
