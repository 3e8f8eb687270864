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
from alerting.rules.panel import Key, Member, Panel, Watch, subject_of
from devices.model import Reading
from store import rule_states as states
from store import rules
from store.devices import Device
from store.pool import Connection
from store.rule_states import NewFinding, Pull, RuleState, SyncConnection
from store.rules import RuleHome

Hints = tuple[tuple[Rule, Key], ...]


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
        self._heard: dict[int, tuple[tuple[Watch, ...], Hints]] = {}
        self._trial: dict[str, bool] = {}
        self._panel = Panel(self._changed)
        self._now = 0.0
        self._unsaved: dict[Key, tuple[Watch, float]] = {}
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

    def hear(self, device: Device, reading: Reading, at_us: int, now_us: int) -> None:
        """Judge one reading. What claims the future counts as now: a clock that is ahead must not stop the rules."""
        heard, hints = self._heard.get(device.key) or self._listen(device)
        if not heard and not hints:
            return
        at = (at_us if at_us < now_us else now_us) / 1e6
        seen = Observation(at, device.device_id, device.kind, reading)
        if heard:
            self._now = at
            findings = self._panel.judge(heard, seen)
            if findings:
                self._findings += [(one, device) for one in findings]
        for rule, key in hints:
            wanted = kinds.hint(rule, seen)
            if wanted is not None:
                self._pulls[key] = min(wanted, self._pulls.get(key, wanted))

    def _listen(self, device: Device) -> tuple[tuple[Watch, ...], Hints]:
        """Which rules hold for ``device``, and which are only to be told of it; remembered until the registry or the
        rules change.
        """
        member = member_of(device)
        home = self._homes.get(device.household_id) if device.household_id is not None else None
        those = self._rulebook.rules_for(device.organisation_id, member, home)
        heard = self._panel.listen((one for one in those if not isinstance(one, kinds.OVER_HOMES)), member)
        self._trial.update((one.rule.name, one.rule.trial) for one in heard)
        subjects = ((one, subject_of(one.per, member)) for one in those if isinstance(one, kinds.OVER_HOMES))
        hints = tuple(
            (one, (one.name, subject))
            for one, subject in subjects
            if subject is not None and one.enabled and kinds.hints(one, device.kind)
        )
        self._heard[device.key] = heard, hints
        return heard, hints

    def _changed(self, watch: Watch, before: State) -> None:
        if kinds.worth_saving(before, watch.state):
            self._unsaved[watch.key] = (watch, self._now)

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
            verdict.states = [_packed(watch, at) for watch, at in self._unsaved.values()]
            self._unsaved = {}
        if self._pulls:
            verdict.pulls = [
                Pull(rule=rule, subject=subject, due_at=_moment(at)) for (rule, subject), at in self._pulls.items()
            ]
            self._pulls = {}
        return verdict

    def recall(self, rows: Iterable[RuleState], members: Mapping[str, Sequence[Device]]) -> None:
        """Remember what is stored; ``members`` are the devices of each subject. What cannot be read is begun anew."""
        for row in rows:
            key = (row.rule, row.subject)
            heard = (one for device in members[row.subject] for one in self._listen(device)[0])
            watch = next((one for one in heard if one.key == key), None)
            state = kinds.unpacked(watch.rule, row.state or b"") if watch is not None else None
            if watch is not None and state is not None:
                watch.state = state


def _packed(watch: Watch, at: float) -> RuleState:
    due = kinds.kind_of(watch.rule).due(watch.rule, watch.state)
    return RuleState(
        rule=watch.key[0],
        subject=watch.key[1],
        phase=watch.state.phase,
        due_at=None if due is None else _moment(due),
        seen_at=_moment(at),
        state=kinds.packed(watch.state),
    )


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
