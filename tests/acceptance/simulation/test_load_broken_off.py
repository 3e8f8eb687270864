"""Ctrl-C during a load ends it with the report so far, from one generator or from several."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from carewatch.errors import SettingsFault
from carewatch.settings import load
from carewatch.supervise import OWN_COMMAND
from simulator.phone.remote import RemotePhone

LOAD = """
name: endless
about: More than anybody waits for.
lasts_h: 0.5
homes: 10
load:
  devices: 20
  phases:
    - {kind: steady, for_s: 600, telemetry_per_s: 40, alarms_per_s: 1}
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [1, 2])
async def test_a_load_that_is_broken_off_reports_what_was_sent(tmp_path: Path, processes: int) -> None:
    """SIGINT goes to the whole group, as from a terminal."""
    scenario, kept = tmp_path / "endless.yaml", tmp_path / "stack"
    scenario.write_text(LOAD)
    words = ("simulate", str(scenario), "--embedded", "--json", "--processes", str(processes), "--keep", str(kept))
    process = await asyncio.create_subprocess_exec(
        *OWN_COMMAND, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
        start_new_session=True,
    )  # fmt: skip
    reading = asyncio.create_task(process.communicate())
    await _alarms_come(kept, reading)
    os.killpg(process.pid, signal.SIGINT)
    printed, said = await asyncio.wait_for(reading, 120)
    assert printed, said.decode()
    report = json.loads(printed)
    assert process.returncode == 1
    assert report["invalid_because"] == ["it was broken off"]
    [phase] = report["report"]["phases"]
    assert 0 < phase["sent"] < phase["planned"]
    assert report["report"]["processes"] == processes


async def _alarms_come(kept: Path, reading: asyncio.Task[tuple[bytes, bytes]]) -> None:
    """Wait until a phone has rung for an alarm of the load."""
    async with asyncio.timeout(300):
        while True:
            assert not reading.done(), reading.result()
            with suppress(SettingsFault, httpx.HTTPError):
                settings = load(kept / "carewatch.toml", environment=False)
                assert settings.twilio is not None
                async with RemotePhone(settings.twilio.base_url) as phone:
                    if await phone.calls():
                        return
            await asyncio.sleep(0.2)
