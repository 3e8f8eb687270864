"""The rules everyone starts with, rules from files, and which rules hold for a device or a home."""

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from alerting.rules.frame import Rule, Scope
from alerting.rules.inactivity import InactivityRule
from alerting.rules.kinds import AnyRule
from alerting.rules.panel import Member
from alerting.rules.presence import Home
from alerting.rules.spec import Fault, RulesFault, read_rule, read_rules, write_rule
from alerting.rules.wander import WanderRule
from devices.model import Hazard
from store import rules as store
from store.pool import Connection
from store.rules import RuleHome, RuleOrganisation, RuleScope, StoredRule

_REACH = {
    Scope.HOUSEHOLD: (RuleScope.HOUSEHOLD,),
    Scope.RESIDENT: (RuleScope.HOUSEHOLD, RuleScope.RESIDENT),
    Scope.DEVICE: (RuleScope.HOUSEHOLD, RuleScope.RESIDENT, RuleScope.DEVICE),
}
"""Below organisations, the scopes whose differences can hold for a rule: none narrower than its own subject."""


@functools.cache
def default_rules() -> tuple[AnyRule, ...]:
    """The shipped rules, from ``rules/*.yaml``. Raises :class:`alerting.rules.spec.RulesFault` if a file is wrong."""
    files = sorted(
        (file for file in resources.files("alerting").joinpath("rules").iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    rules = tuple(rule for file in files for rule in read_rules(file.read_text("utf-8"), file.name))
    names = [rule.name for rule in rules]
    assert len(set(names)) == len(names), "two files have a rule of the same name"
    return rules


def rules_from(path: Path, *, timezone: str | None = None) -> tuple[AnyRule, ...]:
    """The rules in a file. Raises :class:`alerting.rules.spec.RulesFault`, also for a file that cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fault = Fault(file=str(path), line=1, field="file", value=None, allowed=f"cannot be read: {error}")
        raise RulesFault([fault]) from error
    return read_rules(text, path.name, timezone=timezone)


async def add_default_rules(connection: Connection, *, now: datetime) -> None:
    """Store the shipped rules as version 1; those that are there stay as they are."""
    await store.add_defaults(connection, [_written(rule) for rule in default_rules()], now=now)


def _written(rule: AnyRule) -> dict[str, Any]:
    """Without its time zone: that is the organisation's."""
    return {name: value for name, value in write_rule(rule).items() if name != "timezone"}


async def amend(
    connection: Connection,
    name: str,
    difference: Mapping[str, Any],
    *,
    scope: RuleScope = RuleScope.EVERYONE,
    scope_id: int = 0,
    by: str,
    now: datetime,
) -> int:
    """Store a new version of a rule (for everyone: whole; in a narrower scope: what differs) and return its number.

    Raises :class:`alerting.rules.spec.RulesFault` if what results is no rule.
    """
    whole = dict(difference)
    if scope is not RuleScope.EVERYONE:
        known = [one for one in await store.current(connection) if one.name == name]
        base = next((one.rule for one in known if one.scope is RuleScope.EVERYONE), {})
        whole = {**base, **difference}
    where = "rules" if scope is RuleScope.EVERYONE else f"rules for {scope} {scope_id}"
    (rule,) = read_rules(msgspec.json.encode([{**whole, "name": name}]).decode(), where)
    stated = _written(rule) if "kind" in difference else difference
    return await store.add_rule(connection, name, stated, scope=scope, scope_id=scope_id, by=by, now=now)


class Rulebook:
    """Which rules hold for whom. Rules that are the same for many are one object. ``mark`` tells versions apart."""

    def __init__(self, stored: Sequence[StoredRule], organisations: Mapping[int, RuleOrganisation], mark: int) -> None:
        self.mark = mark
        self._by_name: dict[str, dict[tuple[RuleScope, int], Mapping[str, Any]]] = {}
        self._narrow: set[tuple[RuleScope, int]] = set()
        for one in stored:
            self._by_name.setdefault(one.name, {})[one.scope, one.scope_id] = one.rule
            if one.scope not in {RuleScope.EVERYONE, RuleScope.ORGANISATION}:
                self._narrow.add((one.scope, one.scope_id))
        self._organisations = organisations
        self._general: dict[int, tuple[AnyRule, ...]] = {}

    def names(self, kinds: tuple[type[Rule], ...], *, others: bool = False) -> list[str]:
        """The names of the rules of these kinds, or of all ``others``."""
        tags = {kind.__struct_config__.tag for kind in kinds}
        kind_of_name = {
            name: next((one["kind"] for one in versions.values() if "kind" in one), None)
            for name, versions in self._by_name.items()
        }
        return [name for name, kind in kind_of_name.items() if kind is not None and (kind in tags) != others]

    def hazards(self, kind: type[Rule]) -> set[Hazard]:
        """The hazards that rules of a kind are about."""
        names = self.names((kind,))
        stated = (one.get("hazard") for name in names for one in self._by_name[name].values())
        return {Hazard(hazard) for hazard in stated if hazard is not None}

    def rules_for(self, organisation_id: int, member: Member, home: RuleHome | None) -> tuple[Rule, ...]:
        """The rules that hold for a device: of its organisation and those above, its home, its resident, itself."""
        places = _places(member)
        narrow = any(place in self._narrow for place in places)
        rules: tuple[Rule, ...] = (
            tuple(self._read(organisation_id, places)) if narrow else self.rules_of(organisation_id)
        )
        return rules if home is None else tuple(_at_home(rule, home) for rule in rules)

    def rules_of(self, organisation_id: int) -> tuple[AnyRule, ...]:
        """The rules of an organisation, where nobody below it states anything else."""
        rules = self._general.get(organisation_id, ())
        if not rules:
            rules = self._general[organisation_id] = tuple(self._read(organisation_id, []))
        return rules

    def _read(self, organisation_id: int, places: Sequence[tuple[RuleScope, int]]) -> list[AnyRule]:
        organisation = self._organisations.get(organisation_id)
        path = organisation.path if organisation is not None else (organisation_id,)
        above = [(RuleScope.EVERYONE, 0), *((RuleScope.ORGANISATION, one) for one in path)]
        found: list[AnyRule] = []
        for name, versions in self._by_name.items():
            written: dict[str, Any] = {"name": name}
            for place in above:
                written |= versions.get(place, {})
            reach = _REACH[Scope(written.get("per", Scope.DEVICE))]
            for place in places:
                written |= versions.get(place, {}) if place[0] in reach else {}
            if "kind" in written:
                found.append(read_rule(written, timezone=organisation.timezone if organisation is not None else None))
        return found


def _places(member: Member) -> list[tuple[RuleScope, int]]:
    """The narrower scopes that a device lies in, the narrowest last."""
    named = (
        (RuleScope.HOUSEHOLD, member.household),
        (RuleScope.RESIDENT, member.resident),
        (RuleScope.DEVICE, member.device),
    )
    return [(scope, int(one)) for scope, one in named if one]


def _at_home(rule: Rule, home: RuleHome) -> Rule:
    """The rule with what it needs to know of the home, where it does not state it itself."""
    if isinstance(rule, WanderRule | InactivityRule) and rule.home is None and home.lat is not None:
        place = Home(lat=home.lat, lon=home.lon or 0.0)
        rule = msgspec.structs.replace(rule, home=place)
    if isinstance(rule, InactivityRule) and rule.residents == 1 and home.residents > 1:
        rule = msgspec.structs.replace(rule, residents=home.residents)
    return rule


async def load_rulebook(connection: Connection) -> Rulebook:
    """The rules as they hold now."""
    return Rulebook(
        await store.current(connection), await store.organisations(connection), await store.mark(connection)
    )
