"""The loop that looks at rules whose time has come: silence in a home, a door nobody came back through, a value that
holds.

A stored deadline may be early, never late. Rules over homes are judged here from what is stored: the readings since the
last look, then the time that has passed. Of other rules the lane has stored where they stand, and only the time is
judged here. Time counts as far as we are known to have heard (the horizon of supervision); that of our own outages does
not, nor that in which nobody is at home by registration. Any number of engines at once: a row is claimed by its lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import Counter

from alerting.found import Concerned, recorded
from alerting.rulebook import Rulebook, add_default_rules, load_rulebook
from alerting.rules import kinds
from alerting.rules.frame import Finding, Observation, Rule, State
from alerting.rules.habits import KEPT_DAYS
from alerting.rules.panel import Member
from devices.model import Reading, SignalState
from domain.supervision import Outage
from store import rule_states as states
from store import rules, supervision
from store.pool import Connection, Database
from store.rule_states import NewFinding, RuleState, StateDevice, StateHome
from store.rules import RuleHome
from store.turns import take_turn
from store.wakeups import Bell, ring

LOOK_EVERY: Final = timedelta(seconds=5)
BATCH: Final = 200
"""States looked at in one transaction: the readings of as many homes are read at once."""
_SETTLE_EVERY: Final = timedelta(minutes=1)
_SETTLE_BATCH: Final = 2000
_EMPTY_LOOK: Final = timedelta(hours=1)
_HISTORY: Final = timedelta(days=KEPT_DAYS)

_LOOKS = Counter("carewatch_rules_looks_total", "States of rules looked at by engines")
_FOUND = Counter("carewatch_rules_found_total", "Findings of rules recorded by engines, repeats included", ["rule"])


class Absence:
    """The loop's work, with the rules as it last read them."""

    def __init__(self) -> None:
        self._rulebook: Rulebook | None = None

    async def turn(self, database: Database, now: datetime) -> datetime:
        """Look at every state that is due; again after :data:`LOOK_EVERY`."""
        rulebook = await self._rules(database, now)
        async with database.transaction() as connection:
            if await take_turn(connection, "rule_states", every=_SETTLE_EVERY, now=now):
                await states.settle(connection, rulebook.names(kinds.OVER_HOMES), now=now, limit=_SETTLE_BATCH)
            horizon = await supervision.horizon(connection)
            outages = await supervision.outages(connection, now=now)
        looked = BATCH
        while horizon is not None and looked == BATCH:
            async with database.transaction() as connection:
                looked, alarms = await look(connection, rulebook, horizon=horizon, outages=outages, now=now)
            if alarms:
                await ring(database, Bell.ENGINE, Bell.STREAM)
        return now + LOOK_EVERY

    async def _rules(self, database: Database, now: datetime) -> Rulebook:
        async with database.transaction() as connection:
            if self._rulebook is None:
                await add_default_rules(connection, now=now)
            if self._rulebook is None or self._rulebook.mark != await rules.mark(connection):
                self._rulebook = await load_rulebook(connection)
            return self._rulebook


