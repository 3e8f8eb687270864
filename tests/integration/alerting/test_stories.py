"""Stories of the engine, care time set by hand: whatever happens, somebody is asked, and nobody twice for nothing."""

from datetime import timedelta

import pytest
from fixtures.nights import Night

from alerting.answers import call_next
from devices.model import Hazard
from domain.incident import Outcome, Refused, SubjectKind
from domain.notification import AnswerKind, Via

ACCEPT, DECLINE, ARRIVE, CLOSE, TAKE = (
    AnswerKind.ACCEPT,
    AnswerKind.DECLINE,
    AnswerKind.ARRIVE,
    AnswerKind.CLOSE,
    AnswerKind.TAKE,
)
SECONDS, MINUTES, HOURS = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


async def test_children_then_neighbours_then_everyone_paid_for_it_then_the_duty_desk(night: Night) -> None:
    """Nobody answers anywhere: each step waits its time, and the desk of the town is asked last."""
    await night.raises()
    assert await night.passes() == ["daughter voice"]
    assert await night.passes(44 * SECONDS) == []
    assert await night.passes(1 * SECONDS) == ["son voice"]
    assert await night.passes(45 * SECONDS) == ["neighbour voice"]
    assert await night.passes(45 * SECONDS) == ["grid-worker voice"]
    assert await night.passes(60 * SECONDS) == ["cadre voice"]
    assert await night.passes(60 * SECONDS) == ["care-service voice"]
    assert await night.passes(60 * SECONDS) == ["desk voice"]


async def test_a_decline_moves_on_at_once(night: Night) -> None:
    """Who cannot go is not waited for."""
    incident = await night.raises()
    await night.passes()
    await night.says("daughter", DECLINE, incident)
    assert await night.passes() == ["son voice"]
    await night.says("son", DECLINE, incident)
    assert await night.passes() == ["neighbour voice"]


async def test_no_answer_gets_the_next_channel_and_the_next_person_at_once(night: Night) -> None:
    """The daughter lets it ring: she gets a message, and her brother is called meanwhile."""
    await night.raises()
    await night.passes()
    await night.becomes("daughter", "failed", "no_answer")
    assert await night.passes() == ["daughter sms", "son voice"]
    await night.becomes("son", "failed", "voicemail")
    assert await night.passes() == ["son sms", "neighbour voice"]


async def test_a_provider_that_refuses_a_number_costs_the_person_nothing(night: Night) -> None:
    """A failure of ours is no answer of hers: the next channel at once, and her time begins again."""
    await night.raises()
    await night.passes()
    await night.becomes("daughter", "failed", "refused_by_provider")
    assert await night.passes(20 * SECONDS) == ["daughter sms"]
    assert await night.passes(24 * SECONDS) == []
    assert await night.passes(2 * SECONDS) == ["son voice"]


async def test_fire_calls_everyone_at_once_and_an_acceptance_cancels_nothing(night: Night) -> None:
    """Severity 1: all circles in the same second, and they stay called."""
    incident = await night.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD)
    everyone = {"daughter", "son", "neighbour", "grid-worker", "cadre", "care-service", "desk"}
    assert {line.split()[0] for line in await night.passes()} == everyone
    await night.says("neighbour", ACCEPT, incident)
    assert await night.state(incident) == "acknowledged"
    assert await night.query("SELECT count(*) FROM notifications WHERE state = 'cancelled'") == [(0,)]


async def test_an_acceptance_cancels_what_waits_for_anything_less(night: Night) -> None:
    """Severity 2: what has not gone out yet does not."""
    incident = await night.raises()
    await night.passes(45 * SECONDS)
    given = await night.says("daughter", ACCEPT, incident)
    assert given.refused is None
    assert await night.query("SELECT count(*) FROM notifications WHERE state = 'cancelled'") == [(2,)]
    assert await night.passes(29 * MINUTES) == []


async def test_an_empty_circle_is_passed_at_once(night: Night) -> None:
    """A step with nobody in it costs no time."""
    await night.query("DELETE FROM circle_members WHERE circle = 'children'")
    await night.raises()
    assert await night.passes() == ["neighbour voice"]


async def test_a_round_hands_over_to_the_parent_and_goes_round_again(night: Night) -> None:
    """Village, town, county, and from the top round again, no faster than once a minute."""
    incident = await night.raises()
    asked = await night.passes(6 * MINUTES + 16 * SECONDS)
    assert asked[-1] == "daughter voice"  # the second round, at the town
    assert await night.query(
        "SELECT o.code FROM incidents i JOIN organisations o ON o.id = i.level_id WHERE i.id = %s", incident
    ) == [("town",)]
    asked = await night.passes(13 * MINUTES)
    assert "county-desk voice" in asked
    assert (await night.timeline(incident)).count("handed_over parent_organisation") == 2
    assert "handed_over top_organisation" in await night.timeline(incident)


