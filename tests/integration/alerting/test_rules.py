"""Stories of rules over homes, care time set by hand: engines find silence in what is stored, and nobody is wronged."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from fixtures.nights import Night
from fixtures.town import NOON

from alerting.absence import Absence
from alerting.rulebook import amend
from alerting.rules.spec import RulesFault
from store import rules
from store.partitions import ensure_around
from store.rules import RuleScope

MINUTES, HOURS = timedelta(minutes=1), timedelta(hours=1)


class Home:
    """A night whose first home has an infrared sensor and a door."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.absence = Absence()

    async def moves(self, at: datetime, device: str = "motion-1", **quantities: Any) -> None:
        """A reading; motion, if nothing else is said."""
        said = quantities or {"motion": True}
        names, values = list(said), list(said.values())
        await self.night.query(
            f"""INSERT INTO readings (device_key, at, digest, received_at, {", ".join(names)})
                VALUES (%s, %s, 1, %s, {", ".join(["%s"] * len(names))}) ON CONFLICT DO NOTHING""",
            *(self.night.town.devices[device], at, at, *values),
        )

    async def passes(self, time: timedelta, *, hearing: bool = True) -> None:
        """Time goes on, the engine looking every five minutes."""
        end = self.night.now + time
        while self.night.now < end:
            step = min(5 * MINUTES, end - self.night.now)
            if hearing:
                await self.night.idle(step)
            else:
                self.night.now += step
            await self.absence.turn(self.night.database, self.night.now)

    async def found(self, rule: str = "inactivity") -> list[tuple[Any, ...]]:
        """What the rule has found: state, reason, and how long after the onset."""
        return await self.night.query(
            "SELECT state, reason, found_at - onset FROM findings WHERE rule = %s ORDER BY found_at", rule
        )

    async def incidents(self) -> list[tuple[Any, ...]]:
        """Unresolved incidents of inactivity and wandering."""
        return await self.night.query(
            """SELECT hazard, subject_kind, alarms FROM incidents
               WHERE state <> 'resolved' AND hazard IN ('inactivity', 'wander') ORDER BY hazard"""
        )


@pytest.fixture
async def home(night: Night, dsn: str) -> Home:
    """It is noon; the home has moved at half past eleven, and partitions are there."""
    here = Home(night)
    night.now = NOON - HOURS
    await night.idle(HOURS)
    await asyncio.to_thread(ensure_around, dsn, night.now.date())
    await here.moves(NOON - 30 * MINUTES)
    await here.moves(NOON - 28 * MINUTES)
    return here


async def test_a_silent_home_is_an_incident_and_its_timeline_says_why(home: Home) -> None:
    """Nothing is known yet: four hours by day, from the last firing that proves something. She is asked first."""
    await home.passes(3 * HOURS + 28 * MINUTES)
    assert await home.incidents() == []
    await home.passes(6 * MINUTES)
    assert await home.incidents() == [("inactivity", "household", 1)]
    assert await home.found() == [("raised", "unusually_quiet", 4 * HOURS)]
    (detail,) = await home.night.query("SELECT reason, detail FROM timeline WHERE kind = 'opened'")
    assert detail[0] == "unusually_quiet"
    assert "No sign of life since 11:32" in detail[1]["explanation"]["en"]
    assert "没有活动迹象" in detail[1]["explanation"]["zh-CN"]
    assert detail[1]["rule"] == "inactivity"
    resident = await home.night.query("SELECT resident_id FROM incidents")
    assert resident == [(home.night.town.residents["zhang-1"],)]


async def test_motion_in_time_re_arms_and_motion_after_an_alarm_clears_it_without_ending_the_incident(
    home: Home,
) -> None:
    """The engine looks at what is stored before it speaks; only people end incidents."""
    await home.passes(2 * HOURS)
    for minutes in (0, 2):
        await home.moves(home.night.now + minutes * MINUTES)
    await home.passes(3 * HOURS)
    assert await home.found() == []
    await home.passes(70 * MINUTES)
    assert [row[0] for row in await home.found()] == ["raised"]
    for minutes in (0, 1, 3):
        await home.moves(home.night.now + minutes * MINUTES)
    await home.passes(50 * MINUTES)
    assert [row[:2] for row in await home.found()] == [("raised", "unusually_quiet"), ("cleared", "moving_again")]
    assert await home.incidents() == [("inactivity", "household", 1)]
    assert ("cleared",) in await home.night.query("SELECT kind FROM timeline")


