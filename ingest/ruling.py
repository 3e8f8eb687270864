"""The rules at work in a lane: every reading is judged as it is taken, and what follows is committed with its batch.

What the rules remember runs ahead of the commits, as the batches do. If one of them cannot be committed the lane ends,
and this memory with it: the next life begins from what is stored (:func:`recalled`), and the broker brings again what
was not acknowledged. Rules over homes are judged by engines; here only those moments are seen that make an engine look
earlier.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from alerting.found import Concerned, recorded
from alerting.rulebook import Rulebook, load_rulebook
from alerting.rules import kinds
from alerting.rules.frame import Finding, Observation, Rule, State
from alerting.rules.panel import Hearing, Key, Member, Panel, hearing, subject_of
from devices.model import Reading
from store import rule_states as states
from store import rules
from store.devices import Device
from store.pool import Connection
from store.rule_states import NewFinding, Pull, RuleState, SyncConnection
from store.rules import RuleHome

Hints = tuple[tuple[Rule, str], ...]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What the readings of a batch bring, to be committed with them."""

    at: datetime
    findings: list[NewFinding] = field(default_factory=list)
    states: list[RuleState] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)
    alarmed: bool = False
    """A new alarm has come of it; known after the commit."""

    def __bool__(self) -> bool:
        return bool(self.findings or self.states or self.pulls)

    def commit(self, connection: SyncConnection) -> None:
        """Write it in the running transaction."""
        became = states.record(connection, self.findings, now=self.at)
        self.alarmed = any(one.fresh for one in became)
        states.save(connection, self.states)
        states.pull(connection, self.pulls)


class Ruling:
    """Judges readings with :meth:`hear`; :meth:`take` what is to be committed."""

    def __init__(self, rulebook: Rulebook, homes: Mapping[int, RuleHome]) -> None:
        self._rulebook = rulebook
        self._homes = homes
        self._devices: dict[str, Device] = {}
        self._heard: dict[str, tuple[Hearing, ...]] = {}
        self._hints: dict[str, Hints] = {}
        self._trial: dict[str, bool] = {}
        self._panel = Panel(self._heard.__getitem__, self._changed)
        self._now = 0.0
        self._unsaved: dict[Key, tuple[Rule, float]] = {}
        self._findings: list[tuple[Finding, Device]] = []
        self._pulls: dict[Key, float] = {}

    @property
    def mark(self) -> int:
        """Which version of the rules this is."""
        return self._rulebook.mark

    def adopt(self, rulebook: Rulebook, homes: Mapping[int, RuleHome]) -> None:
        """Go on by another version of the rules. What a rule of another kind remembered is forgotten."""
        self._rulebook, self._homes = rulebook, homes
        self.forget_devices()

    def forget_devices(self) -> None:
        """The registry has changed: ask anew which rules hold for whom."""
        self._heard.clear()
        self._hints.clear()

    def hear(self, device: Device, reading: Reading, at_us: int, now_us: int) -> None:
        """Judge one reading. What claims the future counts as now: a clock that is ahead must not stop the rules."""
        source = device.device_id
        heard = self._heard.get(source)
        if heard is None:
            heard = self._listen(device)
        hints = self._hints[source]
        if not heard and not hints:
            return
        seen = Observation(min(at_us, now_us) / 1e6, source, device.kind, reading)
        if heard:
            self._now = seen.at
            findings = self._panel.judge(seen)
            if findings:
                self._findings += [(one, device) for one in findings]
        for rule, subject in hints:
            wanted = kinds.hint(rule, seen)
            if wanted is not None:
                key = (rule.name, subject)
                self._pulls[key] = min(wanted, self._pulls.get(key, wanted))

    def _listen(self, device: Device) -> tuple[Hearing, ...]:
        """Which rules hold for ``device``; remembered until the registry or the rules change."""
        member = member_of(device)
        home = self._homes.get(device.household_id) if device.household_id is not None else None
        those = self._rulebook.rules_for(device.organisation_id, member, home)
        heard = hearing((one for one in those if not isinstance(one, kinds.OVER_HOMES)), member)
        for rule, key, *_ in heard:
            self._trial[rule.name] = rule.trial
            if key in self._panel.memory and type(self._panel.memory[key]) is not kinds.state_type(rule):
                del self._panel.memory[key]
        subjects = ((one, subject_of(one.per, member)) for one in those if isinstance(one, kinds.OVER_HOMES))
        self._hints[device.device_id] = tuple(
            (one, subject)
            for one, subject in subjects
            if subject is not None and one.enabled and kinds.hints(one, device.kind)
        )
        self._heard[device.device_id] = heard
        self._devices[device.device_id] = device
        return heard

    def _changed(self, key: Key, rule: Rule, before: State | None, state: State) -> None:
        if kinds.worth_saving(before, state):
            self._unsaved[key] = (rule, self._now)

    def take(self, now: datetime) -> Verdict:
        """What is to be committed now, once."""
        verdict = Verdict(at=now)
        if self._findings:
            verdict.findings = [
                recorded(one, _concerned(device), trial=self._trial.get(one.rule, False), now=now)
                for one, device in self._findings
            ]
            self._findings = []
        if self._unsaved:
            verdict.states = [self._packed(key, rule, at) for key, (rule, at) in self._unsaved.items()]
            self._unsaved = {}
        if self._pulls:
            verdict.pulls = [
                Pull(rule=rule, subject=subject, due_at=_moment(at)) for (rule, subject), at in self._pulls.items()
            ]
            self._pulls = {}
        return verdict

    def _packed(self, key: Key, rule: Rule, at: float) -> RuleState:
        state = self._panel.memory[key]
        due = kinds.kind_of(rule).due(rule, state)
        return RuleState(
            rule=key[0],
            subject=key[1],
            phase=state.phase,
            due_at=None if due is None else _moment(due),
            seen_at=_moment(at),
            state=kinds.packed(state),
        )

    def recall(self, rows: Iterable[RuleState], members: Mapping[str, Sequence[Device]]) -> None:
        """Remember what is stored; ``members`` are the devices of each subject. What cannot be read is begun anew."""
        for row in rows:
            key = (row.rule, row.subject)
            heard = (one for device in members[row.subject] for one in self._listen(device))
            rule = next((one[0] for one in heard if one[1] == key), None)
            if rule is None:
                continue
            state = kinds.unpacked(rule, row.state or b"")
            if state is not None:
                self._panel.memory[key] = state


