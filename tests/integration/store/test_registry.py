"""Enrolment: what is saved twice is changed, what names nothing is refused, what no machine may call is refused."""

import pytest
from fixtures.town import NOON, build_town

from store.errors import ConstraintBroken
from store.pool import Database
from store.registry import Noun, save


async def test_a_town_enrolled_twice_is_the_same_town(database: Database) -> None:
    """Records are known by their codes."""
    async with database.transaction() as connection:
        first = await build_town(connection, homes=3)
    async with database.transaction() as connection:
        second = await build_town(connection, homes=3)
    assert first == second


@pytest.mark.parametrize("number", ["+86110", "+8610119", "+8612345", "120", "+1911", "+86 13900000001"])
async def test_emergency_numbers_and_short_codes_are_refused_as_contacts(database: Database, number: str) -> None:
    """A machine never calls 110, 119 or 120."""
    with pytest.raises(ConstraintBroken, match="phone number"):
        async with database.transaction() as connection:
            await build_town(connection)
            await save(
                connection,
                Noun.CONTACTS,
                [{"responder": "daughter", "channel": "voice", "address": number}],
                now=NOON,
            )


async def test_a_record_that_names_nothing_is_refused_and_nothing_is_kept(database: Database) -> None:
    """All or nothing: the transaction is rolled back."""
    with pytest.raises(ConstraintBroken, match="1 of 1 households name a record that does not exist"):
        async with database.transaction() as connection:
            await build_town(connection)
            await save(
                connection,
                Noun.HOUSEHOLDS,
                [{"code": "x", "organisation": "nowhere", "community": "c", "address": "a"}],
                now=NOON,
            )
    async with database.transaction() as connection:
        assert (await (await connection.execute("SELECT count(*) FROM organisations")).fetchone()) == (0,)
