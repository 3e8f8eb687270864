"""What the watch over silent homes costs in a city: 100,000 homes in a real database, each known for three months.

    python -P -m benchmarks.absence_loop [HOMES]

A turn of the loop comes every five seconds, and looks at those homes whose time may have come. A home is looked at
again after 45 minutes at the latest, so in a city that is evenly spread one home in 540 is due in a turn, and as many
as that have a state of full size here, and motion stored since their last look; the others are only counted and passed
over, as they would be.
"""

import asyncio
import random
import sys
from datetime import datetime, timedelta
from functools import partial

from alerting.absence import LOOK_EVERY, Absence
from alerting.rulebook import default_rules
from alerting.rules import kinds
from alerting.rules.frame import Observation, State
from alerting.rules.inactivity import InactivityRule
from benchmarks.engine_cycle import canary, city, execute, timed
from devices.model import DeviceKind, Reading
from store.partitions import ensure_around
from store.pool import Database

_LOOK_AGAIN_S = 2700.0
_ROOMS = ("bedroom", "kitchen", "living", "bathroom")

_SENSORS = """
INSERT INTO device_models VALUES ('pir', 'infrared_sensor', 'native', '25 h');
INSERT INTO devices (device_id, cell, organisation_id, model, household_id, registered_at, bound_at)
    SELECT r.room || '-' || h.id, 'city', h.organisation_id, 'pir', h.id, now(), now()
    FROM households h CROSS JOIN (VALUES ('bedroom'), ('kitchen'), ('living'), ('bathroom')) AS r(room)
"""
_READINGS = """
INSERT INTO readings (device_key, at, digest, received_at, motion)
SELECT d.id, t.at, 0, t.at, true
FROM devices d CROSS JOIN generate_series(%(start)s::timestamptz, %(until)s::timestamptz, '4 min') AS t(at)
WHERE d.model = 'pir' AND d.household_id <= %(homes)s
"""
_STATES = """
INSERT INTO rule_states (rule, subject, phase, due_at, seen_at, state)
SELECT r.rule, 'household:' || h.id, 'home', CASE WHEN h.id <= %(due)s THEN %(now)s ELSE %(now)s + interval '1 h' END,
       %(seen)s, CASE WHEN h.id <= %(due)s AND r.rule = 'inactivity' THEN %(state)s::bytea ELSE ''::bytea END
FROM households h CROSS JOIN unnest(%(rules)s::text[]) AS r(rule)
ON CONFLICT (rule, subject) DO UPDATE SET due_at = excluded.due_at, seen_at = excluded.seen_at, state = excluded.state
"""


def known_home(rule: InactivityRule, until: float) -> State:
    """What is remembered of a home that has been lived in for three months."""
    kind = kinds.kind_of(rule)
    state: State = kind.begin(rule, "household:1")
    draw = random.Random(2)
    at = until - 95 * 86400
    while True:
        at += draw.expovariate(1 / (300 if 7 < (at / 3600 + 8) % 24 < 22 else 4000))
        if at >= until:
            return state
        seen = Observation(at, draw.choice(_ROOMS), DeviceKind.INFRARED_SENSOR, Reading(motion=True))
        state, _ = kind.expire(rule, state, at)
        state, _ = kind.step(rule, state, seen)


async def _turn(database: Database, absence: Absence, now: datetime) -> None:
    await absence.turn(database, now)


async def main(homes: int) -> None:
    """Measure a turn with nothing due, a usual turn, and one after everybody has been waiting."""
    rule = next(one for one in default_rules() if isinstance(one, InactivityRule))
    names = [one.name for one in default_rules() if isinstance(one, kinds.OVER_HOMES)]
    usual = round(homes * LOOK_EVERY.total_seconds() / _LOOK_AGAIN_S)
    absence = Absence()
    async with city(homes) as (database, dsn):
        for statement in _SENSORS.split(";\n"):
            await execute(database, statement)
        now: datetime = (await execute(database, "SELECT care_now()"))[0][0]
        await asyncio.to_thread(ensure_around, dsn, now.date())
        last_look = now - timedelta(seconds=_LOOK_AGAIN_S)
        await execute(database, _READINGS, start=last_look, until=now, homes=usual * 10)
        state = kinds.packed(known_home(rule, last_look.timestamp()))
        print(f"{homes:,} homes, {len(names)} rules over homes, {len(state):,} bytes of a known home")

        async def wait(due: int) -> None:
            await execute(database, _STATES, due=due, now=now, seen=last_look, state=state, rules=names)
            await canary(database, now)

        await wait(0)
        await execute(database, "ANALYZE")
        await absence.turn(database, now)
        await timed("a turn in which no home is due", partial(_turn, database, absence, now), times=20)
        for due in (usual, usual * 10):
            await wait(due)
            what = f"a turn in which {due:,} homes are due, {due * len(names):,} looks"
            await timed(what, partial(_turn, database, absence, now + timedelta(seconds=1)))
        left = await execute(database, "SELECT count(*) FROM rule_states WHERE due_at <= %(now)s", now=now)
        assert left == [(0,)], f"{left[0][0]} states are still due"


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
