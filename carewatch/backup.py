"""Backing up the database and restoring it, with PostgreSQL's own tools.

The database is all there is to keep: the broker holds only what is not committed yet, and devices send that again.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psycopg
from psycopg import conninfo

from carewatch.embedded.postgres import find_binaries
from carewatch.errors import BackupFault
from store.errors import mapping
from store.migrate import migrate
from store.queries import queries

_EVERY_S: Final = 0.5
_LAST_WORDS: Final = 2000


def back_up(dsn: str, file: Path, *, progress: Callable[[int], None]) -> int:
    """Write the whole database, as of one moment, into ``file``, and return its size in bytes.

    ``file`` appears only when it is whole, on disk and readable as an archive; it must not be there yet. ``progress``
    is told how many bytes have been written. Raises :class:`BackupFault`.
    """
    if file.exists():
        raise BackupFault(f"{file} is there already; a backup never writes over another")
    partial = file.with_name(f".{file.name}.partial")
    try:
        command = [_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={partial}"]
        _run(command, dsn, watched=lambda: progress(partial.stat().st_size if partial.exists() else 0))
        _run([_tool("pg_restore"), "--list", str(partial)], None)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    return file.stat().st_size


def restore(dsn: str, file: Path, *, replace: bool) -> list[str]:
    """Fill the database from ``file``, in one transaction, and return the names of the migrations that ran afterwards.

    A database that holds a CareWatch already is refused, unless it is to be replaced. Raises :class:`BackupFault`.
    """
    if not file.is_file():
        raise BackupFault(f"there is no file {file}")
    _run([_tool("pg_restore"), "--list", str(file)], None)
    statements = queries("backups")
    with mapping(), psycopg.connect(dsn, autocommit=True) as connection:
        (tables,) = connection.execute(statements.tables).fetchone() or (0,)
        if tables and not replace:
            raise BackupFault(f"the database holds {tables} tables already; empty it first, or say --replace")
        if tables:
            connection.execute(statements.clear)
    _run(
        [
            _tool("pg_restore"),
            "--no-owner",
            "--no-privileges",
            "--single-transaction",
            "--exit-on-error",
            f"--dbname={conninfo.conninfo_to_dict(dsn)['dbname']}",
            str(file),
        ],
        dsn,
    )
    return migrate(dsn)


def _tool(name: str) -> str:
    return str(find_binaries() / name)


def _run(command: Sequence[str], dsn: str | None, *, watched: Callable[[], None] | None = None) -> None:
    """Run one of PostgreSQL's tools. The connection travels in the environment: arguments are seen by everybody."""
    with subprocess.Popen(
        command,
        env={**os.environ, **(_environment(dsn) if dsn else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while watched is not None and process.poll() is None:
            watched()
            time.sleep(_EVERY_S)
        _, said = process.communicate()
    if process.returncode:
        name = Path(command[0]).name
        raise BackupFault(f"{name} ended with {process.returncode}: {said.strip()[-_LAST_WORDS:]}")


_VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",  # the name of a variable, no password
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


def _environment(dsn: str) -> dict[str, str]:
    stated = conninfo.conninfo_to_dict(dsn)
    return {variable: str(stated[name]) for name, variable in _VARIABLES.items() if stated.get(name) is not None}
