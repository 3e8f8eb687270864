"""An embedded PostgreSQL serves, keeps what it committed, and leaves its surroundings alone."""

import os
import signal
import socket
import time
from pathlib import Path

import psycopg
import pytest

from carewatch.embedded.identity import ordinary_identity
from carewatch.embedded.postgres import PostgresServer, find_binaries, socket_folder
from carewatch.embedded.processes import ChildProcess, until
from carewatch.errors import FolderInUse, ServerDidNotStart


async def value(dsn: str, query: str) -> object:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0]


async def write_row(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await connection.execute("CREATE TABLE kept (n int)")
        await connection.execute("INSERT INTO kept VALUES (41)")


def kill(server: PostgresServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)


async def test_the_session_cluster_serves_async_tests(postgres_cluster: str) -> None:
    """The shared cluster answers in an async test, in UTF-8."""
    assert await value(postgres_cluster, "SHOW server_encoding") == "UTF8"


async def test_the_database_is_durable_and_speaks_utc(tmp_path: Path) -> None:
    """By default nothing that protects a committed row is off."""
    async with PostgresServer(tmp_path / "pg") as server:
        expected = {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "TimeZone": "UTC",
            "server_encoding": "UTF8",
        }
        assert {name: await value(server.dsn, f"SHOW {name}") for name in expected} == expected
        assert await value(server.dsn, "SELECT current_database()") == "carewatch"


async def test_a_killed_postmaster_serves_again_with_the_committed_row(tmp_path: Path) -> None:
    """After kill -9 the same object starts again at the same DSN, and the row is there."""
    async with PostgresServer(tmp_path / "pg") as server:
        dsn = server.dsn
        await write_row(dsn)
        kill(server)
        assert await server.wait() == -signal.SIGKILL
        assert server.pid is None
        await server.start()
        assert server.dsn == dsn
        assert await value(dsn, "SELECT n FROM kept") == 41


async def test_backends_that_outlive_a_killed_postmaster_do_not_block_the_next(tmp_path: Path) -> None:
    """A session busy in a long statement when its postmaster is killed cannot keep the database down."""
    async with PostgresServer(tmp_path / "pg") as server:
        busy = await psycopg.AsyncConnection.connect(server.dsn, autocommit=True)
        await busy.execute("SET statement_timeout = 0")
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        kill(server)
        await server.wait()
        await server.start()
        assert await value(server.dsn, "SELECT 1") == 1
        await busy.close()


async def test_a_stale_pid_file_naming_a_stranger_is_survived(tmp_path: Path) -> None:
    """After a reboot the id in `postmaster.pid` may belong to anybody, here to this very test's parent."""
    server = PostgresServer(tmp_path / "pg")
    async with server:
        await write_row(server.dsn)
    lines = [str(os.getppid()), str(tmp_path / "pg" / "cluster"), "1", "5432", str(tmp_path), "", " 1 1", "ready"]
    (tmp_path / "pg" / "cluster" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    (tmp_path / "pg" / "socket" / ".s.PGSQL.5432.lock").write_text("\n".join(lines) + "\n")
    async with server:
        assert await value(server.dsn, "SELECT n FROM kept") == 41


async def test_a_second_launcher_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    """Two launchers never share a folder; the error names the folder and the holder, and the first goes on."""
    async with PostgresServer(tmp_path / "pg") as first:
        with pytest.raises(FolderInUse, match=f"{tmp_path}/pg is in use by process {os.getpid()}"):
            await PostgresServer(tmp_path / "pg").start()
        assert await value(first.dsn, "SELECT 1") == 1


async def test_the_rights_of_parent_folders_stay_as_they_were(tmp_path: Path) -> None:
    """Only the server's own folder gets rights of its own."""
    parent = tmp_path / "shared"
    parent.mkdir()
    parent.chmod(0o751)
    async with PostgresServer(parent / "pg"):
        assert parent.stat().st_mode & 0o777 == 0o751
        assert (parent / "pg").stat().st_mode & 0o777 == 0o700


async def test_a_deep_folder_gets_a_short_socket(tmp_path: Path) -> None:
    """A folder whose path is too long for a Unix socket serves all the same."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with PostgresServer(deep) as server:
        assert socket_folder(deep).stat().st_mode & 0o777 == 0o700
        assert await value(server.dsn, "SELECT 1") == 1


async def test_a_cluster_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The server's own words are in the error, and the folder is free again."""
    server = PostgresServer(tmp_path / "pg")
    async with server:
        pass
    operator = tmp_path / "pg" / "cluster" / "operator.conf"
    operator.write_text("work_mem = 'plenty'\n")
    with pytest.raises(ServerDidNotStart, match="work_mem"):
        await server.start()
    operator.unlink()
    async with server:
        assert await value(server.dsn, "SELECT 1") == 1


async def test_a_server_started_by_hand_is_not_disturbed(tmp_path: Path) -> None:
    """A postmaster that somebody started in our cluster without our locks is found, named and left alone."""
    server = PostgresServer(tmp_path / "pg")
    async with server:
        dsn = server.dsn
    by_hand = ChildProcess.spawn(
        [*ordinary_identity().words, str(find_binaries() / "postgres"), "-D", str(tmp_path / "pg" / "cluster")],
        log=None,
    )
    try:
        deadline_s = time.monotonic() + 60
        while not await answers(dsn):
            assert await until(deadline_s)
        with pytest.raises(FolderInUse, match=f"process {by_hand.pid}"):
            await server.start()
        assert await answers(dsn)
    finally:
        await by_hand.end((signal.SIGINT, 60))


async def answers(dsn: str) -> bool:
    try:
        return await value(dsn, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


async def test_a_port_is_served_with_a_password(tmp_path: Path) -> None:
    """Asked for a port, it serves both ways, and over TCP only to those who know the password."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    async with PostgresServer(tmp_path / "pg", port=port) as server:
        assert server.tcp_dsn is not None
        assert await value(server.dsn, "SELECT 1") == 1
        assert await value(server.tcp_dsn, "SELECT 1") == 1
        with pytest.raises(psycopg.OperationalError, match="password"):
            await value(f"postgresql://carewatch:guess@127.0.0.1:{port}/carewatch", "SELECT 1")
