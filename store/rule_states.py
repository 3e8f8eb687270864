"""What rules remember of their subjects, and what they have found.

Lanes write the states of rules that judge reading by reading, engines those of rules over whole homes; engines also
look at whatever is due. Statements that lanes use in the transaction of their batch are synchronous.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from devices.model import DeviceKind, Reading
from domain.people import Mode
from store import alarms
from store.alarms import Alarm, Committed
from store.pool import Connection
from store.queries import queries

SyncConnection = psycopg.Connection[TupleRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """A row: ``state`` is packed, and empty where nothing has been judged yet; to be written, None is "as it was"."""

    rule: str
    subject: str
    phase: str
    due_at: datetime | None
    seen_at: datetime | None
    state: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A deadline that may have to come earlier."""

    rule: str
    subject: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFinding:
    """A finding as it is to be recorded; times are epoch seconds. ``alarm``: what it asserts; none on trial."""

    rule: str
    subject: str
    onset: float
    state: str
    hazard: str
    found_at: float
    reason: str
    evidence: dict[str, Any]
    alarm: Alarm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateHome:
    """A household as rules over homes need it. ``resident_id`` is that of the only resident; ``absent``: nobody is at
    home, by registration.
    """

    household_id: int
    organisation_id: int
    mode: Mode
    retired: bool
    resident_id: int | None
    absent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDevice:
    """A device as rules need it."""

    key: int
    device_id: str
    kind: DeviceKind
    household_id: int | None
    resident_id: int | None
    organisation_id: int
    mode: Mode


def _columns(states: Sequence[RuleState]) -> dict[str, list[Any]]:
    return {
        "rules": [one.rule for one in states],
        "subjects": [one.subject for one in states],
        "phases": [one.phase for one in states],
        "dues": [one.due_at for one in states],
        "seens": [one.seen_at for one in states],
        "states": [one.state for one in states],
    }


def save(connection: SyncConnection, states: Sequence[RuleState]) -> None:
    """Store what a lane's rules remember, in the running transaction."""
    if states:
        ordered = sorted(states, key=lambda one: (one.rule, one.subject))
        connection.execute(queries("rule_states").save, _columns(ordered))


def pull(connection: SyncConnection, pulls: Sequence[Pull]) -> None:
    """Let engines look earlier, in the running transaction."""
    if pulls:
        ordered = sorted(pulls, key=lambda one: (one.rule, one.subject))
        connection.execute(
            queries("rule_states").pull,
            {
                "rules": [one.rule for one in ordered],
                "subjects": [one.subject for one in ordered],
                "dues": [one.due_at for one in ordered],
            },
        )


def record(connection: SyncConnection, findings: Iterable[NewFinding], *, now: datetime) -> list[Committed]:
    """Store findings, and the alarms of those that are new, in the running transaction. Returns what those became."""
    became = []
    for one in findings:
        fresh = connection.execute(queries("rule_states").find, _finding(one, now)).fetchone()
        if fresh is not None and one.alarm is not None:
            became.append(alarms.outcome(alarms.send(connection, one.alarm)))
    return became


def _finding(one: NewFinding, now: datetime) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "subject": one.subject,
        "onset": one.onset,
        "state": one.state,
        "hazard": one.hazard,
        "found_at": one.found_at,
        "now": now,
        "reason": one.reason,
        "evidence": Jsonb(one.evidence),
        "trial": one.alarm is None,
    }


async def record_findings(connection: Connection, findings: Iterable[NewFinding], *, now: datetime) -> int:
    """The same for an engine. Returns how many alarms were new."""
    fresh_alarms = 0
    for one in findings:
        fresh = await (await connection.execute(queries("rule_states").find, _finding(one, now))).fetchone()
        if fresh is not None and one.alarm is not None:
            await connection.execute(queries("alarms").commit, alarms.parameters(one.alarm))
            fresh_alarms += 1
    return fresh_alarms


async def remembered(connection: Connection, rules: Collection[str]) -> list[RuleState]:
    """What lanes' rules of these names remember, where it is more than nothing."""
    cursor = await connection.execute(queries("rule_states").remembered, {"rules": list(rules)})
    return [
        RuleState(rule=row[0], subject=row[1], phase=row[2], due_at=None, seen_at=row[3], state=row[4])
        for row in await cursor.fetchall()
    ]