async def test_a_round_lasts_a_minute_at_least_and_one_that_reached_nobody_is_an_alarm_itself(night: Night) -> None:
    """Nobody is enrolled anywhere: round after round, a minute each, and an incident of severity 1."""
    await night.query("DELETE FROM circle_members")
    incident = await night.raises()
    await night.passes(10 * MINUTES)
    (rounds,) = await night.query("SELECT round FROM incidents WHERE id = %s", incident)
    assert rounds[0] in (11, 12)
    alarms = await night.query("SELECT severity, subject_kind FROM incidents WHERE hazard = 'nobody_reached'")
    assert alarms
    assert set(alarms) == {(1, "organisation")}


async def test_accepted_but_never_arrived_opens_again(night: Night) -> None:
    """Half an hour after "I am going" nobody is there: it begins again."""
    incident = await night.raises()
    await night.passes()
    await night.says("daughter", ACCEPT, incident)
    assert await night.passes(29 * MINUTES) == []
    assert await night.passes(2 * MINUTES) == ["daughter voice", "son voice"]
    assert await night.state(incident) == "open"
    assert "reopened nobody_arrived" in await night.timeline(incident)


async def test_on_scene_and_forgotten_reminds_then_opens_again(night: Night) -> None:
    """Two hours on scene: a reminder; half an hour later it is open."""
    incident = await night.raises()
    await night.passes()
    await night.says("daughter", ARRIVE, incident)
    assert await night.passes(119 * MINUTES) == []
    assert await night.passes(2 * MINUTES) == ["remind: daughter voice"]
    asked = await night.passes(30 * MINUTES)
    assert asked[0] == "daughter voice"
    assert await night.state(incident) == "open"


async def test_an_engine_down_across_several_deadlines_asks_once_not_many_times(night: Night) -> None:
    """Ten minutes without an engine: one step, and one message."""
    await night.raises()
    await night.passes()
    asked = await night.sleeps(10 * MINUTES)
    assert asked == ["son voice"]


@pytest.mark.parametrize("engines", [2, 3])
async def test_two_and_three_engines_equal_one_message_for_message(night: Night, engines: int) -> None:
    """The row lock of an incident is the claim."""
    for home in (1, 2, 3):
        await night.raises(home=home)
    assert sorted(await night.sleeps(timedelta(0), engines)) == ["daughter voice"] * 3
    assert sorted(await night.sleeps(45 * SECONDS, engines)) == ["son voice"] * 3


async def test_a_press_after_acceptance_asks_those_who_accepted_first(night: Night) -> None:
    """She presses again: the daughter, who is on her way, is asked; after a minute without an answer everyone is."""
    incident = await night.raises()
    await night.passes()
    await night.says("daughter", ACCEPT, incident)
    await night.passes(5 * MINUTES)
    again = await night.raises()
    assert again == incident
    assert await night.passes() == ["ask_again: daughter voice"]
    assert await night.passes(59 * SECONDS) == []
    assert await night.passes(2 * SECONDS) == ["daughter voice"]
    assert "reopened no_answer_to_new_event" in await night.timeline(incident)


async def test_who_answers_the_second_press_keeps_it(night: Night) -> None:
    """The daughter says again that she is going: nobody else is disturbed."""
    incident = await night.raises()
    await night.passes()
    await night.says("daughter", ACCEPT, incident)
    await night.raises()
    await night.passes()
    assert (await night.says("daughter", ACCEPT, incident)).refused is None
    assert await night.passes(20 * MINUTES) == []
    assert await night.state(incident) == "acknowledged"


async def test_a_drill_does_not_swallow_a_live_press(night: Night) -> None:
    """Two modes, two incidents; and live people are not called for a drill."""
    drill = await night.raises(mode="drill")
    live = await night.raises()
    assert drill != live
    assert await night.passes() == ["daughter voice"]


async def test_her_fall_at_home_and_his_at_the_market_are_two_incidents(night: Night) -> None:
    """A worn device speaks of its wearer."""
    hers = await night.raises(Hazard.FALL, home=1)
    his = await night.raises(Hazard.FALL, home=2)
    assert hers != his
    assert await night.raises(Hazard.FALL, home=1) == hers


