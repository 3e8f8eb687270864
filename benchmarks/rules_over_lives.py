"""Simulated homes through all shipped rules: what each rule finds of what has happened, and how often it is wrong.

    python -P -m benchmarks.rules_over_lives [--homes 200] [--days 30] [--seed N] [--processes N]

Every home lives as the simulator has it, with all its devices; each week a fixed share of homes suffers an emergency
(:mod:`benchmarks.lived_homes`). The readings go through the rules as ``carewatch backtest`` replays them. What a rule
raises while no emergency is there is a false alarm; an emergency counts as found by a rule that raises its hazard (and
whose quantity, if it has one, tells of it) before it is over. Correlations are asked every five seconds, as the engine
does, for incidents that nobody resolves. Figures with 95% intervals over homes (bootstrap).
"""

import argparse
import bisect
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from alerting.replay import Replay
from alerting.rulebook import Rulebook, default_rules
from alerting.rules.correlation import CorrelationRule, Unresolved, correlate
from alerting.rules.frame import Finding, Rule
from alerting.rules.panel import Member, hearing
from alerting.rules.spec import write_rule
from benchmarks.backtest_homes import interval
from benchmarks.lived_homes import Lived, Planted, emergencies, lived, village
from devices.model import DeviceKind, Hazard, SignalState
from domain.incident import SEVERITY
from simulator.causes.truth import Cause
from simulator.fleet.outfit import Outfit
from store.rules import RuleHome, RuleOrganisation, RuleScope, StoredRule

_MONTH_DAYS: Final = 30
_ASKED_EVERY_S: Final = 5.0
_UNRESOLVED_S: Final = 1800.0
"""So long an incident stays unresolved here: correlations look at nothing else."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule has made of one home. ``delays_s``: of each emergency that it should find, by its place among those
    of the home; None: not found.
    """

    rule: str
    delays_s: dict[int, float | None]
    false: int


def rules_at(outfit: Outfit) -> tuple[Rule, ...]:
    """The shipped rules as they hold for a home whose place and residents are known."""
    home = outfit.home
    stored = [
        StoredRule(name=one.name, scope=RuleScope.EVERYONE, scope_id=0, version=1, rule=write_rule(one))
        for one in default_rules()
    ]
    rulebook = Rulebook(stored, {1: RuleOrganisation(path=(1,), timezone="Asia/Shanghai")}, 1)
    place = RuleHome(lat=home.place.lat, lon=home.place.lon, residents=len(home.residents))
    return rulebook.rules_for(1, Member(device="0", kind=DeviceKind.GATEWAY, household="1"), place)


def judge(month: Lived) -> list[Outcome]:
    """What every rule that can hear something in this home makes of its month."""
    rules = rules_at(month.outfit)
    members = {one.device_id: _member(one.device_id, one.model.kind, one.resident) for one in month.outfit.devices}
    run = Replay(rules, lambda seen: members[seen.source])
    run.judge(month.said)
    run.until(month.said[-1].at)
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for one in run.findings:
        by_rule[one.rule].append(one)
    able = {rule.name for member in members.values() for rule, _ in hearing(rules, member)}
    outcomes = [_outcome(rule, by_rule[rule.name], month.planted) for rule in rules if rule.name in able]
    return outcomes + _correlated(rules, month, run.findings)


def _member(device: str, kind: DeviceKind, resident: str | None) -> Member:
    return Member(device=device, kind=kind, resident=resident, household="1")


def _outcome(rule: Rule, findings: Sequence[Finding], planted: Sequence[Planted]) -> Outcome:
    raised = sorted(one.found_at for one in findings if one.state is SignalState.RAISED)
    false = sum(not any(one.explains(at) for one in planted) for at in raised)
    return Outcome(rule=rule.name, delays_s=_delays(rule, raised, planted), false=false)


def _delays(rule: Rule, raised: Sequence[float], planted: Sequence[Planted]) -> dict[int, float | None]:
    meant = ((place, one) for place, one in enumerate(planted) if tells_of(rule, one) and not one.hidden)
    return {place: delay_s(raised, one) for place, one in meant}


def tells_of(rule: Rule, one: Planted) -> bool:
    """True if the rule should find such an emergency."""
    if isinstance(rule, CorrelationRule):
        company = one.still if rule.still_s is not None else bool(one.hazards.intersection(rule.beside))
        return rule.hazard in one.hazards and company
    quantity = getattr(rule, "quantity", None)
    return rule.hazard in one.hazards and (quantity is None or quantity in one.quantities)


def delay_s(raised: Sequence[float], one: Planted) -> float | None:
    """From the beginning of an emergency until a rule raised it; None if it did not while it lasted."""
    return next((at - one.at for at in raised if one.at <= at <= one.ends), None)