async def look(
    connection: Connection, rulebook: Rulebook, *, horizon: datetime, outages: Sequence[Outage], now: datetime
) -> tuple[int, int]:
    """Look at up to :data:`BATCH` states in the caller's transaction: how many there were, and how many new alarms."""
    claimed = await states.claim(connection, horizon=horizon, limit=BATCH)
    if not claimed:
        return 0, 0
    around = await _surroundings(connection, claimed, horizon, now)
    written: list[RuleState] = []
    found: list[NewFinding] = []
    for row in claimed:
        looked = _looked(row, rulebook, around, horizon, outages)
        written.append(looked.row)
        trial = looked.rule is not None and looked.rule.trial
        found += [recorded(one, looked.concerned, trial=trial, now=now) for one in looked.findings if looked.concerned]
    await states.write(connection, written)
    _LOOKS.inc(len(claimed))
    for one in found:
        _FOUND.labels(one.rule).inc()
    return len(claimed), await states.record_findings(connection, found, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What the claimed states are about: homes, their devices, and what those have said."""

    homes: Mapping[int, StateHome]
    places: Mapping[int, RuleHome]
    by_household: Mapping[int, Sequence[StateDevice]]
    by_subject: Mapping[str, StateDevice]
    readings: Mapping[int, Sequence[Observation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What a look has made of a state."""

    row: RuleState
    rule: Rule | None
    findings: Sequence[Finding] = ()
    concerned: Concerned | None = None


def _numbers(claimed: Sequence[RuleState], noun: str) -> list[int]:
    split = (one.subject.partition(":") for one in claimed)
    return sorted({int(number) for kind, _, number in split if kind == noun})


async def _surroundings(
    connection: Connection, claimed: Sequence[RuleState], horizon: datetime, now: datetime
) -> _Surroundings:
    households = _numbers(claimed, "household")
    found = await states.devices(
        connection,
        keys=_numbers(claimed, "device"),
        households=households,
        residents=_numbers(claimed, "resident"),
    )
    by_household: dict[int, list[StateDevice]] = {}
    by_subject: dict[str, StateDevice] = {}
    for device in found:
        by_subject[f"device:{device.key}"] = device
        if device.resident_id is not None:
            by_subject.setdefault(f"resident:{device.resident_id}", device)
        if device.household_id is not None:
            by_household.setdefault(device.household_id, []).append(device)
            by_subject.setdefault(f"household:{device.household_id}", device)
    concerned = {device.household_id for device in found if device.household_id is not None} | set(households)
    return _Surroundings(
        homes=await states.homes(connection, concerned, now=now),
        places=await rules.homes(connection, concerned),
        by_household=by_household,
        by_subject=by_subject,
        readings=await _readings(connection, claimed, by_household, horizon),
    )


async def _readings(
    connection: Connection,
    claimed: Sequence[RuleState],
    by_household: Mapping[int, Sequence[StateDevice]],
    horizon: datetime,
) -> dict[int, list[Observation]]:
    """What the devices of each home have said since the oldest look of its states, by household, in order of time."""
    since: dict[int, datetime] = {}
    for row in claimed:
        noun, _, number = row.subject.partition(":")
        if noun == "household":
            seen_at = row.seen_at or horizon - _HISTORY
            since[int(number)] = min(since.get(int(number), seen_at), seen_at)
    devices = {one.key: one for household in since for one in by_household.get(household, ())}
    sinces = {key: since[one.household_id] for key, one in devices.items() if one.household_id is not None}
    heard: dict[int, list[Observation]] = {}
    for key, at, reading in await states.readings(connection, sinces) if sinces else ():
        device = devices[key]
        if device.household_id is not None:
            heard.setdefault(device.household_id, []).append(_observation(device, at, reading))
    return heard


def _observation(device: StateDevice, at: float, reading: Reading) -> Observation:
    return Observation(at, device.device_id, device.kind, reading)


def _looked(
    row: RuleState, rulebook: Rulebook, around: _Surroundings, horizon: datetime, outages: Sequence[Outage]
) -> _Looked:
    device = around.by_subject.get(row.subject)
    if device is None:
        return _Looked(row=_row(row, due_at=horizon + _EMPTY_LOOK), rule=None)
    home = around.homes.get(device.household_id) if device.household_id is not None else None
    rule = _rule(row, rulebook, device, around)
    if rule is None or (home is not None and home.retired):
        return _Looked(row=_row(row, due_at=horizon + _EMPTY_LOOK), rule=None)
    concerned = Concerned(
        mode=home.mode if home is not None else device.mode,
        organisation_id=home.organisation_id if home is not None else device.organisation_id,
        household_id=device.household_id,
        resident_id=_resident(row, device, home),
        device_key=device.key if row.subject.startswith("device:") else None,
        kind=device.kind,
    )
    if isinstance(rule, kinds.OVER_HOMES):
        heard = around.readings.get(device.household_id or 0, ())
        absent = home is not None and home.absent
        after, findings = _over_home(row, rule, heard, horizon, outages, absent=absent)
    else:
        after, findings = _time_alone(row, rule, horizon)
    return _Looked(row=after, rule=rule, findings=findings, concerned=concerned)


def _rule(row: RuleState, rulebook: Rulebook, device: StateDevice, around: _Surroundings) -> Rule | None:
    """The rule of a row as it holds for its subject now; None if there is no such rule any more."""
    place = around.places.get(device.household_id) if device.household_id is not None else None
    rules_now = rulebook.rules_for(device.organisation_id, member_of(device), place)
    return next((one for one in rules_now if one.name == row.rule and one.enabled and kinds.reads(one)), None)


def member_of(device: StateDevice) -> Member:
    """The device as panels know it."""
    return Member(
        device=str(device.key),
        kind=device.kind,
        resident=str(device.resident_id) if device.resident_id is not None else None,
        household=str(device.household_id) if device.household_id is not None else None,
    )


def _resident(row: RuleState, device: StateDevice, home: StateHome | None) -> int | None:
    """Who is meant: by the subject itself, or because nobody else lives there."""
    if row.subject.startswith("household:"):
        return home.resident_id if home is not None else None
    return device.resident_id


def _row(
    row: RuleState,
    *,
    due_at: datetime | None,
    phase: str | None = None,
    seen_at: datetime | None = None,
    state: bytes | None = None,
) -> RuleState:
    return RuleState(
        rule=row.rule,
        subject=row.subject,
        phase=row.phase if phase is None else phase,
        due_at=due_at,
        seen_at=row.seen_at if seen_at is None else seen_at,
        state=None if state == row.state else state,
    )


def _unpacked(row: RuleState, rule: Rule) -> State:
    """The state in a row; that of a kind or version which cannot be read any more is begun anew."""
    known = kinds.unpacked(rule, row.state) if row.state else None
    if known is not None:
        return known
    state: State = kinds.kind_of(rule).begin(rule, row.subject)
    return state


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _over_home(
    row: RuleState,
    rule: Rule,
    heard: Sequence[Observation],
    horizon: datetime,
    outages: Sequence[Outage],
    *,
    absent: bool,
) -> tuple[RuleState, list[Finding]]:
    """Judge what has been said since the last look, and the time that has passed. Repeats change nothing."""
    kind, state, now = kinds.kind_of(rule), _unpacked(row, rule), horizon.timestamp()
    since = row.seen_at - states.OVERLAP if row.seen_at is not None else None
    findings: list[Finding] = []
    last_at = row.seen_at.timestamp() if row.seen_at is not None else 0.0
    for seen in heard:
        if seen.at > now or (since is not None and seen.at < since.timestamp()):
            continue
        if (rule.devices and seen.kind not in rule.devices) or not rule.enabled:
            continue
        deaf_s = deaf_for(outages, kinds.silent_since(state), seen.at) if outages else 0.0
        before, expired = kind.expire(rule, state, seen.at - deaf_s)
        state, stepped = kind.step(rule, before, seen)
        if deaf_s:
            state = kinds.unlearned(before, state)
        findings += [*expired, *stepped]
        last_at = max(last_at, seen.at)
    if absent:  # nobody is at home by registration: until now no silence is held against anybody
        state = kinds.excused(rule, state, now)
    deaf_s = deaf_for(outages, kinds.silent_since(state), now)
    state, expired = kind.expire(rule, state, now - deaf_s)
    findings += expired
    if not row.state:  # the first look, at months of history: only what still holds is news
        findings = [one for one in findings[-1:] if one.state is SignalState.RAISED]
    due = kind.due(rule, state)
    again = now + kinds.look_again_s(rule)
    return (
        _row(
            row,
            due_at=_moment(again if due is None else min(max(due + deaf_s, now), again)),
            phase=state.phase,
            seen_at=_moment(last_at) if last_at else horizon - _HISTORY,
            state=kinds.packed(state),
        ),
        findings,
    )


def deaf_for(outages: Sequence[Outage], since: float, now: float) -> float:
    """How many seconds from ``since`` to ``now`` we heard nobody: they do not count as silence."""
    deaf_s, reached = 0.0, since
    for outage in sorted(outages, key=lambda one: one.began_at):
        start, end = max(outage.began_at.timestamp(), reached), min(outage.excused_until.timestamp(), now)
        if end > start:
            deaf_s += end - start
            reached = end
    return deaf_s if since else 0.0


def _time_alone(row: RuleState, rule: Rule, horizon: datetime) -> tuple[RuleState, list[Finding]]:
    """What the time has brought to a rule whose readings a lane judges."""
    kind, state, now = kinds.kind_of(rule), _unpacked(row, rule), horizon.timestamp()
    state, findings = kind.expire(rule, state, now)
    due = kind.due(rule, state)
    after = _row(
        row,
        due_at=None if due is None else _moment(due),
        phase=state.phase,
        state=kinds.packed(state),
    )
    return after, list(findings)
