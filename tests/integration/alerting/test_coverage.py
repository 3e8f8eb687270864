"""Who could come if an alarm came now: gaps are found before anything happens."""

import pytest
from fixtures.nights import Night

from alerting.coverage import cover_of_home, coverage_turn, look_for_gaps
from domain.coverage import StepCover
from domain.errors import NotPermitted
from domain.people import Circle, OrganisationId
from domain.permissions import Actor, Scope
from store.coverage import gaps, summary


def clerk(night: Night, organisation: str = "county", *scopes: Scope) -> Actor:
    """Somebody of an organisation who may read."""
    return Actor(
        id="user:li",
        organisation_id=OrganisationId(night.town.organisations[organisation]),
        scopes=frozenset(scopes or {Scope.READ}),
    )


async def found(night: Night, organisation: str = "county") -> list[tuple[str, str | None]]:
    """The gaps that an organisation sees: kind, and home, person or organisation."""
    async with night.database.transaction() as connection:
        await look_for_gaps(connection, now=night.now)
        seen = await gaps(connection, clerk(night, organisation))
    return sorted((gap.kind.value, gap.household or gap.responder or gap.organisation) for gap in seen)


async def confirm(night: Night) -> None:
    """Everybody has answered once."""
    await night.query("UPDATE contacts SET confirmed_at = %s", night.now)


async def test_a_town_in_order_has_no_gaps(night: Night) -> None:
    """Everybody is there and has answered once."""
    await confirm(night)
    assert await found(night) == []


async def test_people_who_have_never_answered_are_a_gap(night: Night) -> None:
    """Numbers that were only written down may be wrong; one answer is enough."""
    assert await found(night) == [("unconfirmed", f"home-{n}") for n in (1, 2, 3)]
    await night.query("UPDATE contacts SET confirmed_at = %s WHERE address = '+8613900000001'", night.now)
    assert await found(night) == []


async def test_homes_that_only_the_desk_stands_behind_and_homes_that_nobody_does(night: Night) -> None:
    """Nobody in the village, no family in home 2; then the desks are empty too."""
    await confirm(night)
    await night.query("DELETE FROM circle_members WHERE circle IN ('grid_workers', 'village_cadres', 'care_service')")
    await night.query(
        "DELETE FROM circle_members WHERE household_id = (SELECT id FROM households WHERE code = 'home-2')"
    )
    assert await found(night) == [("only_the_desk", "home-2")]
    await night.query("DELETE FROM circle_members WHERE circle = 'duty_desk'")
    assert await found(night) == [("desk_unmanned", "heping"), ("nobody", "home-2")]


async def test_who_wants_no_messages_is_nobody(night: Night) -> None:
    """The only desk has sent STOP, on both channels: unreachable, and the desk of the county takes its place only when
    nobody is on duty below it.
    """
    await confirm(night)
    await night.query(
        """UPDATE contacts SET stopped_at = %s
           WHERE responder_id = (SELECT id FROM responders WHERE code = 'desk') AND channel IN ('voice', 'sms')""",
        night.now,
    )
    assert await found(night) == [("desk_unmanned", "heping"), ("unreachable", "desk")]


async def test_a_desk_that_is_off_duty_leaves_it_to_the_one_above(night: Night) -> None:
    """A roster without anybody now: the county's desk is asked, and there is no gap; without it there is."""
    await confirm(night)
    await night.query(
        """INSERT INTO shifts (organisation_id, circle, responder_id, weekday, starts, ends)
           SELECT o.id, 'duty_desk', r.id, 5, '08:00', '18:00' FROM organisations o, responders r
           WHERE o.code = 'town' AND r.code = 'desk'"""
    )
    assert await found(night) == []
    await night.query(
        "DELETE FROM circle_members WHERE organisation_id = (SELECT id FROM organisations WHERE code = 'county')"
    )
    assert await found(night) == [("desk_unmanned", "heping")]


async def test_gaps_keep_their_beginning_and_end_when_they_are_filled(night: Night) -> None:
    """Looked at again they last; filled they are gone."""
    await found(night)
    began = night.now
    await night.passes()
    await found(night)
    assert set(await night.query("SELECT DISTINCT since FROM coverage_gaps")) == {(began,)}
    await confirm(night)
    assert await found(night) == []


async def test_only_the_own_subtree_is_seen_and_only_by_who_may_read(night: Night) -> None:
    """Another county sees nothing of it."""
    await night.query("INSERT INTO organisations (code, kind, name) VALUES ('other', 'county', 'Other')")
    rows = await night.query("SELECT id FROM organisations WHERE code = 'other'")
    night.town.organisations["other"] = rows[0][0]
    assert len(await found(night)) == 3
    assert await found(night, "other") == []
    async with night.database.transaction() as connection:
        assert sum((await summary(connection, clerk(night, "heping"))).values()) == 3
        home = night.town.households["home-1"]
        assert await cover_of_home(connection, clerk(night, "other"), home, now=night.now) is None
        with pytest.raises(NotPermitted):
            await gaps(connection, clerk(night, "county", Scope.ACT))


async def test_the_steps_of_a_home_show_how_many_could_come(night: Night) -> None:
    """Asked, reachable, confirmed."""
    await night.query("UPDATE contacts SET confirmed_at = %s WHERE address = '+8613900000001'", night.now)
    await night.query("UPDATE contacts SET stopped_at = %s WHERE address = '+8613900000003'", night.now)
    async with night.database.transaction() as connection:
        steps = await cover_of_home(connection, clerk(night), night.town.households["home-1"], now=night.now)
    assert steps is not None
    assert steps[:2] == (
        StepCover(circle=Circle.CHILDREN, people=2, reachable=2, confirmed=1),
        StepCover(circle=Circle.KIN_NEIGHBOURS, people=1, reachable=0, confirmed=0),
    )
    assert [step.people for step in steps[2:]] == [1, 1, 1, 1]


async def test_one_engine_looks_every_ten_minutes(night: Night) -> None:
    """Others pass on."""
    first = await coverage_turn(night.database, night.now)
    await confirm(night)
    await coverage_turn(night.database, night.now)
    assert await night.query("SELECT count(*) FROM coverage_gaps") == [(3,)]
    await coverage_turn(night.database, first)
    assert await night.query("SELECT count(*) FROM coverage_gaps") == [(0,)]
