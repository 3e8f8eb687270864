"""The brokers that benchmarks run against, each a process of its own on this machine."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiomqtt

from carewatch.embedded.nats import NatsServer
from carewatch.embedded.ports import RememberedPorts

_READY_WITHIN_S = 20.0

_MOSQUITTO = """\
user root
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages 0
"""
"""As deploy/mosquitto.conf has it, without passwords."""


class Kind(StrEnum):
    """Which broker."""

    NATS = "nats-server"
    MOSQUITTO = "mosquitto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker that serves."""

    kind: Kind
    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"mqtt://127.0.0.1:{self.port}"

    async def forget(self, *sessions: str) -> None:
        """End these sessions: it keeps nothing more for them, and the next measurement does not pay for them.
        Source: MQTT 3.1.1, 3.1.2.4.
        """
        for session in sessions:
            async with aiomqtt.Client("127.0.0.1", self.port, identifier=session, clean_session=True):
                pass


@asynccontextmanager
async def broker(folder: Path, kind: Kind) -> AsyncIterator[Broker]:
    """A broker of ``kind`` that keeps its sessions in ``folder``."""
    if kind is Kind.NATS:
        async with NatsServer(folder) as server:
            assert server.pid is not None
            yield Broker(kind=kind, port=server.port, pid=server.pid)
        return
    await asyncio.to_thread(folder.mkdir)
    with RememberedPorts(folder / "ports.json", {"mqtt": 0}).reserved() as ports:
        port = ports["mqtt"]
    (folder / "mosquitto.conf").write_text(_MOSQUITTO.format(port=port, folder=folder))
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program is not None, "mosquitto is missing: make system"
    arguments = ["-c", str(folder / "mosquitto.conf")]
    process = await asyncio.create_subprocess_exec(program, *arguments, stderr=asyncio.subprocess.DEVNULL)
    try:
        found = Broker(kind=kind, port=port, pid=process.pid)
        async with asyncio.timeout(_READY_WITHIN_S):
            await _answering(found)
        yield found
    finally:
        process.terminate()
        await process.wait()


async def _answering(found: Broker) -> None:
    while True:
        try:
            await found.forget("probe")
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)
        else:
            return
