"""Stories of silence, care time set by hand: what falls silent is found, what comes back ends it, and what we failed to
hear ourselves is held against nobody.
"""

import asyncio
from datetime import timedelta

import pytest
from fixtures.nights import Night

from alerting.supervision import look, settle, supervision_turn
from devices.model import Hazard
from domain.supervision import unwritten_for
from store import supervision as store

SECONDS, MINUTES, HOURS = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OFFLINE = Hazard.DEVICE_OFFLINE
OF_HOME_1 = ["band-1", "button-1", "motion-1", "smoke-1"]


async def quiet(night: Night, *, silent_after: timedelta = 30 * MINUTES) -> None:
    """Every device has just spoken, and may be silent for so long; we have been hearing for a while."""
    await night.classes(silent_after)
    await night.watch(10 * MINUTES, speaking="%")


async def reasons(night: Night, hazard: Hazard = OFFLINE) -> list[tuple[str, str]]:
    """What the timelines of all incidents of ``hazard`` say, in order, without the doings of the plan."""
    rows = await night.query(
        """SELECT t.kind, coalesce(t.detail ->> 'because', t.reason) FROM timeline t
           JOIN incidents i ON i.id = t.incident_id
           WHERE i.hazard = %s AND t.kind NOT IN ('round', 'ask', 'step_passed', 'handed_over') ORDER BY t.id""",
        hazard.value,
    )
    return [(row[0], row[1]) for row in rows]


async def test_a_silent_device_is_an_incident_in_its_time_and_ends_when_it_is_heard(night: Night) -> None:
    """A home stops; after half an hour it is an incident, five minutes later somebody is told; one word ends it."""
    await quiet(night)
    assert await night.watch(29 * MINUTES, speaking="%-2") == []
    assert await night.unresolved(OFFLINE) == []
    await night.watch(3 * MINUTES, speaking="%-2")
    assert await night.unresolved(OFFLINE) == sorted([*OF_HOME_1, "band-3", "button-3", "motion-3", "smoke-3"])
    assert await night.watch(5 * MINUTES, speaking="%-2") == ["grid-worker sms"] * 8
    await night.watch(20 * SECONDS, speaking="%")
    assert await night.unresolved(OFFLINE) == []
    rows = await night.query("SELECT DISTINCT outcome, resolved_by, severity FROM incidents")
    assert rows == [("recovered", "system", 5)]
    assert await night.query("SELECT count(*) FROM notifications WHERE state = 'pending'") == [(0,)]


async def test_a_device_that_was_never_heard_is_silent_too(night: Night) -> None:
    """Registered, and never a word: an incident after its class, counted from when we began to hear."""
    await night.classes(30 * MINUTES)
    await night.watch(34 * MINUTES, speaking="%-2")
    assert await night.unresolved(OFFLINE) == []
    await night.watch(3 * MINUTES, speaking="%-2")
    assert len(await night.unresolved(OFFLINE)) == 8
    assert set(await reasons(night)) == {("opened", "never_heard")}


async def test_without_canaries_nobody_is_silent(night: Night) -> None:
    """The lanes have never run: for days nothing is held against anybody."""
    await night.classes(30 * MINUTES)
    assert await night.watch(2 * MINUTES, hearing=False) == []
    for _ in range(6):
        night.now += 12 * HOURS
        await night.watch(hearing=False)
    assert await night.unresolved(OFFLINE) == []


async def test_our_own_outage_raises_no_alarm_and_real_silence_after_it_does(night: Night) -> None:
    """An hour without a broker. Most devices are back within minutes; one home is not, and is given its full time."""
    await quiet(night)
    await night.idle(20 * MINUTES)
    await night.watch()  # 20 of its 30 minutes have passed
    for _ in range(6):
        night.now += 10 * MINUTES
        await night.watch(hearing=False)
    await night.watch(4 * MINUTES)
    await night.watch(8 * MINUTES, speaking="%-2")
    await night.speak("%-3")
    assert await reasons(night) == []
    await night.watch(6 * MINUTES, speaking="%-2")
    assert await night.unresolved(OFFLINE) == OF_HOME_1


