"""Rules as written: what is shipped is sound, and what is wrong is told with file, line, field, value and choices."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from fixtures.readings import MIDNIGHT

from alerting.rulebook import default_rules
from alerting.rules.kinds import AnyRule, kind_of, reads, state_type
from alerting.rules.spec import RulesFault, read_rule, read_rules, write_rule
from devices.model import Hazard


def test_the_shipped_rules_can_be_read_and_written_back() -> None:
    """Every one of them, to the last field."""
    rules = default_rules()
    assert len(rules) > 10
    for rule in rules:
        assert read_rule(write_rule(rule)) == rule


def test_states_survive_being_stored() -> None:
    """What a rule remembers comes back from MessagePack as it was."""
    for rule in filter(reads, default_rules()):
        state = kind_of(rule).begin(rule, "resident:1")
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=state_type(rule)) == state
        assert kind_of(rule).due(rule, state) is None
        assert kind_of(rule).expire(rule, state, MIDNIGHT) == (state, ())


HEAD = "- name: good\n  kind: inactivity\n  hazard: inactivity\n"

FAULTS = {
    "a field that there is not": (
        "- name: x\n  kind: threshold\n  hazard: heat\n  per: device\n  quantity: rssi_dbm\n  above: 5\n  fors: 3\n",
        7,
        "fors is 3",
        "for_s",
    ),
    "a value of a closed set": (
        HEAD + "- name: x\n  kind: inactivity\n  hazard: inactivit\n",
        6,
        "hazard is 'inactivit'",
        "inactivity",
    ),
    "a kind that there is not": ("- name: x\n  kind: magic\n  hazard: sos\n", 2, "kind is 'magic'", "threshold"),
    "a number out of range, deep inside": (
        "- {name: x, kind: geofence, hazard: sos, keep: inside, fences: [\n {name: a, centre: [1, 1], radius_m: 5}]}",
        2,
        "fences[0].radius_m is 5",
        ">= 20",
    ),
    "a wrong type": (
        HEAD.replace("inactivity\n", "inactivity\n", 1) + "  day_s: long\n",
        4,
        "day_s is 'long'",
        "float",
    ),
    "fields that contradict each other": (
        "- name: x\n  kind: threshold\n  hazard: heat\n  per: device\n  quantity: motion\n  above: 5\n",
        1,
        "rule x",
        "`is: true`",
    ),
    "a time zone that there is not": (HEAD + "  timezone: Mars/Olympus\n", 1, "rule good", "IANA"),
    "two rules of one name": (HEAD + HEAD, 4, "name is 'good'", "unique"),
    "no YAML at all": ("- [", 1, "YAML", ""),
    "no list": ("a: 1", 1, "rules", "list"),
}


@pytest.mark.parametrize("claim", FAULTS)
def test_faults_name_file_line_field_value_and_what_is_allowed(claim: str) -> None:
    """Each case is a claim of its own."""
    text, line, field, allowed = FAULTS[claim]
    with pytest.raises(RulesFault) as caught:
        read_rules(text, "mine.yaml")
    told = str(caught.value)
    assert told.startswith(f"mine.yaml, line {line}: ")
    assert field in told
    assert allowed in told


def test_all_faults_are_told_at_once() -> None:
    """One for each rule."""
    with pytest.raises(RulesFault) as caught:
        read_rules(
            "- name: x\n  kind: magic\n- name: y\n  kind: vitals\n  hazard: vitals\n  quantity: pulse\n", "f.yaml"
        )
    assert [fault.line for fault in caught.value.faults] == [2, 6]


def test_a_time_zone_is_put_in_where_none_is_stated() -> None:
    """The home's own; one that is stated stays."""
    text = HEAD + "- name: other\n  kind: inactivity\n  hazard: inactivity\n  timezone: Europe/Berlin\n"
    assert [one.timezone for one in read_rules(text, "f.yaml", timezone="Asia/Tokyo")] == [
        "Asia/Tokyo",
        "Europe/Berlin",
    ]


def test_every_finding_of_a_shipped_rule_is_of_a_hazard_that_somebody_answers() -> None:
    """No rule raises what only the platform may say of itself."""
    assert all(rule.hazard.by_device for rule in default_rules())
    assert Hazard.INACTIVITY in {rule.hazard for rule in default_rules()}


def test_the_examples_of_the_guide_are_rules_and_leave_no_kind_out() -> None:
    """Every block of YAML in docs/rules.md."""
    guide = (Path(__file__).parents[3] / "docs" / "rules.md").read_text("utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    rules = [rule for block in blocks for rule in read_rules(block, "docs/rules.md")]
    assert {type(rule) for rule in rules} == set(get_args(AnyRule))
