"""A town whose devices speak."""

import pytest
from fixtures.clocks import HandClock
from fixtures.town import NOON, Town, build_town

from store.pool import Database


@pytest.fixture
async def town(database: Database) -> Town:
    """Three homes of the village Heping."""
    async with database.transaction() as connection:
        return await build_town(connection, homes=3)


@pytest.fixture
def clock() -> HandClock:
    """It is noon in Qinghe."""
    return HandClock(NOON)