async def test_a_backlog_after_a_database_outage_is_heard_before_anybody_is_judged(night: Night) -> None:
    """The broker kept an hour of messages and canaries. They come through late, in order: nobody is judged by a moment
    up to which not everything has been heard.
    """
    await quiet(night)
    night.now += HOURS
    for ago in range(60, 0, -10):  # the backlog, ten minutes at a time; home 1 had spoken every twenty minutes
        for part in range(20):
            await night.canary(published_ago=ago * MINUTES - part * 30 * SECONDS)
        await night.speak("%-1") if ago % 20 == 0 else None
        await supervision_turn(night.database, night.now)
        night.now += 10 * SECONDS
    await night.watch(20 * SECONDS)
    assert await night.unresolved(OFFLINE) == sorted(
        f"{kind}-{home}" for kind in ("band", "button", "motion", "smoke") for home in (2, 3)
    )


async def test_an_engine_that_was_down_finds_who_fell_silent_meanwhile(night: Night) -> None:
    """We were hearing all the time, only nobody judged: silence in that hour is real."""
    await quiet(night)
    await night.idle(HOURS)
    await night.speak("%-2")
    await night.watch()
    assert len(await night.unresolved(OFFLINE)) == 8


async def test_a_last_will_shortens_the_wait(night: Night) -> None:
    """A device that may be silent for a day loses its connection: five minutes are enough. Back in time is nothing."""
    await quiet(night, silent_after=25 * HOURS)
    await night.speak("%", online=True, session="a")
    await night.watch()
    await night.lose("band-1")
    await night.lose("band-2")
    await night.watch(4 * MINUTES)
    await night.speak("band-2", online=True, session="b")
    await night.watch(2 * MINUTES)
    assert await night.unresolved(OFFLINE) == ["band-1"]
    assert await reasons(night) == [("opened", "connection_lost")]
    await night.speak("band-1", online=True, session="c")
    await night.watch()
    assert await night.unresolved(OFFLINE) == []
    await night.lose("band-1")
    await night.watch(6 * MINUTES)
    assert await night.unresolved(OFFLINE) == ["band-1"]


async def test_a_device_that_speaks_is_there_whatever_its_last_will_said(night: Night) -> None:
    """It came back without saying so: what it says is proof enough."""
    await quiet(night, silent_after=25 * HOURS)
    await night.lose("band-1")
    await night.watch(2 * MINUTES)
    await night.speak("band-1")
    await night.watch(20 * MINUTES)
    assert await night.unresolved(OFFLINE) == []


async def test_a_will_that_comes_late_is_no_sign_of_life(night: Night) -> None:
    """Judged silent by its class, then the broker hands out the will, and ingest counts it as heard: still silent."""
    await quiet(night, silent_after=3 * MINUTES)
    await night.watch(4 * MINUTES, speaking="%-2")
    assert len(await night.unresolved(OFFLINE)) == 8
    await night.speak("%-1", online=False, session="a")
    await night.watch(10 * MINUTES, speaking="%-2")
    assert len(await night.unresolved(OFFLINE)) == 8


async def test_a_changed_class_counts_at_once_from_the_change(night: Night) -> None:
    """From 25 hours to half an hour: nobody is guilty of the past, and half an hour later everybody silent is found."""
    await quiet(night, silent_after=25 * HOURS)
    await night.idle(2 * HOURS)
    await night.classes(30 * MINUTES)
    await night.watch(29 * MINUTES, speaking="%-2")
    assert await night.unresolved(OFFLINE) == []
    await night.watch(3 * MINUTES, speaking="%-2")
    assert len(await night.unresolved(OFFLINE)) == 8


async def test_a_round_that_read_the_old_class_does_not_put_the_old_deadline_back(night: Night) -> None:
    """While one engine judges a watch its class changes, and another settles that: the new deadline stays."""
    await quiet(night)
    await night.idle(29 * MINUTES)
    await night.query("UPDATE watches SET due_at = %s", night.now)
    async with night.database.transaction() as connection:
        outages = await store.outages(connection, now=night.now)
        assert await look(connection, horizon=night.now, outages=outages, now=night.now) == 12
        await night.classes(3 * MINUTES)
        settling = asyncio.create_task(settle(night.database, night.now))
        await asyncio.sleep(0.2)
        assert not settling.done()
    await settling
    await night.watch()
    rows = await night.query("SELECT DISTINCT due_at, silent_after FROM watches")
    due_at = night.now + 3 * MINUTES + unwritten_for(3 * MINUTES)
    assert rows == [(due_at, 3 * MINUTES)]


