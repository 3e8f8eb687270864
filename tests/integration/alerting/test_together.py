"""What incidents of a home mean together, and devices that cannot make up their minds."""

from datetime import timedelta

import pytest
from fixtures.nights import Night
from fixtures.town import NOON

from alerting.rulebook import add_default_rules
from alerting.together import look_together
from devices.model import Hazard
from domain.incident import SubjectKind
from store.partitions import ensure_around

MINUTES = timedelta(minutes=1)


@pytest.fixture
async def ruled(night: Night, dsn: str) -> Night:
    """A night with the shipped rules."""
    ensure_around(dsn, NOON.date())
    async with night.database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
    return night


async def graver(night: Night) -> int:
    """How many incidents became graver at a look."""
    async with night.database.transaction() as connection:
        return await look_together(connection, now=night.now)


async def test_a_fall_after_which_nobody_moves_becomes_graver_once(ruled: Night) -> None:
    """Five minutes of stillness in a home whose sensor could tell; said on the timeline, with since when."""
    fall = await ruled.raises(Hazard.FALL)
    assert await graver(ruled) == 0
    ruled.now += 6 * MINUTES
    assert (await graver(ruled), await graver(ruled)) == (1, 0)
    assert await ruled.query("SELECT severity FROM incidents WHERE id = %s", fall) == [(1,)]
    assert "severity_raised fall_and_still" in await ruled.timeline(fall)


async def test_a_fall_after_which_somebody_moves_stays_what_it_is(ruled: Night) -> None:
    """Motion four minutes later."""
    await ruled.raises(Hazard.FALL)
    at = ruled.now + 4 * MINUTES
    await ruled.query(
        "INSERT INTO readings (device_key, at, digest, received_at, motion) VALUES (%s, %s, 1, %s, true)",
        *(ruled.town.devices["motion-1"], at, at),
    )
    ruled.now += 6 * MINUTES
    assert await graver(ruled) == 0


async def test_a_call_for_help_in_a_fire_is_as_grave_as_the_fire(ruled: Night) -> None:
    """Smoke and SOS in one home; another home's smoke is none of hers."""
    sos = await ruled.raises(Hazard.SOS)
    await ruled.raises(Hazard.SMOKE, home=2, subject=SubjectKind.HOUSEHOLD)
    assert await graver(ruled) == 0
    await ruled.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD)
    assert await graver(ruled) == 1
    assert await ruled.query("SELECT severity FROM incidents WHERE id = %s", sos) == [(1,)]


async def flaps(night: Night, hazard: Hazard, times: int) -> None:
    """The device raises and withdraws, every ten seconds."""
    for n in range(times):
        night.now += timedelta(seconds=10)
        if n % 2 == 0:
            await night.raises(hazard, subject=SubjectKind.HOUSEHOLD)
        else:
            await night.query(
                """INSERT INTO alarms (source, identity, device_key, hazard, state, mode, received_at, digest, payload)
                   SELECT 'flap', %s, device_key, hazard, 'cleared', 'live', %s, 0, '' FROM alarms
                   WHERE hazard = %s LIMIT 1""",
                *(f"{n}", night.now, hazard.value),
            )


async def test_a_device_that_flaps_is_recorded_and_nobody_is_told_until_it_has_settled(ruled: Night) -> None:
    """A leak sensor; after an hour of quiet somebody hears of what is still unresolved."""
    await flaps(ruled, Hazard.WATER, 9)
    assert await ruled.passes(30 * MINUTES) == []
    ((incident, alarms),) = await ruled.query("SELECT id, alarms FROM incidents")
    assert alarms == 5
    assert (await ruled.timeline(incident)).count("held flapping") == 1
    assert await ruled.passes(45 * MINUTES) != []


async def test_smoke_is_never_held_however_often_it_comes_and_goes(ruled: Night) -> None:
    """A fire that comes and goes is a fire."""
    await flaps(ruled, Hazard.SMOKE, 9)
    assert await ruled.passes(1 * MINUTES) != []
