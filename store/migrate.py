"""Numbered migrations with checksums: append only, run once each, by one process at a time."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final

import psycopg

from store.errors import MigrationFault, mapping
from store.pool import conninfo
from store.queries import queries

_LOCK: Final = 0x63617265  # "care": the advisory lock of whoever migrates


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of ``store/migrations``: its number (from its name), text, and SHA-256."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations of this program, in order."""
    files = sorted(
        (file for file in resources.files("store").joinpath("migrations").iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    found = [
        Migration(number=int(file.name[:4]), name=file.name.removesuffix(".sql"), text=file.read_text("utf-8"))
        for file in files
    ]
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise MigrationFault(f"migrations are not numbered 1 to {len(found)}: {[one.name for one in found]}")
    return found


def migrate(dsn: str) -> list[str]:
    """Bring the database up to date and return the names of what was run now.

    Each migration is a transaction of its own. Raises :class:`MigrationFault` if a migration that ran has been edited
    since, or if the database has seen migrations that this program does not know.
    """
    statements = queries("migrations")
    done: list[str] = []
    with mapping(), psycopg.connect(conninfo(dsn, "carewatch migrate"), autocommit=True) as connection:
        connection.execute("SET lock_timeout = 0; SET statement_timeout = 0")
        connection.execute(statements.lock, {"key": _LOCK})
        connection.execute(statements.prepare)
        ran: dict[int, str] = dict(connection.execute(statements.ran).fetchall())
        known = migrations()
        _agree(ran, known)
        for migration in known:
            if migration.number in ran:
                continue
            with connection.transaction():
                connection.execute(migration.text.encode())
                connection.execute(
                    statements.record,
                    {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
                )
            done.append(migration.name)
        connection.execute(statements.unlock, {"key": _LOCK})
    return done


def _agree(ran: dict[int, str], known: list[Migration]) -> None:
    by_number = {migration.number: migration for migration in known}
    for number, checksum in sorted(ran.items()):
        if number not in by_number:
            raise MigrationFault(
                f"the database has seen migration {number}; this program knows {len(known)}: it is too old for it"
            )
        if by_number[number].checksum != checksum:
            raise MigrationFault(f"migration {by_number[number].name} was edited after it had run in this database")