async def test_a_device_that_moves_or_is_retired_takes_its_incident_along(night: Night) -> None:
    """Silent in home 1; one device moves to home 2, one is retired: nobody is sent to home 1 for them any more."""
    await quiet(night)
    await night.watch(32 * MINUTES, speaking="%-2")
    await night.query(
        "UPDATE devices SET household_id = %s, resident_id = NULL WHERE device_id = 'motion-1'",
        night.town.households["home-2"],
    )
    await night.query("UPDATE devices SET retired_at = %s WHERE device_id = 'band-1'", night.now)
    await night.watch(MINUTES, speaking="%-2")
    assert [one for one in await night.unresolved(OFFLINE) if one.endswith("-1")] == ["button-1", "smoke-1"]
    assert {("resolved", "moved"), ("resolved", "retired")} <= set(await reasons(night))
    await night.watch(32 * MINUTES, speaking="%-2")
    home = await night.query(
        """SELECT h.code FROM incidents i JOIN households h ON h.id = i.household_id
           JOIN devices d ON d.id = i.device_key WHERE d.device_id = 'motion-1' AND i.state <> 'resolved'"""
    )
    assert home == [("home-2",)]


async def test_a_flapping_device_is_one_incident_until_it_has_been_steady(night: Night) -> None:
    """On and off: the second silence ends only after an hour of being heard, and the third is no new incident."""
    await quiet(night, silent_after=3 * MINUTES)
    for _ in range(3):
        await night.watch(5 * MINUTES, speaking="%-2")
        assert "band-1" in await night.unresolved(OFFLINE)
        await night.watch(5 * MINUTES, speaking="%")
    rows = await night.query(
        """SELECT i.alarms, i.state FROM incidents i JOIN devices d ON d.id = i.device_key
           WHERE d.device_id = 'band-1' ORDER BY i.id"""
    )
    assert rows == [(1, "resolved"), (2, "open")]
    await night.watch(54 * MINUTES, speaking="%")
    assert "band-1" in await night.unresolved(OFFLINE)
    await night.watch(2 * MINUTES, speaking="%")
    assert await night.unresolved(OFFLINE) == []


@pytest.mark.parametrize("engines", [2, 3])
async def test_several_engines_find_each_silence_once(night: Night, engines: int) -> None:
    """The lock of a watch is the claim."""
    await quiet(night)
    await night.idle(32 * MINUTES)
    await asyncio.gather(*(supervision_turn(night.database, night.now) for _ in range(engines)))
    await night.watch()
    assert await night.query("SELECT count(*), sum(alarms) FROM incidents WHERE hazard = 'device_offline'") == [
        (12, 12)
    ]
    await night.speak("%")
    await asyncio.gather(*(supervision_turn(night.database, night.now) for _ in range(engines)))
    await night.watch()
    assert await night.unresolved(OFFLINE) == []
    assert (await reasons(night)).count(("resolved", "heard_again")) == 12


async def test_words_that_race_the_time_out_never_leave_an_incident_behind(night: Night) -> None:
    """Judged silent; its words, received before, are committed after: the next look takes the judgement back."""
    await quiet(night)
    await night.idle(32 * MINUTES)
    received_at = night.now - 3 * MINUTES
    async with night.database.transaction() as judging:
        assert await look(judging, horizon=night.now, outages=(), now=night.now) == 12
        await night.query("UPDATE device_states SET last_seen_at = %s", received_at)
    assert len(await night.unresolved(OFFLINE)) == 12
    night.now += 5 * SECONDS
    await night.watch()
    assert await night.unresolved(OFFLINE) == []


async def test_a_wristband_rests_while_its_wearer_is_in_hospital_and_the_smoke_alarm_does_not(night: Night) -> None:
    """Absence obeys where the resident is; the home is still to be kept safe."""
    await quiet(night)
    await night.query("UPDATE residents SET state = 'hospital' WHERE code = 'zhang-1'")
    await night.watch(40 * MINUTES, speaking="%-2")
    assert [one for one in await night.unresolved(OFFLINE) if one.endswith("-1")] == ["motion-1", "smoke-1"]
    await night.query("UPDATE residents SET state = 'home' WHERE code = 'zhang-1'")
    await night.watch(29 * MINUTES, speaking="%-2")
    assert "band-1" not in await night.unresolved(OFFLINE)
    await night.watch(3 * MINUTES, speaking="%-2")
    assert "band-1" in await night.unresolved(OFFLINE)