async def test_closed_cancels_what_is_pending_and_tells_the_device(night: Night) -> None:
    """After the outcome nobody is called any more; the button hears of it."""
    incident = await night.raises()
    await night.passes(45 * SECONDS)
    await night.says("daughter", ARRIVE, incident)
    given = await night.says("daughter", CLOSE, incident, outcome=Outcome.ASSISTANCE)
    assert given.refused is None
    assert await night.passes(5 * HOURS) == []
    stages = await night.query("SELECT stage, by FROM receipts ORDER BY id")
    assert stages == [("accepted", "daughter"), ("resolved", "")]
    assert await night.query("SELECT next_step_at, outcome FROM incidents") == [(None, "assistance")]


async def test_voicemail_is_not_acceptance(night: Night) -> None:
    """A machine that answers is nobody."""
    incident = await night.raises()
    await night.passes()
    await night.becomes("daughter", "failed", "voicemail")
    assert await night.passes() == ["daughter sms", "son voice"]
    assert await night.state(incident) == "open"


async def test_two_accept_at_once_and_the_second_is_recorded_by_name(night: Night) -> None:
    """Both go; each is told of the other."""
    incident = await night.raises()
    await night.passes(45 * SECONDS)
    assert (await night.says("daughter", ACCEPT, incident)).going == ()
    assert (await night.says("son", ACCEPT, incident)).going == ("daughter",)
    assert (await night.says("son", ACCEPT, incident)).refused is Refused.ALREADY_GIVEN
    timeline = await night.timeline(incident)
    assert timeline.count("accepted first") == 1
    assert timeline.count("accepted also") == 1


async def test_an_operator_takes_it_and_forgets_it(night: Night) -> None:
    """The calls pause for three minutes, and go on if nobody is named."""
    incident = await night.raises()
    await night.passes()
    await night.says("nobody", TAKE, incident, via=Via.CONSOLE, by="user:li")
    assert await night.passes(175 * SECONDS) == []
    assert await night.passes(6 * SECONDS) == ["son voice"]
    assert "resumed taken_ran_out" in await night.timeline(incident)


async def test_an_operator_who_names_a_responder_ends_the_calls(night: Night) -> None:
    """An acceptance on behalf counts as one, and both names are on the timeline."""
    incident = await night.raises()
    await night.passes()
    await night.says("nobody", TAKE, incident, via=Via.CONSOLE, by="user:li")
    await night.says("neighbour", ACCEPT, incident, via=Via.CONSOLE, by="user:li")
    assert await night.passes(20 * MINUTES) == []
    rows = await night.query("SELECT actor, detail ->> 'responder' FROM timeline WHERE kind = 'accepted'")
    assert rows == [("user:li", str(night.town.responders["neighbour"]))]


async def test_smoke_and_a_press_in_one_home_are_both_as_grave_as_the_smoke(night: Night) -> None:
    """Two hazards at once raise the lesser."""
    press = await night.raises()
    await night.passes()
    await night.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD)
    await night.passes(45 * SECONDS)
    assert await night.query("SELECT severity FROM incidents WHERE id = %s", press) == [(1,)]
    assert "severity_raised hazards_meet" in await night.timeline(press)


async def test_only_who_goes_may_say_how_it_ended_and_never_as_recovered(night: Night) -> None:
    """No silent end: a person who was there, or an operator, with an outcome."""
    incident = await night.raises()
    await night.passes()
    refused = await night.says("daughter", CLOSE, incident, outcome=Outcome.FALSE_ALARM)
    assert refused.refused is Refused.NOT_ACCEPTED
    await night.says("daughter", ACCEPT, incident)
    assert (await night.says("daughter", CLOSE, incident)).refused is Refused.OUTCOME_NEEDED
    refused = await night.says("daughter", CLOSE, incident, outcome=Outcome.RECOVERED)
    assert refused.refused is Refused.ONLY_THE_SYSTEM
    closed = await night.says("x", CLOSE, incident, outcome=Outcome.EMERGENCY, via=Via.CONSOLE, by="user:li")
    assert closed.refused is None
    late = await night.says("son", ACCEPT, incident)
    assert late.refused is Refused.ALREADY_RESOLVED


async def test_who_withdraws_alone_opens_it_again(night: Night) -> None:
    """The only one who was going cannot: it begins again at once."""
    incident = await night.raises()
    await night.passes()
    await night.says("daughter", ACCEPT, incident)
    await night.passes(5 * MINUTES)
    await night.says("daughter", DECLINE, incident)
    assert await night.state(incident) == "open"
    assert await night.passes() == ["son voice"]


