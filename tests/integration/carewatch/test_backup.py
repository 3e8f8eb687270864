"""What is backed up comes back whole, and nothing is written over by accident."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fixtures.nights import Night
from psycopg import sql
from typer.testing import CliRunner

from carewatch.__main__ import app


@pytest.fixture
def second_dsn(postgres_cluster: str) -> Iterator[str]:
    """An empty database to restore into."""
    name = sql.Identifier("restored")
    with psycopg.connect(postgres_cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield psycopg.conninfo.make_conninfo(postgres_cluster, dbname="restored")
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def contents(dsn: str) -> dict[str, int]:
    """How many rows each table holds."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        counts = {}
        for (table,) in tables:
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            counts[table] = row[0] if row else 0
    return counts


def carewatch(monkeypatch: pytest.MonkeyPatch, dsn: str, *words: str) -> tuple[int, str, BaseException | None]:
    """Run the command line against ``dsn``."""
    monkeypatch.setenv("CAREWATCH_DSN", dsn)
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output, result.exception


async def test_a_night_is_backed_up_and_restored_row_for_row(
    night: Night, dsn: str, second_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incidents, timelines and people are there again; the schema's rules hold there as well."""
    incident = await night.raises()
    await night.passes()
    archive = tmp_path / "night.backup"
    code, said, _ = carewatch(monkeypatch, dsn, "backup", str(archive))
    assert code == 0, said
    assert carewatch(monkeypatch, second_dsn, "restore", str(archive))[0] == 0
    before, after = contents(dsn), contents(second_dsn)
    assert before["timeline"] >= 3
    assert after == before
    with psycopg.connect(second_dsn) as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute("UPDATE timeline SET reason = 'x' WHERE incident_id = %s", (incident,))


async def test_neither_a_backup_nor_a_database_is_written_over_unasked(
    night: Night, dsn: str, second_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second backup to one file, and a restore over a living database, are refused unless --replace says so."""
    await night.raises()
    archive = tmp_path / "night.backup"
    carewatch(monkeypatch, dsn, "backup", str(archive))
    _, _, error = carewatch(monkeypatch, dsn, "backup", str(archive))
    assert "there already" in str(error)
    carewatch(monkeypatch, second_dsn, "migrate")
    _, _, error = carewatch(monkeypatch, second_dsn, "restore", str(archive))
    assert "--replace" in str(error)
    assert contents(second_dsn)["incidents"] == 0
    assert carewatch(monkeypatch, second_dsn, "restore", str(archive), "--replace")[0] == 0
    assert contents(second_dsn)["incidents"] == 1


async def test_half_a_backup_restores_nothing(
    night: Night, dsn: str, second_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A truncated archive is refused, and leaves the database as it was."""
    await night.raises()
    archive = tmp_path / "night.backup"
    carewatch(monkeypatch, dsn, "backup", str(archive))
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    _, _, error = carewatch(monkeypatch, second_dsn, "restore", str(archive))
    assert error is not None
    assert not contents(second_dsn)
