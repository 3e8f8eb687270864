"""The judge on a system that runs already: seen from outside, refused where it would do harm, left in good order."""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerting.deployment import Deployment
from carewatch.admission import found
from carewatch.private import PrivateInstallation, running
from carewatch.supervise import OWN_COMMAND
from simulator.enrolment import county
from store.pool import care_now, open_database, set_care_clock

HERE = Path(__file__).parent
SPEED = 20.0


async def _carewatch(folder: Path, environment: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *OWN_COMMAND, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder,
        env={**os.environ, **environment},
    )  # fmt: skip
    printed, said = await asyncio.wait_for(process.communicate(), 600)
    assert process.returncode is not None
    return process.returncode, printed.decode(), " ".join(said.decode().split())


async def _listed(client: httpx.AsyncClient, path: str, **query: str) -> list[dict[str, Any]]:
    answer = await client.get(path, params={"limit": "500", **query})
    assert answer.is_success, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.timeout(900)
async def test_a_running_system_is_judged_from_outside_and_left_with_everything_retired(tmp_path: Path) -> None:
    """Its care time runs at speed 20 already; at another speed nothing is done to it."""
    installation = PrivateInstallation(tmp_path / "system", Deployment.SIMULATION)
    key = ""

    async def prepare() -> None:
        nonlocal key
        dsn = installation.settings.database_dsn
        async with open_database(dsn, "test", size=1) as database, database.transaction() as connection:
            await set_care_clock(connection, moment=datetime.now(UTC) - timedelta(days=1), speed=SPEED)
            key = await found(connection, county(), name="test", now=await care_now(connection))

    url = installation.settings.public_url
    words = ("simulate", str(HERE / "hamlet.yaml"), "--api", url, "--json")
    async with running(installation, prepare=prepare):
        environment = {"SIMULATE_KEY": key, "SIMULATE_BROKER": installation.settings.broker}
        async with httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, trust_env=False
        ) as client:
            code, _, said = await _carewatch(tmp_path, environment, *words, "--speed", "1")
            assert code == 1
            assert "its care time runs at speed 20, and 1 was asked for" in said
            assert await _listed(client, "/households") == []
            code, printed, said = await _carewatch(tmp_path, environment, *words)
            assert printed, said
            report = json.loads(printed)
            assert (report["invalid_because"], report["detected"], report["untold"]) == ([], 2, [])
            assert (code, report["holds"], report["doubled"]) == (0, True, [])
            for noun in ("households", "residents", "devices", "responders"):
                assert await _listed(client, f"/{noun}") == []
                assert len(await _listed(client, f"/{noun}", retired="true")) >= 4
            assert await _listed(client, "/incidents", state="open") == []


async def test_it_says_what_it_takes_when_neither_a_private_nor_a_running_system_is_meant(tmp_path: Path) -> None:
    code, _, said = await _carewatch(tmp_path, {}, "simulate", str(HERE / "hamlet.yaml"))
    assert code == 2
    assert "say either --embedded, or --api" in said