async def test_a_plan_changed_in_mid_incident_rules_from_the_next_round(night: Night) -> None:
    """The round that runs keeps the plan it began with."""
    incident = await night.raises()
    assert await night.passes() == ["daughter voice"]
    await night.query(
        """INSERT INTO plans (organisation_id, hazard, version, plan, created_at)
           SELECT id, 'sos', 1, '{"hazard": "sos", "steps": [{"circle": "duty_desk", "manner": "all"}]}', now()
           FROM organisations WHERE code = 'heping'"""
    )
    assert await night.passes(45 * SECONDS) == ["son voice"]
    await night.passes(5 * MINUTES + 31 * SECONDS)
    circles = "SELECT circle FROM notifications WHERE incident_id = %s AND round = 2"
    assert await night.query(circles, incident) == [("duty_desk",)]


async def test_inactivity_asks_the_resident_first_and_her_word_ends_it(night: Night) -> None:
    """ "Press 1 if you are well": she is, and nobody else is disturbed."""
    await night.query("UPDATE households SET phone = '+8637212345678'")
    incident = await night.raises(Hazard.INACTIVITY)
    assert await night.passes() == ["resident voice"]
    await night.says("resident", AnswerKind.WELL, incident, by="resident")
    assert await night.query("SELECT outcome, resolved_by FROM incidents WHERE id = %s", incident) == [
        ("false_alarm", "resident")
    ]
    press = await night.raises(Hazard.SOS, home=2)
    assert (await night.says("resident", AnswerKind.WELL, press, by="resident")).refused is not None


async def test_a_daughter_who_is_also_the_neighbour_is_called_once_at_a_time(night: Night) -> None:
    """One person in two circles is one person."""
    await night.query(
        """INSERT INTO circle_members (household_id, circle, responder_id, rank)
           SELECT h.id, 'kin_neighbours', r.id, 1 FROM households h, responders r
           WHERE h.code = 'home-1' AND r.code = 'daughter'"""
    )
    await night.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD)
    assert (await night.passes()).count("daughter voice") == 1


async def test_only_who_is_on_duty_is_asked_of_a_circle_with_a_roster(night: Night) -> None:
    """The village has a roster for its grid workers: at noon on a Wednesday nobody of it is on duty; an override is."""
    await night.query(
        """INSERT INTO shifts (organisation_id, circle, responder_id, weekday, starts, ends)
           SELECT o.id, 'grid_workers', r.id, 2, '18:00', '06:00' FROM organisations o, responders r
           WHERE o.code = 'heping' AND r.code = 'grid-worker'"""
    )
    await night.query("DELETE FROM circle_members WHERE circle IN ('children', 'kin_neighbours')")
    await night.raises()
    assert await night.passes() == ["cadre voice"]
    await night.query(
        """INSERT INTO roster_overrides (organisation_id, circle, responder_id, starts_at, ends_at, on_duty)
           SELECT o.id, 'grid_workers', r.id, '2026-03-01', '2026-04-01', true FROM organisations o, responders r
           WHERE o.code = 'heping' AND r.code = 'grid-worker'"""
    )
    await night.raises(home=2)
    assert await night.passes() == ["grid-worker voice"]


async def test_an_operator_has_the_next_one_called_without_waiting(night: Night) -> None:
    """Nobody is skipped: the daughter's brother is called at once, then the neighbour; a pause ends as well."""
    incident = await night.raises()
    assert await night.passes() == ["daughter voice"]

    async def next_one() -> bool:
        night.now += SECONDS
        async with night.database.transaction() as connection:
            return await call_next(connection, incident, by="user:li", now=night.now)

    assert await next_one()
    assert await night.passes() == ["son voice"]
    assert await night.passes(40 * SECONDS) == []
    await night.says("nobody", TAKE, incident, via=Via.CONSOLE, by="user:li")
    assert await next_one()
    assert await night.passes() == ["neighbour voice"]
    await night.says("daughter", ACCEPT, incident)
    assert not await next_one()
    assert (await night.timeline(incident)).count("hurried by_operator") == 2


async def test_all_at_once_is_left_behind_at_an_operators_word(night: Night) -> None:
    """A step that calls everybody is over, and the next one begins."""
    await night.query("DELETE FROM circle_members WHERE circle IN ('children', 'kin_neighbours')")
    incident = await night.raises()
    assert await night.passes() == ["grid-worker voice"]
    night.now += SECONDS
    async with night.database.transaction() as connection:
        await call_next(connection, incident, by="user:li", now=night.now)
    assert await night.passes() == ["cadre voice"]
    assert "step_passed by_operator" in await night.timeline(incident)
