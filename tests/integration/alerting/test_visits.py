"""The call-and-visit list of an area incident: which homes stand on it, and what becomes of a mark."""

from datetime import timedelta

import pytest
from fixtures.nights import Night, night_in

from alerting.answers import UnknownIncident
from alerting.visits import NotMarked, mark
from devices.model import Hazard
from domain.area import HomeState
from domain.incident import IncidentId
from store import visits
from store.pool import Database


@pytest.fixture
async def dark(database: Database) -> Night:
    """Twelve homes with four devices each, of which eleven went dark at once; two of their residents are frail."""
    night = await night_in(database, homes=12)
    await night.query("UPDATE residents SET categories = '{living_alone}' WHERE code = 'zhang-9'")
    await night.query("UPDATE residents SET categories = '{dementia}', born_on = '1940-05-01' WHERE code = 'zhang-7'")
    await night.watch(timedelta(minutes=6))
    await night.speak("%", online=True, session="a")
    await night.watch()
    for home in range(1, 12):
        await night.lose(f"%-{home}")
    await night.watch(timedelta(minutes=5))
    assert await night.unresolved(Hazard.AREA_OUTAGE) == ["heping"]
    return night


async def _area(night: Night) -> IncidentId:
    rows = await night.query("SELECT id FROM incidents WHERE hazard = 'area_outage'")
    return IncidentId(rows[0][0])


async def _marks(night: Night, home: str, state: HomeState, by: str = "user:li") -> NotMarked | None:
    area = await _area(night)
    async with night.database.transaction() as connection:
        return await mark(connection, area, home, state, by=by, now=night.now)


async def test_the_dark_homes_stand_on_the_list_the_frail_first(dark: Night) -> None:
    """And nobody whose home has power; with how many of their devices are back."""
    area = await _area(dark)
    async with dark.database.transaction() as connection:
        listed = await visits.homes(connection, area, most=100)
        first = await visits.homes(connection, area, most=2)
        standing = await visits.standing(connection, area)
    assert [one.code for one in listed[:2]] == [one.code for one in first] == ["home-7", "home-9"]
    assert sorted(one.code for one in listed) == sorted(f"home-{n}" for n in range(1, 12))
    assert {(one.devices, one.back, one.state) for one in listed} == {(4, 0, HomeState.NOT_ASKED)}
    assert listed[0].residents[0].categories == ["dementia"]
    assert standing == {HomeState.NOT_ASKED: 11}


async def test_a_mark_is_kept_counted_and_told_and_moves_no_home(dark: Night) -> None:
    """The last one counts, also of another operator; the timeline tells them all; saying it twice is no news."""
    area = await _area(dark)
    assert await _marks(dark, "home-9", HomeState.CALLED) is None
    assert await _marks(dark, "home-9", HomeState.CALLED, by="user:wang") is NotMarked.NO_NEWS
    assert await _marks(dark, "home-9", HomeState.FINE, by="user:wang") is None
    assert await _marks(dark, "home-3", HomeState.VISITED) is None
    async with dark.database.transaction() as connection:
        listed = await visits.homes(connection, area, most=100)
        standing = await visits.standing(connection, area)
    assert (listed[1].code, listed[1].state, listed[1].by, listed[1].at) == (
        *("home-9", HomeState.FINE, "user:wang", dark.now),
    )
    assert standing == {HomeState.NOT_ASKED: 9, HomeState.FINE: 1, HomeState.VISITED: 1}
    rows = await dark.query(
        """SELECT reason, actor, detail ->> 'household', detail ->> 'before' FROM timeline
           WHERE kind = 'home' ORDER BY id"""
    )
    assert rows == [
        ("called", "user:li", "home-9", "not_asked"),
        ("fine", "user:wang", "home-9", "called"),
        ("visited", "user:li", "home-3", "not_asked"),
    ]


async def test_who_needs_help_is_helped(dark: Night) -> None:
    """An incident of that home opens beside the area's, and its plan calls her children; once for one mark."""
    assert await _marks(dark, "home-7", HomeState.NEEDS_HELP) is None
    assert await _marks(dark, "home-7", HomeState.NEEDS_HELP) is NotMarked.NO_NEWS
    assert "daughter voice" in await dark.passes()
    rows = await dark.query(
        """SELECT h.code, i.severity, i.alarms FROM incidents i JOIN households h ON h.id = i.household_id
           WHERE i.hazard = 'sos'"""
    )
    assert rows == [("home-7", 2, 1)]


async def test_what_stands_on_no_list_cannot_be_marked(dark: Night) -> None:
    """A home that has power, a home that is not there, an incident that is not there."""
    assert await _marks(dark, "home-12", HomeState.CALLED) is NotMarked.NOT_CONCERNED
    assert await _marks(dark, "nowhere", HomeState.CALLED) is NotMarked.NOT_CONCERNED
    async with dark.database.transaction() as connection:
        with pytest.raises(UnknownIncident):
            await mark(connection, IncidentId(10**9), "home-1", HomeState.CALLED, by="user:li", now=dark.now)
    assert await dark.query("SELECT count(*) FROM area_visits") == [(0,)]