def member_of(device: Device) -> Member:
    """The device as panels know it."""
    return Member(
        device=str(device.key),
        kind=device.kind,
        resident=str(device.resident_id) if device.resident_id is not None else None,
        household=str(device.household_id) if device.household_id is not None else None,
    )


def _concerned(device: Device) -> Concerned:
    return Concerned(
        mode=device.mode,
        organisation_id=device.organisation_id,
        household_id=device.household_id,
        resident_id=device.resident_id,
        device_key=device.key,
        kind=device.kind,
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


async def load(connection: Connection) -> tuple[Rulebook, Mapping[int, RuleHome]]:
    """The rules as they hold now, and the homes that they may need to know of."""
    return await load_rulebook(connection), await rules.homes(connection)


async def recalled(connection: Connection, devices: Iterable[Device]) -> Ruling:
    """The rules with what they remember of these devices' subjects: as stored when it last changed its phase, and
    brought up to date by the readings stored since.
    """
    rulebook, homes = await load(connection)
    ruling = Ruling(rulebook, homes)
    by_key = {one.key: one for one in devices if not one.retired}
    members: dict[str, list[Device]] = {}
    for device in by_key.values():
        for subject in _subjects(device):
            members.setdefault(subject, []).append(device)
    rows = await states.remembered(connection, rulebook.names(kinds.OVER_HOMES, others=True))
    rows = [row for row in rows if row.subject in members]
    ruling.recall(rows, members)
    sinces: dict[int, datetime] = {}
    for row in rows:
        if row.seen_at is None or row.phase == "idle":
            continue
        for device in members[row.subject]:
            sinces[device.key] = min(sinces.get(device.key, row.seen_at), row.seen_at)
    for key, at, reading in await states.readings(connection, sinces) if sinces else ():
        ruling.hear(by_key[key], reading, round(at * 1e6), round(at * 1e6))
    return ruling


def _subjects(device: Device) -> list[str]:
    named = (("device", device.key), ("resident", device.resident_id), ("household", device.household_id))
    return [f"{noun}:{number}" for noun, number in named if number is not None]
