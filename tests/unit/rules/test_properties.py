"""What holds for rules of every kind, whatever comes: order, repeats, gaps, batches, and a clock that looks often."""

from typing import Any

from fixtures.readings import MIDNIGHT, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.replay import Replay, replay
from alerting.rulebook import default_rules
from alerting.rules.frame import Finding, Observation
from alerting.rules.kinds import kind_of, reads
from devices.model import DeviceKind, Reading

HOME = {"lat": 36.0, "lon": 114.0, "radius_m": 100}
CANAL = {"name": "canal", "centre": [36.003, 114.0], "radius_m": 60}
RULES: list[Any] = [
    *(one for one in default_rules() if reads(one) and one.name != "wander"),
    rule(kind="wander", name="wander", hazard="wander", home=HOME),
    rule(kind="geofence", name="canal", hazard="wander", keep="outside", fences=[CANAL]),
    rule(kind="geofence", name="near", hazard="wander", keep="inside", fences=[{**CANAL, "name": "near"}]),
    rule(kind="immediate", name="smoky", hazard="smoke", per="device", quantity="smoke_level", above=5),
    rule(kind="threshold", name="often", per="device", quantity="motion", **{"is": True}, count=3, within_s=600),
    rule(kind="threshold", name="mostly", per="device", quantity="temperature_c", above=40, at_least=2, of=3),
    rule(kind="threshold", name="ajar", per="device", quantity="contact_open", **{"is": True}, for_s=900, gap="holds"),
]

SOURCES = (
    ("band", DeviceKind.WRISTBAND),
    ("living", DeviceKind.INFRARED_SENSOR),
    ("kitchen", DeviceKind.INFRARED_SENSOR),
    ("front", DeviceKind.DOOR_SENSOR),
    ("smoke", DeviceKind.SMOKE_ALARM),
)
QUANTITIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "band": st.one_of(
        st.fixed_dictionaries(
            {
                "lat": st.sampled_from([36.0, 36.001, 36.003, 36.01, 37.0]),
                "lon": st.just(114.0),
                "accuracy_m": st.sampled_from([5.0, 40.0, 900.0]),
            }
        ),
        st.fixed_dictionaries({"heart_rate_bpm": st.sampled_from([0.0, 30.0, 70.0, 180.0])}),
        st.fixed_dictionaries({"worn": st.booleans(), "battery_pct": st.sampled_from([5.0, 50.0])}),
    ),
    "living": st.fixed_dictionaries({"motion": st.booleans()}),
    "kitchen": st.fixed_dictionaries({"motion": st.booleans()}),
    "front": st.fixed_dictionaries({"contact_open": st.booleans()}),
    "smoke": st.fixed_dictionaries(
        {"temperature_c": st.sampled_from([5.0, 20.0, 42.0, 60.0]), "smoke_level": st.sampled_from([0.0, 9.0])}
    ),
}
GAPS_S = st.sampled_from([1.0, 20.0, 70.0, 300.0, 1000.0, 4000.0, 30_000.0])


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """Readings of one home in order of time, with gaps of all sizes."""
    at, found = MIDNIGHT, []
    for _ in range(draw(st.integers(1, 40))):
        at += draw(GAPS_S)
        source, kind = draw(st.sampled_from(SOURCES))
        found.append(Observation(at, source, kind, Reading(**draw(QUANTITIES[source]))))
    return found


def keys(findings: list[Finding]) -> set[tuple[Any, ...]]:
    """What makes findings the same."""
    return {(one.rule, one.subject, one.onset, one.state) for one in findings}


@given(histories(), st.data())
@settings(max_examples=50, deadline=None)
def test_repeats_change_nothing(history: list[Observation], data: st.DataObject) -> None:
    """Whatever is delivered again, behind newer readings too, finds nothing that had not been found."""
    again = list(history)
    for _ in range(5):
        place = data.draw(st.integers(0, len(again)))
        known = [one for one in again[:place] if one in history]
        if known:
            again.insert(place, data.draw(st.sampled_from(known)))
    run = Replay(RULES)
    run.judge(again)
    run.until(history[-1].at)
    assert keys(run.findings) == keys(replay(RULES, history))


@given(histories())
@settings(max_examples=40, deadline=None)
def test_replaying_is_living_through_it(history: list[Observation]) -> None:
    """An engine that looks every five minutes finds what one finds that looks only when readings come."""
    run = Replay(RULES)
    now = history[0].at
    for one in history:
        while now < one.at - 300:
            now += 300
            run.until(now)
        run.judge([one])
        now = one.at
    run.until(history[-1].at)
    assert keys(run.findings) == keys(replay(RULES, history))


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_no_order_of_arrival_breaks_a_rule(history: list[Observation], draw: Any) -> None:
    """Any order: no error, no alarm twice, and every deadline lies after its onset."""
    shuffled = list(history)
    draw.shuffle(shuffled)
    run = Replay(RULES)
    run.judge(shuffled)
    run.until(history[-1].at + 100_000)
    raised = [one for one in run.findings if one.rule != "smoky"]
    assert len(keys(raised)) == len(raised)
    assert all(one.found_at >= one.onset for one in run.findings)


@given(histories())
@settings(max_examples=25, deadline=None)
def test_a_deadline_that_has_passed_is_gone(history: list[Observation]) -> None:
    """After ``expire`` nothing is due any more: the engine never turns in a circle."""
    run = Replay(RULES)
    run.judge(history)
    late = history[-1].at + 10 * 86400
    run.until(late)
    by_name = {one.name: one for one in RULES}
    for (name, _), state in run.memory.items():
        due = kind_of(by_name[name]).due(by_name[name], state)
        assert due is None or due > late
