"""Stories of many silent together: one incident speaks for them, a call for help is never held, and who stays silent
when the others are back speaks for itself again.
"""

from datetime import timedelta

import pytest
from fixtures.nights import Night, night_in

from devices.model import Hazard
from domain.incident import Outcome, SubjectKind
from domain.notification import AnswerKind, Via
from store.pool import Database

SECONDS, MINUTES, HOURS = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OFFLINE, AREA = Hazard.DEVICE_OFFLINE, Hazard.AREA_OUTAGE


@pytest.fixture
async def village(database: Database) -> Night:
    """Three hundred homes with four devices each, all connected; we have been hearing for a while."""
    village = await night_in(database, homes=300)
    await village.watch(6 * MINUTES)
    await village.speak("%", online=True, session="a")
    await village.watch()
    return village


async def asked_for(night: Night, hazard: Hazard) -> int:
    """How many notifications there are about incidents of ``hazard`` that were not taken back."""
    rows = await night.query(
        """SELECT count(*) FROM notifications n JOIN incidents i ON i.id = n.incident_id
           WHERE i.hazard = %s AND n.state <> 'cancelled'""",
        hazard.value,
    )
    return int(rows[0][0])


async def test_three_hundred_homes_dark_at_once_are_one_incident(village: Night) -> None:
    """A power cut: 1,200 devices go, one area incident is told to the duty desk and the village, nobody is called for
    any single device. At home 7 somebody presses her button: that is not held.
    """
    await village.lose("%")
    await village.watch(20 * MINUTES)
    assert await village.unresolved(AREA) == ["heping"]
    assert len(await village.unresolved(OFFLINE)) == 1200
    assert await asked_for(village, OFFLINE) == 0
    assert 0 < await asked_for(village, AREA) < 10
    assert await village.query(
        "SELECT count(*) FROM incidents WHERE area_id IS NULL AND hazard = 'device_offline'"
    ) == [(0,)]
    press = await village.raises(Hazard.SOS, home=7)
    smoke = await village.raises(Hazard.SMOKE, home=8, subject=SubjectKind.HOUSEHOLD)
    asked = await village.watch()
    assert "daughter voice" in asked
    assert len(asked) > 5
    assert await village.query("SELECT area_id FROM incidents WHERE id IN (%s, %s)", press, smoke) == [(None,)] * 2


async def test_when_the_others_are_back_who_is_still_silent_speaks_for_itself(village: Night) -> None:
    """Power returns to all but five homes: the area is over, with the figures, and their own plans start at once."""
    await village.lose("%")
    await village.watch(20 * MINUTES)
    await village.speak("%-__", online=True, session="b")  # homes 10 to 99
    await village.watch(20 * SECONDS)
    assert await village.unresolved(AREA) == ["heping"]
    await village.speak("%-1__", online=True, session="b")
    await village.speak("%-2__", online=True, session="b")
    await village.speak("%-300", online=True, session="b")
    await village.speak("%-1", online=True, session="b")
    await village.watch(20 * SECONDS)
    assert await village.unresolved(AREA) == []
    assert len(await village.unresolved(OFFLINE)) == 8 * 4
    assert await asked_for(village, OFFLINE) == 8 * 4
    (evidence,) = await village.query(
        """SELECT t.detail -> 'devices', t.detail -> 'still_silent', i.outcome FROM timeline t
           JOIN incidents i ON i.id = t.incident_id WHERE t.kind = 'resolved' AND i.hazard = 'area_outage'"""
    )
    assert evidence == (1200, 32, "recovered")
    timelines = await village.query(
        """SELECT DISTINCT array_agg(t.kind ORDER BY t.id) FROM timeline t JOIN incidents i ON i.id = t.incident_id
           WHERE i.hazard = 'device_offline' AND i.state <> 'resolved' AND t.kind IN ('opened', 'held', 'released')
           GROUP BY i.id"""
    )
    assert timelines == [(["opened", "held", "released"],)]
    await village.speak("%", online=True, session="c")
    await village.watch(20 * SECONDS)
    assert await village.unresolved(OFFLINE) == []


async def test_an_area_that_a_person_closes_too_early_comes_back_home_by_home(village: Night) -> None:
    """No silent end: what the operator waved away is still silent, and says so."""
    await village.lose("%-1")
    for home in range(2, 9):
        await village.lose(f"%-{home}")
    await village.watch(6 * MINUTES)
    assert await village.unresolved(AREA) == ["heping"]
    area = (await village.query("SELECT id FROM incidents WHERE hazard = 'area_outage'"))[0][0]
    await village.says("x", AnswerKind.CLOSE, area, outcome=Outcome.TECHNICAL, via=Via.CONSOLE, by="user:li")
    await village.watch(20 * SECONDS)
    assert await asked_for(village, OFFLINE) == 32
    assert await village.unresolved(AREA) == []


async def test_who_falls_silent_where_an_area_is_open_joins_it(village: Night) -> None:
    """The outage spreads from ten homes to one more: still one message."""
    for home in range(1, 10):
        await village.lose(f"%-{home}")
    await village.watch(6 * MINUTES)
    await village.lose("%-11")
    await village.watch(10 * MINUTES)
    assert len(await village.unresolved(OFFLINE)) == 40
    assert await asked_for(village, OFFLINE) == 0


async def test_four_dark_homes_are_no_area(village: Night) -> None:
    """They are told of one by one, after the time in which neighbours might have joined them."""
    for home in range(1, 5):
        await village.lose(f"%-{home}")
    await village.watch(9 * MINUTES)
    assert await asked_for(village, OFFLINE) == 0
    await village.watch(2 * MINUTES)
    assert await asked_for(village, OFFLINE) == 16
    assert await village.unresolved(AREA) == []


async def test_a_silent_gateway_speaks_for_what_is_behind_it(night: Night) -> None:
    """One home's bridge goes, and its four sensors with it: one message, about the bridge."""
    await night.query("UPDATE devices SET address = 'zigbee2mqtt/home 1/' || device_id WHERE device_id LIKE '%%-1'")
    await night.query(
        """INSERT INTO device_models VALUES ('bridge', 'gateway', 'zigbee2mqtt', '30 min');
           INSERT INTO devices (device_id, cell, organisation_id, model, address, household_id, registered_at,
                                bound_at)
           SELECT 'bridge-1', cell, organisation_id, 'bridge', 'zigbee2mqtt/home 1/bridge', household_id, registered_at,
                  bound_at
           FROM devices WHERE device_id = 'band-1'"""
    )
    await night.watch(6 * MINUTES)
    await night.speak("%", online=True)
    await night.watch()
    await night.lose("%-1")
    await night.watch(20 * MINUTES)
    assert len(await night.unresolved(OFFLINE)) == 5
    rows = await night.query(
        """SELECT d.device_id, count(n.id) > 0 FROM incidents i JOIN devices d ON d.id = i.device_key
           LEFT JOIN notifications n ON n.incident_id = i.id GROUP BY 1 ORDER BY 1"""
    )
    assert rows == [("band-1", False), ("bridge-1", True), ("button-1", False), ("motion-1", False), ("smoke-1", False)]
    await night.speak("%idge-1", online=True)
    await night.watch(20 * SECONDS)
    assert await asked_for(night, OFFLINE) == 4  # that of the bridge was taken back
