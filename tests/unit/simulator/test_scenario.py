"""Scenarios are data: those that ship can be run, and a wrong one is told file, field, value and what is allowed."""

import pytest

from simulator.causes.planning import plan
from simulator.causes.truth import CauseKind
from simulator.errors import BadScenario
from simulator.fleet.outfit import equip
from simulator.lives.village import settle
from simulator.scenario import load, read, shipped

_WRONG = """
name: Bad Name
about: everything is wrong here
lasts_h: -1
homes: 3
emergencies: [{kind: flood, count: 0}]
responders: [{share: 1, does: sings}]
troubles: [{kind: earthquake}]
colour: red
"""


def test_the_six_scenarios_ship() -> None:
    assert shipped() == ["bad-night", "city-load", "power-cut", "provider-outage", "quiet-day", "reconnect-storm"]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_finds_homes_for_its_emergencies(name: str) -> None:
    scenario = load(name)
    outfits = [
        equip(home, scenario.seed, scenario.fleet.shares)
        for home in settle(scenario.seed, scenario.homes, scenario.lives)
    ]
    causes = plan(scenario.wishes(scenario.homes), outfits, scenario.seed, since=scenario.start, until=scenario.end)
    wished = {one.kind: one.count for one in scenario.emergencies}
    assert scenario.name == name
    for kind, count in wished.items():
        found = sum(cause.kind is kind for cause in causes)
        assert found == count * (2 if kind is CauseKind.TWO_AT_ONCE else 1)


def test_every_fault_of_a_scenario_names_file_field_value_and_what_is_allowed() -> None:
    with pytest.raises(BadScenario) as refused:
        read(_WRONG, "mine.yaml")
    faults = refused.value.faults
    assert all(fault.startswith("mine.yaml: ") for fault in faults)
    told = {fault.split(": ")[1]: fault for fault in faults}
    assert told.keys() == {
        "name",
        "lasts_h",
        "emergencies.0.kind",
        "emergencies.0.count",
        "responders.0.does",
        "troubles.0",
        "colour",
    }
    assert "'flood'" in told["emergencies.0.kind"]
    assert "'smoke_cooking'" in told["emergencies.0.kind"]
    assert "-1" in told["lasts_h"]
    assert "greater than 0" in told["lasts_h"]
    assert "'reconnect_storm'" in told["troubles.0"]


def test_shares_of_responders_must_add_up() -> None:
    with pytest.raises(BadScenario, match=r"shares of responders must add up to 1, not 0\.5"):
        read("{name: a, about: b, lasts_h: 1, homes: 1, responders: [{share: 0.5, does: busy}]}", "mine.yaml")


def test_text_that_is_no_yaml_and_a_name_that_is_no_scenario_are_refused() -> None:
    with pytest.raises(BadScenario, match="not YAML"):
        read("{", "mine.yaml")
    with pytest.raises(BadScenario, match="quiet-day"):
        load("nothing-like-that")


def test_emergencies_grow_with_the_number_of_homes() -> None:
    scenario = load("quiet-day")
    presses = {
        homes: next(one.count for one in scenario.wishes(homes) if one.kind is CauseKind.PRESS) for homes in (4, 400)
    }
    assert presses == {4: 1, 400: 12}