async def settle(connection: Connection, rules: Collection[str], *, now: datetime, limit: int) -> int:
    """Give up to ``limit`` homes that have none yet a state for each of these rules; returns how many were made."""
    parameters = {"rules": list(rules), "now": now, "limit": limit}
    return (await connection.execute(queries("rule_states").settle, parameters)).rowcount


async def claim(connection: Connection, *, horizon: datetime, limit: int) -> list[RuleState]:
    """Lock and return up to ``limit`` states that are due by ``horizon``; others' locks are passed over."""
    cursor = await connection.execute(queries("rule_states").claim, {"horizon": horizon, "limit": limit})
    return [
        RuleState(rule=row[0], subject=row[1], phase=row[3], due_at=row[4], seen_at=row[5], state=row[6])
        for row in await cursor.fetchall()
    ]


async def write(connection: Connection, states: Sequence[RuleState]) -> None:
    """Store what an engine has made of the states that it had claimed."""
    if states:
        await connection.execute(queries("rule_states").write, _columns(states))


async def homes(connection: Connection, households: Collection[int], *, now: datetime) -> dict[int, StateHome]:
    """Households by id."""
    cursor = await connection.execute(queries("rule_states").homes, {"households": list(households), "now": now})
    return {
        row[0]: StateHome(
            household_id=row[0],
            organisation_id=row[1],
            mode=Mode(row[2]),
            retired=row[3],
            resident_id=row[4],
            absent=row[5],
        )
        for row in await cursor.fetchall()
    }


async def devices(
    connection: Connection,
    *,
    keys: Collection[int] = (),
    households: Collection[int] = (),
    residents: Collection[int] = (),
) -> list[StateDevice]:
    """Devices that are named themselves, or belong to these households or residents."""
    cursor = await connection.execute(
        queries("rule_states").devices,
        {"devices": list(keys), "households": list(households), "residents": list(residents)},
    )
    return [
        StateDevice(
            key=row[0],
            device_id=row[1],
            kind=DeviceKind(row[2]),
            household_id=row[3],
            resident_id=row[4],
            organisation_id=row[5],
            mode=Mode(row[6]),
        )
        for row in await cursor.fetchall()
    ]


OVERLAP = timedelta(minutes=10)
"""Readings of other devices may be committed later than those that are known already."""
_QUANTITIES = (
    "lat", "lon", "accuracy_m", "speed_mps", "heart_rate_bpm", "spo2_pct", "systolic_mmhg", "diastolic_mmhg",
    "temperature_c", "steps", "motion", "contact_open", "smoke_level", "battery_pct", "rssi_dbm", "worn", "charging",
)  # fmt: skip


async def readings(connection: Connection, sinces: dict[int, datetime]) -> list[tuple[int, float, Reading]]:
    """What devices have said since their moments (a little before them, too): key, time, reading, in order of time."""
    moments = [since - OVERLAP for since in sinces.values()]
    parameters = {"devices": list(sinces), "sinces": moments, "oldest": min(moments)}
    cursor = await connection.execute(queries("rule_states").readings, parameters)
    return [_said(row) for row in await cursor.fetchall()]


def _said(row: Sequence[Any]) -> tuple[int, float, Reading]:
    return row[0], row[1], Reading(**dict(zip(_QUANTITIES, row[2:], strict=True)))


async def household(connection: Connection, code: str) -> int | None:
    """The household of this code, if there is one."""
    row = await (await connection.execute(queries("rule_states").household, {"code": code})).fetchone()
    return row[0] if row is not None else None


async def history(
    connection: Connection, devices: Collection[int], *, start: datetime, until: datetime
) -> list[tuple[int, float, Reading]]:
    """What devices said from ``start`` up to ``until``: key, time, reading, in order of time."""
    parameters = {"devices": list(devices), "start": start, "until": until}
    cursor = await connection.execute(queries("rule_states").history, parameters)
    return [_said(row) for row in await cursor.fetchall()]
