"""The ledger calls things by their names: detected, late, missed, lost, doubled, false, and what no rule judges yet."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
import pytest
from rich.console import Console

from devices.model import Hazard
from devices.native import Stage
from simulator.causes.truth import Cause, CauseKind, Expectation, Tolerance
from simulator.fleet.deeds import Alarms
from simulator.fleet.witness import Journey, Witness
from simulator.ledger import Evidence, Reckoning, Verdict, reckon
from simulator.platform import SeenAlarm, SeenNotification, WholeIncident
from simulator.report import page, table
from simulator.report.summary import Run, summarise

AT = 1772600000.0
HOME = "h00001"
BUTTON = "h00001-a-button"


def _moment(second: float) -> datetime:
    return datetime.fromtimestamp(AT + second, UTC)


def _cause(hazard: Hazard = Hazard.SOS, **changes: Any) -> Cause:
    events = ("button/e-1",) if hazard is Hazard.SOS else ()
    base = Cause(
        id="press-0001",
        kind=CauseKind.PRESS,
        at=AT,
        home=HOME,
        deeds=(Alarms(AT, BUTTON, Hazard.SOS, event="e-1"),) if hazard is Hazard.SOS else (),
        expectations=(Expectation(hazard=hazard, subject=f"household:{HOME}", home=HOME, events=events),),
    )
    return msgspec.structs.replace(base, **changes)


@dataclass
class World:
    """What a platform has made of it, step by step."""

    causes: list[Cause] = field(default_factory=lambda: [_cause()])
    incidents: list[WholeIncident] = field(default_factory=list)
    journeys: dict[str, Journey] = field(default_factory=dict)
    clocks_off_s: dict[str, float] = field(default_factory=dict)
    flapping: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    ended_s: float = 3600.0
    heard_s: float = 0.0
    ids: Any = field(default_factory=lambda: count(1))

    def opens(
        self,
        after_s: float = 1.0,
        *,
        contact_s: float | None = 2.0,
        hazard: Hazard = Hazard.SOS,
        home: str | None = HOME,
        device: str = BUTTON,
        stated: tuple[float, ...] = (0.0,),
        resolved_s: float | None = None,
        channel: str = "voice",
    ) -> WholeIncident:
        number = next(self.ids)
        told = [
            SeenNotification(
                id=1, responder="daughter", channel=channel, purpose="ask", round=1, step=1, state="sent",
                created_at=_moment(contact_s), sent_at=_moment(contact_s), delivered_at=None, answered_at=None,
            )
        ] if contact_s is not None else []  # fmt: skip
        incident = WholeIncident(
            id=number, hazard=hazard, severity=2, state="open", subject_kind="household", organisation="o",
            household=home, resident=None, device=device, opened_at=_moment(after_s), acknowledged_at=None,
            resolved_at=None if resolved_s is None else _moment(resolved_s), outcome=None, notifications=told,
            alarm_list=[
                SeenAlarm(id=number * 10 + index, source=device, hazard=hazard, state="raised", at=_moment(at),
                          received_at=_moment(after_s))
                for index, at in enumerate(stated)
            ],
            participations=[],
        )  # fmt: skip
        self.incidents.append(incident)
        return incident

    def acknowledged(self, event: str = "e-1") -> None:
        self.journeys[f"{BUTTON}/{event}"] = Journey(
            device=BUTTON, event=event, planned=AT, sent=AT, acknowledged=AT + 0.1, receipts={Stage.STORED: AT + 0.3}
        )

    def reckon(self) -> Reckoning:
        return reckon(
            Evidence(
                causes=self.causes,
                incidents=self.incidents,
                journeys=self.journeys,
                clocks_off_s=self.clocks_off_s,
                flapping=self.flapping,
                ended_at=AT + self.ended_s,
                slack_s=0.5,
                heard_s=self.heard_s,
            )
        )


@pytest.fixture
def world() -> World:
    return World()


def _verdict(world: World) -> tuple[Verdict, str]:
    [finding] = world.reckon().findings
    return finding.verdict, finding.why


def test_an_incident_with_somebody_contacted_in_time_is_detected(world: World) -> None:
    world.opens(1.0, contact_s=2.5)
    reckoning = world.reckon()
    [finding] = reckoning.findings
    assert (finding.verdict, finding.incident) == (Verdict.DETECTED, 1)
    assert (finding.opened_s, finding.contacted_s) == (1.0, 2.5)
    assert reckoning.holds


def test_contact_after_the_deadline_is_late(world: World) -> None:
    world.opens(1.0, contact_s=200.0)
    assert _verdict(world) == (Verdict.LATE, "somebody was contacted 20 s after the deadline")


def test_no_incident_is_a_miss_and_says_how_far_the_alarm_came(world: World) -> None:
    assert _verdict(world) == (Verdict.MISSED, "no incident was opened; the device never came to send the alarm")
    world.causes = [
        _cause(expectations=(Expectation(hazard=Hazard.SOS, subject="x", home=HOME, events=(f"{BUTTON}/e-1",)),))
    ]
    world.acknowledged()
    reckoning = world.reckon()
    assert reckoning.findings[0].why == "no incident was opened, although the broker had acknowledged the alarm"
    assert not reckoning.holds


def test_an_incident_that_nobody_is_told_of_is_a_miss(world: World) -> None:
    world.opens(contact_s=None)
    assert _verdict(world) == (Verdict.MISSED, "incident 1 was opened, and nobody was contacted")


def test_a_line_on_the_console_is_no_contact_for_a_life_and_one_for_a_device(world: World) -> None:
    world.opens(channel="console")
    assert _verdict(world)[0] is Verdict.MISSED
    world.causes = [
        _cause(expectations=(Expectation(hazard=Hazard.DEVICE_OFFLINE, subject="device:d-1", home=HOME),), deeds=())
    ]
    world.opens(channel="console", hazard=Hazard.DEVICE_OFFLINE, device="d-1")
    assert _verdict(world)[0] is Verdict.DETECTED


def test_another_home_another_hazard_or_an_earlier_incident_is_not_the_one(world: World) -> None:
    world.opens(home="h00002")
    world.opens(hazard=Hazard.FALL)
    world.opens(-60.0)
    reckoning = world.reckon()
    assert reckoning.count(Verdict.MISSED) == 1
    assert len(reckoning.false) == 3


def test_what_is_found_by_waiting_is_known_as_late_as_the_canary(world: World) -> None:
    """In an accelerated run the canary of some seconds takes minutes; what a device says is not excused by it."""
    for hazard, verdict in ((Hazard.INACTIVITY, Verdict.DETECTED), (Hazard.SOS, Verdict.LATE)):
        world.causes, world.incidents, world.heard_s = [_cause(hazard)], [], 60.0
        world.opens(235.0, contact_s=240.0, hazard=hazard)
        assert _verdict(world)[0] is verdict


def test_what_is_not_yet_due_is_pending(world: World) -> None:
    world.ended_s = 100.0
    assert _verdict(world)[0] is Verdict.PENDING


def test_what_looks_like_an_ordinary_day_is_not_judged_but_its_incident_is_not_false(world: World) -> None:
    (expected,) = _cause(Hazard.INACTIVITY).expectations
    world.causes = [_cause(expectations=(msgspec.structs.replace(expected, unjudged="a pet hides it"),), deeds=())]
    assert _verdict(world) == (Verdict.NOT_JUDGED, "a pet hides it")
    world.opens(hazard=Hazard.INACTIVITY)
    assert _verdict(world) == (Verdict.NOT_JUDGED, "found all the same")
    assert world.reckon().false == []


def test_an_acknowledged_alarm_in_no_incident_is_lost_even_if_the_incident_is_there(world: World) -> None:
    second = Alarms(AT + 3, BUTTON, Hazard.SOS, event="e-2")
    world.causes = [_cause(deeds=(*_cause().deeds, second))]
    world.acknowledged("e-1")
    world.acknowledged("e-2")
    world.opens(stated=(0.0,))
    reckoning = world.reckon()
    assert [loss.event for loss in reckoning.lost] == ["e-2"]
    assert not reckoning.holds


def test_a_device_with_a_wrong_clock_is_known_by_the_time_it_states(world: World) -> None:
    world.acknowledged()
    world.clocks_off_s = {BUTTON: -500.0}
    world.opens(stated=(-500.0,))
    assert world.reckon().lost == []


def test_one_event_that_became_two_alarms_is_doubled(world: World) -> None:
    world.opens(stated=(0.0, 0.0))
    assert [double.what for double in world.reckon().doubled] == [f"alarm e-1 of {BUTTON}, 2 times"]


def test_two_incidents_of_one_thing_at_once_are_doubled_and_one_after_the_other_are_not(world: World) -> None:
    world.opens(1.0, resolved_s=10.0)
    world.opens(20.0, stated=(20.0,))
    assert world.reckon().doubled == []
    world.opens(30.0, stated=(30.0,))
    assert [double.incident for double in world.reckon().doubled] == [3]


def test_a_tolerated_incident_is_neither_detected_nor_false(world: World) -> None:
    tolerance = Tolerance(hazard=Hazard.DEVICE_OFFLINE, home=HOME, after_s=0, until_s=100)
    world.causes = [_cause(expectations=(), tolerances=(tolerance,))]
    world.opens(50, hazard=Hazard.DEVICE_OFFLINE)
    assert world.reckon().false == []
    world.opens(300, hazard=Hazard.DEVICE_OFFLINE)
    [false] = world.reckon().false
    assert false.reason == "the device was there all the time"


def test_a_device_whose_connection_the_scenario_broke_may_be_missed(world: World) -> None:
    world.causes = []
    world.flapping = {BUTTON: [(AT, AT + 100)]}
    world.opens(50, hazard=Hazard.DEVICE_OFFLINE)
    assert world.reckon().false == []


def test_what_the_platform_says_about_itself_is_told_apart(world: World) -> None:
    world.causes = []
    world.opens(hazard=Hazard.UNCLEAR, home=None)
    reckoning = world.reckon()
    assert (len(reckoning.false), len(reckoning.own)) == (0, 1)


def _run(speed: float, **changes: Any) -> Run:
    run = Run(
        scenario="quiet-day", seed=1, homes=1, devices=1, speed=speed, begins=AT, ended=AT + 3600, complete=True,
        machine_s=60, deeds=10, player_lag_p99_s=0.1, harmed=False,
    )  # fmt: skip
    return msgspec.structs.replace(run, **changes)


def test_an_accelerated_run_is_invalid_when_the_reaction_takes_more_than_a_quarter_of_the_shortest_deadline(
    world: World,
) -> None:
    world.opens(contact_s=44.0)
    assert summarise(world.reckon(), _run(120), Witness(), []).valid
    world.incidents.clear()
    world.opens(contact_s=46.0)
    summary = summarise(world.reckon(), _run(120), Witness(), [])
    assert not summary.valid
    assert "run it slower" in summary.invalid_because[0]
    assert summarise(world.reckon(), _run(1), Witness(), []).valid


def test_a_run_is_invalid_when_the_generator_was_late_or_it_was_broken_off(world: World) -> None:
    world.opens()
    late = summarise(world.reckon(), _run(120, player_lag_p99_s=50), Witness(), [])
    broken = summarise(world.reckon(), _run(120, complete=False), Witness(), [])
    assert "the generator was the bottleneck" in late.invalid_because[0]
    assert broken.invalid_because == ["it was broken off"]
    assert not broken.holds


def test_latencies_are_quoted_at_real_time_only(world: World) -> None:
    world.opens()
    world.acknowledged()
    witness = Witness(journeys=world.journeys)
    assert summarise(world.reckon(), _run(120), witness, []).latencies == {}
    real = summarise(world.reckon(), _run(1), witness, []).latencies
    assert real["contacted"].p50 == 2.0
    assert real["stored"].highest == pytest.approx(0.3)


def test_the_page_needs_nothing_beside_it_and_the_table_names_each_miss(world: World) -> None:
    world.causes = [_cause(), _cause(id="press-0002", home="h00002", deeds=(), expectations=(
        Expectation(hazard=Hazard.SOS, subject="household:h00002", home="h00002"),))]  # fmt: skip
    world.opens()
    summary = summarise(world.reckon(), _run(120), Witness(), [])
    html = page.render(summary)
    assert "<script src" not in html
    assert "press-0002" in html
    assert "no incident was opened" in html
    console = Console(record=True, width=160)
    console.print(table.render(summary))
    shown = console.export_text()
    assert "missed: sos (press-0002, h00002" in shown
    assert "does not hold" in shown
    assert msgspec.json.decode(msgspec.json.encode(summary))["missed"] == 1
