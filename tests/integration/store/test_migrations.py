"""The schema comes up once, in order, and says so when it is not the one this program knows."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from store.errors import ConstraintBroken, MigrationFault, mapped
from store.migrate import migrate, migrations


@pytest.fixture
def empty_dsn(postgres_cluster: str) -> str:
    """A database with nothing in it."""
    with psycopg.connect(postgres_cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS empty_one WITH (FORCE)"))
        connection.execute(sql.SQL("CREATE DATABASE empty_one"))
    return psycopg.conninfo.make_conninfo(postgres_cluster, dbname="empty_one")


def test_eight_processes_migrate_at_once_and_each_migration_runs_once(empty_dsn: str) -> None:
    """Who comes second waits, and finds nothing left to do."""
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(migrate, [empty_dsn] * 8))
    assert sorted(name for names in done for name in names) == [migration.name for migration in migrations()]


def test_a_migration_edited_after_it_ran_is_refused(empty_dsn: str) -> None:
    """Migrations are append-only: the checksum tells."""
    migrate(empty_dsn)
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("UPDATE migrations SET checksum = 'other' WHERE number = 1")
    with pytest.raises(MigrationFault, match="0001_people was edited"):
        migrate(empty_dsn)


def test_a_database_newer_than_the_program_is_refused(empty_dsn: str) -> None:
    """An old program does not touch a newer schema."""
    migrate(empty_dsn)
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO migrations (number, name, checksum) VALUES (9999, 'later', 'x')")
    with pytest.raises(MigrationFault, match="has seen migration 9999"):
        migrate(empty_dsn)


def test_a_timeline_cannot_be_rewritten_and_an_incident_cannot_end_silently(dsn: str) -> None:
    """The invariants stand in the schema itself."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        organisation = connection.execute(
            "INSERT INTO organisations (code, kind, name) VALUES ('c', 'county', 'Qinghe') RETURNING id"
        ).fetchone()
        assert organisation is not None
        row = connection.execute(
            """INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id,
                                      opened_at, last_alarm_at, next_step_at)
               VALUES ('live', 'household', '1', 'sos', 2, %(o)s, %(o)s, now(), now(), now()) RETURNING id""",
            {"o": organisation[0]},
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO timeline (incident_id, at, kind, reason) VALUES (%s, now(), 'opened', 'alarm')", row
        )
        for statement in (
            "UPDATE timeline SET reason = 'other'",
            "DELETE FROM timeline",
            "UPDATE incidents SET state = 'resolved', next_step_at = NULL",
            "UPDATE incidents SET next_step_at = NULL",
            (
                "UPDATE incidents SET state = 'resolved', next_step_at = NULL, resolved_at = now(), "
                "resolved_by = 'system', outcome = 'false_alarm'"
            ),
            (
                "UPDATE incidents SET state = 'resolved', next_step_at = NULL, resolved_at = now(), "
                "resolved_by = 'system', outcome = 'recovered'"
            ),
        ):
            with pytest.raises(psycopg.IntegrityError) as caught:
                connection.execute(statement.encode())
            assert isinstance(mapped(caught.value), ConstraintBroken), statement


def test_an_organisation_knows_its_ancestors_and_takes_its_branch_along(dsn: str) -> None:
    """A subtree is what has its root in its path, also after a move."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def place(code: str, kind: str, parent: int | None) -> int:
            row = connection.execute(
                "INSERT INTO organisations (code, kind, name, parent_id) VALUES (%s, %s, %s, %s) RETURNING id",
                (code, kind, code, parent),
            ).fetchone()
            assert row is not None
            return int(row[0])

        county, town = place("county", "county", None), 0
        town = place("town", "town", county)
        other = place("other", "town", county)
        grid = place("grid", "grid", place("village", "community", town))
        connection.execute("UPDATE organisations SET parent_id = %s WHERE code = 'village'", (other,))
        path = connection.execute("SELECT path FROM organisations WHERE id = %s", (grid,)).fetchone()
        assert path is not None
        assert path[0][:2] == [county, other]
        assert path[0][-1] == grid
        with pytest.raises(psycopg.IntegrityError, match="under itself"):
            connection.execute("UPDATE organisations SET parent_id = %s WHERE id = %s", (grid, other))
