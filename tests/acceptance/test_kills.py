"""Nothing that was acknowledged is lost, whatever is killed: real processes, real SIGKILL, under load."""

from pathlib import Path

import pytest
from fixtures.siege import VICTIMS, Siege


async def _hold(siege: Siege) -> None:
    """What must hold after every siege."""
    await siege.everything_is_there()
    # A second call is placed only where the answer to the first was lost with the process that waited for it.
    lost = sum(siege.ledger.kills[name] for name in ("sender", "database", "up"))
    assert await siege.calls_doubled() <= lost


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("siege")
async def test_every_process_is_killed_once_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Each process alone, the supervisor among them, while ten homes send."""
    async with Siege(tmp_path, homes=10, seed=1).laid() as siege:
        await siege.under_load(len(VICTIMS), every_s=1.0)
        assert set(siege.ledger.kills) == set(VICTIMS)
        await _hold(siege)


@pytest.mark.chaos
@pytest.mark.timeout(3000)
@pytest.mark.xdist_group("siege")
async def test_a_hundred_kills_one_two_and_three_at_once(tmp_path: Path) -> None:
    """The long form: `make chaos`."""
    async with Siege(tmp_path, homes=20, seed=2).laid() as siege:
        await siege.under_load(100, every_s=3.0, groups=(1, 1, 2, 1, 3))
        await _hold(siege)
