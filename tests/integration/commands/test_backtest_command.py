"""`carewatch backtest --household`: a night of a home in the database, judged by the rules that hold for it."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from fixtures.town import NOON, build_town
from typer.testing import CliRunner

from alerting.rulebook import add_default_rules, amend
from carewatch.__main__ import app
from store.partitions import ensure_around
from store.pool import open_database
from store.rules import RuleScope


def test_a_night_of_a_home_is_judged_by_its_own_rules(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Motion until noon, then nothing for six hours; this home's limit is two."""

    async def fill() -> None:
        async with open_database(dsn, "test") as database, database.transaction() as connection:
            town = await build_town(connection)
            await add_default_rules(connection, now=NOON)
            await amend(
                connection,
                "inactivity",
                {"day_s": 7200},
                scope=RuleScope.HOUSEHOLD,
                scope_id=town.households["home-1"],
                by="test",
                now=NOON,
            )
            moments = [NOON - timedelta(minutes=10 * n) for n in range(12)] + [NOON + timedelta(hours=6)]
            for at in moments:
                await connection.execute(
                    "INSERT INTO readings (device_key, at, digest, received_at, motion) VALUES (%s, %s, 1, %s, true)",
                    (town.devices["motion-1"], at, at),
                )

    ensure_around(dsn, NOON.date())
    asyncio.run(fill())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAREWATCH_DSN", dsn)
    monkeypatch.setenv("CAREWATCH_BROKER_URL", "mqtt://carewatch:a%20long%20word@127.0.0.1:1883")
    words = ["backtest", "--household", "home-1", "--from", "2026-03-04T00:00", "--to", "2026-03-05T00:00", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["readings"] == 13
    raised = {one["rule"]: one["found_at"] for one in said["findings"] if one["state"] == "raised"}
    assert raised == {"inactivity": "2026-03-04T13:50:00+08:00", "simple_silence": "2026-03-04T16:00:00+08:00"}
    unknown = CliRunner().invoke(app, ["backtest", "--household", "nowhere"])
    assert unknown.exit_code == 2
    both = CliRunner().invoke(app, ["backtest", "some.csv", "--household", "home-1"])
    assert both.exit_code == 2
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM findings").fetchone() == (0,)