async def test_a_device_of_a_drill_home_is_an_incident_of_a_drill(night: Night) -> None:
    """Mode comes from registration."""
    await night.query("UPDATE households SET mode = 'drill' WHERE code = 'home-1'")
    await quiet(night)
    await night.watch(32 * MINUTES, speaking="%-2")
    rows = await night.query(
        "SELECT mode, count(*) FROM incidents WHERE hazard = 'device_offline' GROUP BY 1 ORDER BY 1"
    )
    assert rows == [("drill", 4), ("live", 4)]


async def measure(night: Night, percent: float, *, charging: bool | None = None) -> None:
    """The wristband of home 1 measures its battery."""
    await night.speak("band-1")
    await night.query(
        """UPDATE device_states s SET battery_pct = %s, battery_at = %s, charging = %s FROM devices d
           WHERE d.id = s.device_key AND d.device_id = 'band-1'""",
        *(percent, night.now, charging),
    )
    await night.watch(MINUTES, speaking="%")


async def test_a_low_battery_is_an_incident_until_it_is_well_above(night: Night) -> None:
    """15 % is low; 20 % is still; 25 % is well, and the incident ends with the evidence."""
    await quiet(night)
    await measure(night, 16)
    assert await night.unresolved(Hazard.LOW_BATTERY) == []
    await measure(night, 15)
    assert await night.unresolved(Hazard.LOW_BATTERY) == ["band-1"]
    await measure(night, 20)
    assert await night.unresolved(Hazard.LOW_BATTERY) == ["band-1"]
    await measure(night, 80)
    await night.watch(MINUTES, speaking="%")
    assert await night.unresolved(Hazard.LOW_BATTERY) == []
    assert await reasons(night, Hazard.LOW_BATTERY) == [("opened", "measured_low"), ("resolved", "battery_well")]


async def test_a_bogus_zero_is_not_believed_until_it_is_repeated(night: Night) -> None:
    """0 after a restart, or while charging, is "unknown"; said twice on battery it is empty."""
    await quiet(night)
    await measure(night, 90)
    await measure(night, 0)
    await measure(night, 89)
    await measure(night, 0, charging=True)
    await measure(night, 0, charging=True)
    assert await night.unresolved(Hazard.LOW_BATTERY) == []
    await measure(night, 0)
    await measure(night, 0)
    assert await night.unresolved(Hazard.LOW_BATTERY) == ["band-1"]


async def test_a_device_that_calls_its_own_battery_low_may_withdraw_it(night: Night) -> None:
    """Some devices state no figure: low, then no longer low."""
    await quiet(night)
    for state in ("raised", "cleared"):
        await night.query(
            """WITH alarm AS (
                   INSERT INTO alarms (source, identity, device_key, hazard, state, mode, received_at, digest, payload)
                   VALUES ('smoke-1', %s, %s, 'low_battery', %s, 'live', %s, 0, '') RETURNING id, state
               ), incident AS (
                   INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id,
                                          household_id, device_key, opened_at, last_alarm_at, next_step_at)
                   SELECT 'live', 'device', d.id, 'low_battery', 5, h.organisation_id, h.organisation_id, h.id, d.id,
                          %s, %s, %s
                   FROM alarm, devices d JOIN households h ON h.id = d.household_id
                   WHERE d.device_id = 'smoke-1' AND alarm.state = 'raised' RETURNING id)
               INSERT INTO incident_alarms SELECT alarm.id, incident.id FROM alarm, incident""",
            *(state, night.town.devices["smoke-1"], state, night.now, night.now, night.now, night.now),
        )
        await night.watch(2 * MINUTES, speaking="%")
        assert await night.unresolved(Hazard.LOW_BATTERY) == (["smoke-1"] if state == "raised" else [])
    assert ("resolved", "cleared_by_device") in await reasons(night, Hazard.LOW_BATTERY)
