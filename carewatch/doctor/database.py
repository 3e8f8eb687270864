"""The doctor looks at the database: reachable, durable, large enough, up to date, and what time it has."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from carewatch.doctor.finding import Finding, error, ok, warning
from carewatch.system import without_password
from store.errors import StoreError
from store.migrate import migrations
from store.pool import Connection, open_database
from store.queries import queries

OLDEST: Final = 160000  # server_version_num; PostgreSQL 16
CONNECTIONS: Final = 60
"""What one of each process needs, with some left for backups and for people."""
_CLOCKS_APART_S: Final = 2.0
"""From here on a clock is wrong. Source: DESIGN section 2, 7."""
_DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")


async def look(dsn: str) -> list[Finding]:
    """Findings about the database at ``dsn``."""
    try:
        async with (
            open_database(dsn, "carewatch doctor", size=1, wait_s=5.0) as database,
            database.transaction() as connection,
        ):
            return [ok("database", f"{without_password(dsn)} answers"), *await _examine(connection)]
    except StoreError as failure:
        mend = "start PostgreSQL, or put its address, user and password into dsn"
        return [error("database", f"{without_password(dsn)}: {failure}", mend)]


async def _examine(connection: Connection) -> list[Finding]:
    ask = queries("doctor")
    settings: dict[str, str] = dict(await (await connection.execute(ask.settings)).fetchall())
    found = [*_durability(settings), _version(settings), _connections(settings)]
    found.append(_clock(await _one(connection, ask.server_clock), datetime.now(UTC)))
    if not await _one(connection, ask.migrated):
        return [*found, error("database schema", "nothing is there yet", "carewatch migrate")]
    ran = await (await connection.execute(queries("migrations").ran)).fetchall()
    found.append(_migrations({number for number, _ in ran}))
    if await _one(connection, ask.care_clock):
        mend = "delete the row of care_clock; only simulations set it"
        found.append(warning("care time", "it has been set by hand and is not the real time", mend))
    return found


async def _one(connection: Connection, query: bytes) -> Any:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0]


def _durability(settings: Mapping[str, str]) -> Iterator[Finding]:
    for name in _DURABLE:
        if settings[name] == "off":
            lost = "what is committed, and with it an alarm that was acknowledged, may be lost in a power cut"
            yield error(f"database {name}", f"is off: {lost}", f"set {name} = on in postgresql.conf")
        else:
            yield ok(f"database {name}", f"is {settings[name]}")


def _version(settings: Mapping[str, str]) -> Finding:
    number, shown = int(settings["server_version_num"]), settings["server_version"]
    if number < OLDEST:
        return error("database version", f"PostgreSQL {shown}", "PostgreSQL 16 or newer is needed")
    return ok("database version", f"PostgreSQL {shown}")


def _connections(settings: Mapping[str, str]) -> Finding:
    most = int(settings["max_connections"])
    if most < CONNECTIONS:
        mend = f"set max_connections to {CONNECTIONS} or more, and more for each further process"
        return warning("database connections", f"at most {most}", mend)
    return ok("database connections", f"at most {most}")


def _migrations(ran: set[int]) -> Finding:
    known = {migration.number for migration in migrations()}
    if ran - known:
        mend = "run the newer program that has migrated it"
        return error("database schema", f"migrations {sorted(ran - known)} are unknown to this program", mend)
    if known - ran:
        return error(
            "database schema", f"{len(known - ran)} of {len(known)} migrations are missing", "carewatch migrate"
        )
    return ok("database schema", f"all {len(known)} migrations have run")


def _clock(server_now: datetime, here: datetime) -> Finding:
    apart_s = abs((server_now - here).total_seconds())
    seen = f"the database's clock and this machine's are {apart_s:.1f} s apart"
    return error("clock", seen, "let NTP set both clocks") if apart_s > _CLOCKS_APART_S else ok("clock", seen)