def _correlated(rules: Sequence[Rule], month: Lived, findings: Sequence[Finding]) -> list[Outcome]:
    """What the incidents of this home mean together. A rule that could make nothing graver is left out."""
    trial = {one.name for one in rules if one.trial}
    alarms = [(one.at, one.hazard) for one in month.alarmed if one.state is SignalState.RAISED]
    alarms += [(one.found_at, one.hazard) for one in findings
               if one.state is SignalState.RAISED and one.rule not in trial]  # fmt: skip
    incidents = incidents_of(sorted(alarms))
    moved = [one.at for one in month.said if one.reading.motion]
    outcomes = []
    for rule in rules:
        if isinstance(rule, CorrelationRule) and SEVERITY[rule.hazard] > rule.severity:
            graver = sorted(at for one in incidents if (at := graver_at(rule, one, incidents, moved)) is not None)
            meant = [one for one in month.planted if tells_of(rule, one)]
            false = sum(not any(one.explains(at) for one in meant) for at in graver)
            delays_s = _delays(rule, graver, month.planted)
            outcomes.append(Outcome(rule=rule.name, delays_s=delays_s, false=false))
    return outcomes


def incidents_of(alarms: Sequence[tuple[float, Hazard]]) -> list[Unresolved]:
    """The incidents that follow from alarms, in order of time: one of each hazard while it is unresolved."""
    opened: dict[Hazard, float] = {}
    found: list[Unresolved] = []
    for at, hazard in alarms:
        if at >= opened.get(hazard, float("-inf")) + _UNRESOLVED_S:
            opened[hazard] = at
            found.append(Unresolved(id=len(found), hazard=hazard, severity=SEVERITY[hazard], opened_at=at))
    return found


def graver_at(
    rule: CorrelationRule, incident: Unresolved, incidents: Sequence[Unresolved], moved: Sequence[float]
) -> float | None:
    """When the engine, which asks every few seconds, finds that ``incident`` has become graver."""
    if incident.hazard is not rule.hazard:
        return None
    for turn in range(1, int(_UNRESOLVED_S / _ASKED_EVERY_S)):
        now = incident.opened_at + turn * _ASKED_EVERY_S
        open_now = [one for one in incidents if one.opened_at <= now < one.opened_at + _UNRESOLVED_S]
        place = bisect.bisect_right(moved, now)
        last_sign_at = moved[place - 1] if place else 0.0
        if any(one.incident == incident.id for one in correlate([rule], open_now, last_sign_at=last_sign_at, now=now)):
            return now
    return None


Line = tuple[bool, str, str]
"""On trial, the kind, and the rule; no rule: all of the kind together."""


@dataclass(slots=True)
class Tally:
    """Over all homes in which the rule, or one of the kind, hears something."""

    delays_s: list[float | None] = field(default_factory=list)
    false: list[float] = field(default_factory=list)
    """False alarms of each home in 30 days."""

    def add(self, outcomes: Sequence[Outcome], days: int) -> None:
        """One more home: an emergency is found when the first of these rules finds it."""
        delays_s: dict[int, float | None] = {}
        for one in outcomes:
            for place, delay in one.delays_s.items():
                known = delays_s.get(place)
                delays_s[place] = known if delay is None else delay if known is None else min(delay, known)
        self.delays_s += delays_s.values()
        self.false.append(sum(one.false for one in outcomes) * _MONTH_DAYS / days)


def _home(outfit: Outfit, causes: Sequence[Cause], days: int, seed: int) -> list[Outcome]:
    return judge(lived(outfit, causes, days, seed))


def tally(outfits: Sequence[Outfit], days: int, seed: int, processes: int) -> dict[Line, Tally]:
    """All homes, in their order, whichever process is ready first."""
    planted = emergencies(outfits, days, seed)
    tallies: dict[Line, Tally] = defaultdict(Tally)
    rules = {one.name: one for one in default_rules()}
    with ProcessPoolExecutor(processes) as pool:
        homes = [pool.submit(_home, one, planted.get(one.home.code, []), days, seed) for one in outfits]
        for home in homes:
            by_line: dict[Line, list[Outcome]] = defaultdict(list)
            for one in home.result():
                rule = rules[one.rule]
                by_line[rule.trial, kind_name(rule), rule.name].append(one)
                by_line[rule.trial, kind_name(rule), ""].append(one)
            for line, outcomes in by_line.items():
                tallies[line].add(outcomes, days)
    return tallies


def show(tallies: dict[Line, Tally]) -> None:
    """A line for each kind of rule, and below it one for each rule; rules on trial apart."""
    head = ("homes", "planted", "found", "minutes to alarm: median, p95", "false alarms a home and 30 days")
    print(f"{'kind, rule':<26}{head[0]:>6}{head[1]:>9}{head[2]:>7}{head[3]:>32}  {head[4]}")
    for (trial, kind, rule), one in sorted(tallies.items()):
        took = [delay / 60 for delay in one.delays_s if delay is not None]
        minutes = f"{np.percentile(took, 50):.1f}, {np.percentile(took, 95):.1f}" if took else "-"
        name = f"  {rule}" if rule else f"{kind}, on trial" if trial else kind
        found = f"{len(one.delays_s):>9}{len(took):>7}{minutes:>32}"
        print(f"{name:<26}{len(one.false):>6}{found}  {interval(one.false)}")


def kind_name(rule: Rule) -> str:
    """The word by which a rule's kind is written down."""
    return str(type(rule).__struct_config__.tag)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--homes", type=int, default=200)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    began = time.monotonic()
    show(tally(village(options.homes, options.seed), options.days, options.seed, options.processes))
    print(f"\n{options.homes} homes, {options.days} days, seed {options.seed}; {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
