"""The one statement of an alarm: nothing lost, nothing doubled, whoever else commits at the same moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fixtures.town import NOON, Town, build_town

from devices.model import Hazard, SignalState
from domain.incident import SubjectKind
from domain.people import Mode
from store import alarms
from store.alarms import Alarm, Committed
from store.pool import Database, conninfo


@pytest.fixture
async def town(database: Database) -> Town:
    """One home."""
    async with database.transaction() as connection:
        return await build_town(connection)


def press(town: Town, number: int | str, **other: Any) -> Alarm:
    """The resident's ``number``-th press of her button."""
    stated = {
        "source": "button-1",
        "identity": f"e{number}|raised|-",
        "hazard": Hazard.SOS,
        "state": SignalState.RAISED,
        "mode": Mode.LIVE,
        "received_at": NOON,
        "digest": 7,
        "payload": b"{}",
        "subject_kind": SubjectKind.RESIDENT,
        "subject_id": str(town.residents["zhang-1"]),
        "organisation_id": town.organisations["heping"],
        "household_id": town.households["home-1"],
        "resident_id": town.residents["zhang-1"],
        "reason": "sos",
        "device_key": town.devices["button-1"],
        "detail": {"device_id": "button-1"},
    }
    return Alarm(**{**stated, **other})


def commit(dsn: str, pressed: Sequence[Alarm]) -> list[Committed]:
    """Each alarm in a transaction of its own, on one connection."""
    became = []
    with psycopg.connect(conninfo(dsn, "test"), autocommit=False) as connection:
        for alarm in pressed:
            cursor = alarms.send(connection, alarm)
            connection.commit()
            became.append(alarms.outcome(cursor))
    return became


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What ``query`` finds."""
    async with database.transaction() as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def test_eight_connections_one_home_each_alarm_twice_nothing_is_lost_and_presses_are_counted_right(
    database: Database, dsn: str, town: Town
) -> None:
    """DO NOTHING in the place of DO UPDATE loses alarms here: it cannot see an incident that is being opened."""
    presses = [press(town, number) for number in range(160)]
    shares = [presses[start::8] + presses[(start + 3) % 8 :: 8] for start in range(8)]
    became = await asyncio.gather(*(asyncio.to_thread(commit, dsn, share) for share in shares))
    told = [one for share in became for one in share]
    assert sum(one.fresh for one in told) == 160
    assert sum(one.opened for one in told) == 1
    assert await rows(database, "SELECT count(*), sum(repeats) FROM alarms") == [(160, 160)]
    assert await rows(database, "SELECT count(*), sum(alarms) FROM incidents") == [(1, 160)]
    assert await rows(database, "SELECT count(*) FROM incident_alarms") == [(160,)]
    kinds = await rows(database, "SELECT kind, count(*) FROM timeline GROUP BY kind ORDER BY kind")
    assert kinds == [("alarm_again", 159), ("opened", 1)]


async def test_alarms_race_the_closing_of_their_incident_and_none_is_lost(
    database: Database, dsn: str, town: Town
) -> None:
    """Whoever closes an incident closes it; the press behind it opens the next."""

    async def close_again_and_again(until: asyncio.Event) -> None:
        while not until.is_set():
            async with database.transaction() as connection:
                await connection.execute(
                    "UPDATE incidents SET state = 'resolved', resolved_at = now(), resolved_by = 'user:li',"
                    " outcome = 'false_alarm', next_step_at = NULL WHERE state <> 'resolved'"
                )

    done = asyncio.Event()
    closing = asyncio.create_task(close_again_and_again(done))
    shares = [[press(town, f"{lane}-{number}") for number in range(40)] for lane in range(4)]
    became = await asyncio.gather(*(asyncio.to_thread(commit, dsn, share) for share in shares))
    done.set()
    await closing
    assert all(one.fresh and one.incident_id is not None for share in became for one in share)
    assert await rows(database, "SELECT sum(alarms) FROM incidents") == [(160,)]
    assert await rows(
        database,
        "SELECT count(*) FROM incidents i WHERE alarms <> (SELECT count(*) FROM incident_alarms a"
        " WHERE a.incident_id = i.id)",
    ) == [(0,)]


async def test_a_new_press_on_an_acknowledged_incident_asks_for_an_answer_of_its_own(
    database: Database, dsn: str, town: Town
) -> None:
    """The deadline moves to now, and the engine sees that there was a new event."""
    commit(dsn, [press(town, 1)])
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE incidents SET state = 'acknowledged', acknowledged_at = opened_at, next_step_at = %s",
            (NOON + timedelta(minutes=30),),
        )
    later = NOON + timedelta(minutes=2)
    (again,) = commit(dsn, [press(town, 2, received_at=later)])
    assert (again.fresh, again.opened) == (True, False)
    found = await rows(database, "SELECT state, alarms, last_alarm_at, reasserted_at, next_step_at FROM incidents")
    assert found == [("acknowledged", 2, later, later, later)]


async def test_cleared_never_resolves_and_a_test_opens_nothing(database: Database, dsn: str, town: Town) -> None:
    """Both are stored; that it cleared stands on the timeline."""
    commit(
        dsn,
        [
            press(town, 1),
            press(town, 2, identity="e1|cleared|-", state=SignalState.CLEARED),
            press(town, 3, hazard=Hazard.FALL, state=SignalState.TEST),
        ],
    )
    assert await rows(database, "SELECT hazard, state FROM incidents") == [("sos", "open")]
    assert await rows(database, "SELECT kind FROM timeline ORDER BY id") == [("opened",), ("cleared",)]
    assert await rows(database, "SELECT count(*) FROM alarms") == [(3,)]


async def test_a_repeated_state_raises_once_whoever_commits_it(database: Database, dsn: str, town: Town) -> None:
    """Eight connections say "smoke" at once: one change, one alarm. Then it clears and comes again: a second."""

    def state(number: int, hazard_state: SignalState) -> Alarm:
        pressed = press(town, number, hazard=Hazard.SMOKE, state=hazard_state, device_key=town.devices["smoke-1"])
        return replace(pressed, source="smoke-1", identity=f"~{number}", republished=True)

    async def all_say(first: int, hazard_state: SignalState) -> int:
        shares = [[state(first + 10 * lane + n, hazard_state) for n in range(5)] for lane in range(8)]
        became = await asyncio.gather(*(asyncio.to_thread(commit, dsn, share) for share in shares))
        return sum(one.fresh for share in became for one in share)

    assert await all_say(0, SignalState.CLEARED) == 0
    assert await all_say(100, SignalState.RAISED) == 1
    assert await all_say(200, SignalState.CLEARED) == 1
    assert await all_say(300, SignalState.RAISED) == 1
    assert await rows(database, "SELECT alarms FROM incidents") == [(2,)]


async def test_without_an_id_the_same_words_again_are_one_event_only_where_a_repeat_is_likely(
    database: Database, dsn: str, town: Town
) -> None:
    """In doubt it is a second press."""
    first = press(town, "a", identity="~1")
    second = replace(first, identity="~2", received_at=NOON + timedelta(seconds=5))
    repeat = replace(first, identity="~3", same_since=NOON - timedelta(seconds=20))
    other = replace(repeat, identity="~4", payload=b'{"other": 1}')
    became = commit(dsn, [first, second, repeat, other])
    assert [one.fresh for one in became] == [True, True, False, True]
    assert became[2].alarm_id == became[0].alarm_id
    assert await rows(database, "SELECT alarms FROM incidents") == [(3,)]