async def test_engines_at_once_raise_one_alarm(home: Home) -> None:
    """Four engines look at the same moment."""
    await home.passes(3 * HOURS + 25 * MINUTES)
    await home.night.idle(10 * MINUTES)
    await asyncio.gather(*(Absence().turn(home.night.database, home.night.now) for _ in range(4)))
    assert len(await home.found()) == 1
    assert await home.incidents() == [("inactivity", "household", 1)]


async def test_what_we_did_not_hear_is_held_against_nobody(home: Home) -> None:
    """Without canaries the clock of absence stands still."""
    await home.passes(10 * HOURS, hearing=False)
    assert await home.found() == []


async def test_the_time_of_our_own_outage_is_no_silence(home: Home) -> None:
    """Two hours without canaries after the first: the alarm comes so much later, and some minutes."""
    await home.passes(HOURS)
    home.night.now += 2 * HOURS
    await home.passes(2 * HOURS + 30 * MINUTES)
    assert await home.found() == []
    await home.passes(15 * MINUTES)
    assert len(await home.found()) == 1


async def test_nobody_is_missed_who_is_registered_as_away_and_coming_home_starts_the_clock(home: Home) -> None:
    """In hospital for a day; four hours after she is back, and nobody has moved, it is an incident."""
    await home.night.query("UPDATE residents SET state = 'hospital' WHERE code = 'zhang-1'")
    await home.passes(24 * HOURS)
    assert await home.found() == []
    await home.night.query("UPDATE residents SET state = 'home' WHERE code = 'zhang-1'")
    await home.passes(5 * HOURS)
    assert len(await home.found()) == 1


async def test_a_rule_on_trial_records_and_calls_nobody(home: Home) -> None:
    """The simple rule runs beside the one that counts."""
    async with home.night.database.transaction() as connection:
        await home.absence.turn(home.night.database, home.night.now)
        await amend(connection, "inactivity", {"trial": True}, scope=RuleScope.HOUSEHOLD,
                    scope_id=home.night.town.households["home-1"], by="test", now=home.night.now)  # fmt: skip
    await home.passes(5 * HOURS)
    assert len(await home.found()) == 1
    assert [row[:2] for row in await home.found("simple_silence")] == [("raised", "no_motion")]
    assert await home.incidents() == []
    assert await home.night.query("SELECT count(*) FROM findings WHERE NOT trial") == [(0,)]


async def test_the_narrowest_scope_wins_field_by_field(home: Home) -> None:
    """The county wants three hours, the home two; the door's limit is still that of everyone."""
    town, night = home.night.town, home.night
    await home.absence.turn(night.database, night.now)
    async with night.database.transaction() as connection:
        await amend(connection, "inactivity", {"day_s": 10800}, scope=RuleScope.ORGANISATION,
                    scope_id=town.organisations["county"], by="test", now=night.now)  # fmt: skip
        await amend(connection, "inactivity", {"day_s": 7200}, scope=RuleScope.HOUSEHOLD,
                    scope_id=town.households["home-1"], by="test", now=night.now)  # fmt: skip
    for minutes in (30, 28):
        await home.moves(NOON - minutes * MINUTES, "motion-2")
    await home.passes(4 * HOURS)
    rows = await night.query("SELECT subject, found_at - onset FROM findings WHERE rule = 'inactivity'")
    assert dict(rows) == {
        f"household:{town.households['home-1']}": 2 * HOURS,
        f"household:{town.households['home-2']}": 3 * HOURS,
    }


async def test_a_difference_that_makes_no_rule_is_refused_with_its_field(home: Home) -> None:
    """Nothing is stored of it."""
    await home.absence.turn(home.night.database, home.night.now)
    async with home.night.database.transaction() as connection:
        before = await rules.mark(connection)
        with pytest.raises(RulesFault, match="day_s"):
            await amend(connection, "inactivity", {"day_s": "long"}, scope=RuleScope.ORGANISATION, scope_id=1,
                        by="test", now=home.night.now)  # fmt: skip
        assert await rules.mark(connection) == before


async def test_months_of_history_teach_at_the_first_look_and_raise_nothing_old(home: Home) -> None:
    """A hole of nine hours the night before last is no news; the habits are there at once."""
    for day in range(1, 3):
        for hour in range(12):
            for minutes in (0, 3):
                await home.moves(NOON - timedelta(days=day) + hour * HOURS + minutes * MINUTES)
    await home.passes(10 * MINUTES)
    assert await home.found() == []
    home_1 = f"household:{home.night.town.households['home-1']}"
    states = await home.night.query(
        "SELECT length(state) > 150 FROM rule_states WHERE rule = 'inactivity' AND subject = %s", home_1
    )
    assert states == [(True,)]
