"""Rules at work: who shares what they remember, and what happens to it when a rule changes."""

from typing import Any

import pytest
from fixtures.readings import rule, seen

from alerting.rules.panel import Member, Panel
from devices.model import DeviceKind

BAND = Member(device="band", kind=DeviceKind.WRISTBAND, resident="1", household="1")
HEALTH = Member(device="health", kind=DeviceKind.HEALTH_BAND, resident="1", household="1")
SENSOR = Member(device="sensor", kind=DeviceKind.INFRARED_SENSOR, household="1")


def heart(**fields: Any) -> Any:
    """Over 130 for five minutes."""
    return rule(kind="vitals", quantity="heart_rate_bpm", high=130, for_s=300, **fields)


def warm(**fields: Any) -> Any:
    """Over 40 °C for as long as is said."""
    return rule(kind="threshold", per="device", quantity="temperature_c", above=40, **fields)


def test_two_bands_of_one_resident_share_a_breach_whose_rule_changes_in_the_middle() -> None:
    """Each hears two minutes of it; between them the limit becomes another."""
    panel = Panel()
    found: list[str] = []
    for member, tried, minutes in ((BAND, heart(), (0, 1, 2)), (HEALTH, heart(at_least=2), (3, 4)), (BAND, None, (5,))):
        if tried is not None:
            heard = panel.listen([tried], member)
        for minute in minutes:
            found += [one.reason for one in panel.judge(heard, seen(60 * minute, heart_rate_bpm=150))]
    assert found == ["beyond_limit"]
    assert len(panel.watches) == 1


def test_a_rule_of_another_kind_under_the_same_name_begins_anew() -> None:
    """What a threshold remembered is nothing to a rule of vitals."""
    panel = Panel()
    panel.judge(panel.listen([warm(for_s=60)], SENSOR), seen(0, temperature_c=50))
    before = next(iter(panel.watches.values())).state
    (watch,) = panel.listen([heart(per="device")], SENSOR)
    assert before.phase == "pending"
    assert watch.state.phase == "idle"
    assert type(watch.state) is not type(before)


@pytest.mark.parametrize(("gap", "reasons"), [("holds", ["beyond_limit_for"]), ("breaks", [])])
def test_a_reading_without_the_quantity_brings_the_time_to_those_rules_only_that_mind_it(
    gap: str, reasons: list[str]
) -> None:
    """A value that holds has held for long enough when the sensor speaks of something else."""
    panel = Panel()
    heard = panel.listen([warm(for_s=600, gap=gap)], SENSOR)
    assert not panel.judge(heard, seen(0, temperature_c=50))
    assert [one.reason for one in panel.judge(heard, seen(900, rssi_dbm=-60))] == reasons


def test_only_a_new_phase_is_told() -> None:
    """Each fast beat is remembered, but worth a word is only the first and the one that raises the alarm."""
    told: list[tuple[str, str]] = []
    panel = Panel(lambda watch, before: told.append((before.phase, watch.state.phase)))
    heard = panel.listen([warm(for_s=300)], SENSOR)
    for minute in range(8):
        panel.judge(heard, seen(60 * minute, temperature_c=50))
    assert told == [("idle", "pending"), ("pending", "raised")]


def test_a_deadline_is_that_of_the_rule_as_it_is_now() -> None:
    """Ten minutes were to be waited for; a minute, says the new version, and the next word of the sensor finds it."""
    panel = Panel()
    slow = panel.listen([warm(for_s=600, gap="holds")], SENSOR)
    assert not panel.judge(slow, seen(0, temperature_c=50))
    assert not panel.judge(slow, seen(30, rssi_dbm=-60))
    fast = panel.listen([warm(for_s=60, gap="holds")], SENSOR)
    assert [one.reason for one in panel.judge(fast, seen(90, rssi_dbm=-60))] == ["beyond_limit_for"]
