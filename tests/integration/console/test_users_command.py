"""``carewatch users``: accounts for the console, made on the machine that runs it."""

import psycopg
import pytest
from typer.testing import CliRunner

from carewatch.__main__ import app
from store.accounts import password_matches


@pytest.fixture
def runner(dsn: str) -> CliRunner:
    """A terminal on a database with one organisation."""
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO organisations (code, kind, name) VALUES ('qinghe', 'town', '清河镇')")
    return CliRunner(env={"CAREWATCH_DSN": dsn})


def _hash(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT password_hash FROM users WHERE name = 'li'").fetchone()
    assert row is not None
    return str(row[0])


def test_a_password_is_made_up_shown_once_and_kept_as_a_hash(runner: CliRunner, dsn: str) -> None:
    """Standard output is the password and nothing else, so that it can be piped."""
    made = runner.invoke(app, ["users", "add", "li", "--role", "operator", "--organisation", "qinghe"])
    assert made.exit_code == 0, made.output
    password = made.stdout.strip()
    assert len(password) >= 16
    assert password_matches(_hash(dsn), password)
    assert _hash(dsn).startswith("$argon2id$")
    listed = runner.invoke(app, ["users", "list"])
    assert "li  operator of qinghe" in listed.stdout
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT actor, action, noun_id FROM audit").fetchall() == [
            ("command:users", "create", "li")
        ]


def test_a_password_may_come_from_standard_input(runner: CliRunner, dsn: str) -> None:
    """Then it is not shown."""
    words = ["users", "add", "li", "--role", "supervisor", "--organisation", "qinghe", "--password-stdin"]
    made = runner.invoke(app, words, input="eleven wild geese fly south\n")
    assert made.exit_code == 0, made.output
    assert made.stdout == ""
    assert password_matches(_hash(dsn), "eleven wild geese fly south")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--role", "operator", "--organisation", "nowhere"], "nowhere"),
        (["--role", "system", "--organisation", "qinghe"], "system"),
        (["--role", "operator", "--organisation", "qinghe", "--password-stdin"], "12"),
    ],
)
def test_what_cannot_be_is_said(runner: CliRunner, words: list[str], told: str) -> None:
    """An unknown organisation, a role of no person, a password that is too short."""
    refused = runner.invoke(app, ["users", "add", "li", *words], input="short\n")
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_an_account_may_have_no_password_but_a_subject_of_the_provider(runner: CliRunner, dsn: str) -> None:
    """Only with a provider in the settings; nothing is shown that could be lost."""
    words = ["users", "add", "li", "--role", "operator", "--organisation", "qinghe", "--subject", "248289761001"]
    refused = runner.invoke(app, words)
    assert refused.exit_code == 2
    assert "oidc_issuer" in refused.stderr
    settings = {"CAREWATCH_CONSOLE__OIDC_ISSUER": "https://id.example", "CAREWATCH_CONSOLE__OIDC_CLIENT_ID": "x"}
    made = runner.invoke(app, words, env=settings)
    assert made.exit_code == 0, made.output
    assert made.stdout == ""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT issuer, subject, password_hash, by_claims FROM users").fetchall()
    assert found == [("https://id.example", "248289761001", None, False)]
