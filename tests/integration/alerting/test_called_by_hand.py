"""Calls that an operator has made beyond the plan: to whom, once, and beside the plan."""

import asyncio
from datetime import timedelta

import pytest
from fixtures.nights import Night
from fixtures.switchboard import Switchboard
from fixtures.town import CADRE

from alerting.answers import UnknownIncident
from alerting.called_by_hand import NotCalled, call_somebody
from domain.incident import IncidentId, Outcome
from domain.notification import AnswerKind, Via
from domain.people import ContactId, OrganisationId
from domain.permissions import ROLE_SCOPES, Actor, Role
from store.reachable import reachable


def _operator(night: Night, organisation: str = "town") -> Actor:
    return Actor(
        id="user:li",
        organisation_id=OrganisationId(night.town.organisations[organisation]),
        scopes=ROLE_SCOPES[Role.OPERATOR],
        role=Role.OPERATOR,
    )


async def _contact(night: Night, who: str, channel: str = "voice") -> ContactId:
    rows = await night.query(
        """SELECT c.id FROM contacts c JOIN responders r ON r.id = c.responder_id
           WHERE r.code = %s AND c.channel = %s""",
        *(who, channel),
    )
    return ContactId(rows[0][0])


async def _calls(night: Night, incident: IncidentId, who: str, channel: str = "voice") -> NotCalled | None:
    contact = await _contact(night, who, channel)
    async with night.database.transaction() as connection:
        return await call_somebody(connection, incident, contact, actor=_operator(night), now=night.now)


async def test_somebody_else_is_called_at_once_and_the_plan_goes_on(night: Night) -> None:
    """The daughter's turn is not disturbed, and whoever is being called by hand is not called by the plan as well."""
    incident = await night.raises()
    assert await night.passes() == ["daughter voice"]
    assert await _calls(night, incident, "cadre") is None
    assert await _calls(night, incident, "son") is None
    assert await night.asked() == ["cadre voice", "son voice"]
    assert await night.passes(timedelta(seconds=50)) == ["neighbour voice"]
    assert (await night.timeline(incident)).count("ask by_operator") == 2
    rows = await night.query("SELECT actor, detail ->> 'step' FROM timeline WHERE reason = 'by_operator'")
    assert rows == [("user:li", "-1"), ("user:li", "-1")]


async def test_a_failed_call_by_hand_moves_no_step_on_and_can_be_made_again(night: Night) -> None:
    """Its failure is the operator's to judge; the plan still asks this person in her own step."""
    incident = await night.raises()
    await night.passes()
    assert await _calls(night, incident, "son") is None
    await night.asked()
    await night.becomes("son", "failed", "no_answer")
    assert await night.passes(timedelta(seconds=1)) == []
    assert await _calls(night, incident, "son") is None
    await night.becomes("son", "failed", "no_answer")
    assert await night.asked() == ["son voice"]
    assert "son voice" in await night.passes(timedelta(seconds=50))


async def test_nobody_is_called_twice_at_once(night: Night) -> None:
    """Two operators press at the same moment: one call goes out, and the other is told so."""
    incident = await night.raises()
    await night.passes()
    assert await _calls(night, incident, "daughter") is NotCalled.BEING_REACHED
    outcomes = await asyncio.gather(*(_calls(night, incident, "cadre") for _ in range(4)))
    assert (outcomes.count(None), outcomes.count(NotCalled.BEING_REACHED)) == (1, 3)
    assert await night.asked() == ["cadre voice"]


async def test_a_taken_incident_calls_whom_the_operator_names_and_nobody_else(night: Night) -> None:
    """The pause holds the plan, not the operator's own hand."""
    incident = await night.raises()
    await night.passes()
    await night.says("nobody", AnswerKind.TAKE, incident, via=Via.CONSOLE, by="user:li")
    assert await _calls(night, incident, "cadre") is None
    assert await night.passes(timedelta(seconds=170)) == ["cadre voice"]


async def test_who_cannot_be_called(night: Night) -> None:
    """Who goes already, who is off duty, who is strange to it; and nobody once it is resolved."""
    incident = await night.raises()
    await night.passes()
    await night.says("neighbour", AnswerKind.ACCEPT, incident)
    assert await _calls(night, incident, "neighbour") is NotCalled.GOING
    await night.query(
        """INSERT INTO shifts (organisation_id, circle, responder_id, weekday, starts, ends)
           SELECT m.organisation_id, m.circle, m.responder_id, 6, '00:00', '01:00' FROM circle_members m
           JOIN responders r ON r.id = m.responder_id WHERE r.code = 'cadre'"""
    )
    assert await _calls(night, incident, "cadre") is NotCalled.NOBODY
    async with night.database.transaction() as connection:
        missing = await call_somebody(connection, incident, ContactId(10**9), actor=_operator(night), now=night.now)
        assert missing is NotCalled.NOBODY
        with pytest.raises(UnknownIncident):
            await call_somebody(connection, IncidentId(10**9), ContactId(1), actor=_operator(night), now=night.now)
    await night.says("x", AnswerKind.CLOSE, incident, outcome=Outcome.ASSISTANCE, via=Via.CONSOLE, by="user:li")
    assert await _calls(night, incident, "son") is NotCalled.ENDED


async def test_the_nearest_stand_first_and_are_found_by_a_part_of_a_name(night: Night) -> None:
    """The home's own circle, then the village, the town, the county; each person once."""
    incident = await night.raises()
    await night.passes()
    async with night.database.transaction() as connection:
        everybody = await reachable(connection, incident, _operator(night, "county"), now=night.now)
        found = await reachable(connection, incident, _operator(night, "county"), now=night.now, find="Cad")
    names = [one.name for one in everybody]
    assert names[:3] == ["daughter", "son", "neighbour"]
    assert names[-1] == "county-desk"
    assert len(set(names)) == len(names)
    assert [bool(one.reaching) for one in everybody][:2] == [True, False]
    assert [one.name for one in found] == ["cadre"]


async def test_the_call_says_what_every_call_says_and_is_answered_like_it(switchboard: Switchboard) -> None:
    """Through the same sender: key 1 accepts, and the incident is acknowledged."""
    switchboard.person(CADRE)
    incident = await switchboard.night.raises()
    assert await _calls(switchboard.night, incident, "cadre") is None
    await switchboard.start()
    call = await switchboard.network.wait_for_call(CADRE)
    await call.answer()
    await call.hears("按1")
    await call.press("1")
    await call.hears("三组1号")
    assert await switchboard.night.state(incident) == "acknowledged"
    await call.hang_up()
    await switchboard.hung_up(CADRE)
