"""Load, honestly: send times are fixed beforehand, latencies merge, a bottleneck in the generator is told."""

import msgspec
import numpy as np
import pytest

from simulator.faults.chaos import blows
from simulator.fleet.outfit import Shares, equip
from simulator.lives.people import Life
from simulator.lives.village import settle
from simulator.load.crowd import report, split
from simulator.load.generator import Job, Outcome, PhaseOutcome, connectable
from simulator.load.recorder import Recorder, merged
from simulator.load.run import sentinel_and_others
from simulator.load.schedule import schedule
from simulator.scenario import Phase

PROCESSES = ["nats-server", "postgres", "ingest-alarm", "ingest-telemetry", "engine", "sender", "web", "console"]


def test_a_ramp_rises_evenly_and_a_steady_phase_is_even() -> None:
    ramp, steady = schedule(
        [
            Phase(kind="ramp_up", for_s=10, telemetry_per_s=100),
            Phase(kind="steady", for_s=5, telemetry_per_s=100, alarms_per_s=2),
        ]
    )
    assert len(ramp.telemetry_s) == 500
    assert ((ramp.telemetry_s < 5).sum(), (ramp.telemetry_s < 10).sum()) == (125, 500)
    assert len(steady.telemetry_s) == 500
    assert np.diff(steady.telemetry_s) == pytest.approx(0.01)
    assert steady.alarms_s == pytest.approx([0.25 + 0.5 * index for index in range(10)])


def test_a_second_ramp_begins_where_the_last_phase_was() -> None:
    _, second = schedule(
        [
            Phase(kind="steady", for_s=1, telemetry_per_s=100),
            Phase(kind="ramp_up", for_s=10, telemetry_per_s=200),
        ]
    )
    assert len(second.telemetry_s) == 1500
    assert (second.telemetry_s < 1).sum() == pytest.approx(105, abs=1)


def test_shares_of_processes_add_up_to_the_whole() -> None:
    phases = (Phase(kind="steady", for_s=4, telemetry_per_s=300, alarms_per_s=3),)
    devices = [
        device
        for home in settle(1, 9, {Life.LIVING_ALONE: 1})
        for device in connectable(equip(home, 1, Shares()).devices)
    ]
    job = Job(
        devices=tuple(devices), host="h", port=1, passwords={}, connects_per_s=90, phases=phases, share=1.0, seed=5
    )
    parts = split(job, 3)
    assert sorted(one.device_id for part in parts for one in part.devices) == sorted(one.device_id for one in devices)
    assert sum(part.connects_per_s for part in parts) == pytest.approx(90)
    assert sum(len(one.telemetry_s) for part in parts for one in schedule(part.phases, part.share)) == 1200
    assert len({part.seed for part in parts}) == 3
    assert not any(device.model.sleeps for device in devices)


def test_the_device_that_tells_the_time_has_the_right_one_and_sends_nothing_else() -> None:
    devices = [
        device
        for home in settle(1, 9, {Life.LIVING_ALONE: 1})
        for device in connectable(equip(home, 1, Shares(wrong_clock=0.9)).devices)
    ]
    assert devices[-1].clock_off_s
    sentinel, others = sentinel_and_others(devices, 30)
    assert sentinel.clock_off_s == 0
    assert (len(others), sentinel in others) == (29, False)


def test_percentiles_are_those_of_the_values_to_three_figures_and_merge() -> None:
    values = np.random.default_rng(3).lognormal(-5, 1, 20_000)
    whole, halves = Recorder(), (Recorder(), Recorder())
    for index, value in enumerate(values.tolist()):
        whole.record(value)
        halves[index % 2].record(value)
    together = merged(half.encoded() for half in halves)
    for share in (50, 90, 99, 99.9):
        true = float(np.percentile(values, share, method="inverted_cdf"))
        assert whole.percentile_s(share) == pytest.approx(true, rel=1e-2)  # a rank more or less at the tail
        assert together.percentile_s(share) == whole.percentile_s(share)
    assert together.count == 20_000


def test_nothing_recorded_has_no_percentiles() -> None:
    assert Recorder().latencies() is None


def _phase(lag_s: float = 0.001, cpu_s: float = 1.0, stored_s: float = 0.05, unanswered: int = 0) -> PhaseOutcome:
    def of(seconds: float) -> bytes:
        recorder = Recorder()
        for _ in range(100):
            recorder.record(seconds)
        return recorder.encoded()

    return PhaseOutcome(
        kind="steady", planned=1000, sent=1000, seconds=10.0, cpu_s=cpu_s, lag=of(lag_s), acknowledged=of(0.002),
        stored=of(stored_s), notified=of(0.3), unanswered=unanswered,
    )  # fmt: skip


def _outcome(*phases: PhaseOutcome) -> Outcome:
    return Outcome(devices=50, connect_s=0.5, kib_a_device=7.0, phases=list(phases), resent=1, connections_lost=0)


def test_a_report_adds_processes_up() -> None:
    whole = report([_outcome(_phase()), _outcome(_phase(unanswered=2))])
    [phase] = whole.phases
    assert whole.valid
    assert (whole.devices, whole.connects_per_s, whole.resent) == (100, 200.0, 2)
    assert (phase.sent, phase.per_s, phase.unanswered, phase.cpu_us_a_message) == (2000, 200.0, 2, 1000.0)
    assert phase.stored is not None
    assert phase.stored.p50_ms == pytest.approx(50, rel=1e-2)
    assert msgspec.json.decode(msgspec.json.encode(whole))["phases"][0]["stored"]["count"] == 200


@pytest.mark.parametrize(
    ("phase", "why"),
    [(_phase(lag_s=0.2), "wrote 200 ms after the plan"), (_phase(cpu_s=9.5), "used 95% of a core")],
)
def test_a_generator_that_was_the_bottleneck_says_so(phase: PhaseOutcome, why: str) -> None:
    whole = report([_outcome(_phase()), _outcome(phase)])
    assert not whole.valid
    assert why in whole.phases[0].bottleneck


def test_a_run_that_was_broken_off_reports_the_phases_that_have_begun_everywhere() -> None:
    whole = report([_outcome(_phase(), _phase()), _outcome(_phase())])
    assert [phase.sent for phase in whole.phases] == [2000]
    assert (
        report([Outcome(devices=0, connect_s=0.1, kib_a_device=0, phases=[], resent=0, connections_lost=0)]).phases
        == []
    )


def test_blows_fall_on_every_process_in_turn_the_same_for_the_same_seed() -> None:
    planned = blows(7, PROCESSES, 24, 300)
    kills = [blow for blow in planned if blow.for_s == 0]
    assert planned == blows(7, PROCESSES, 24, 300) != blows(8, PROCESSES, 24, 300)
    assert {name: sum(kill.process == name for kill in kills) for name in PROCESSES} == dict.fromkeys(PROCESSES, 3)
    assert len(planned) - len(kills) == 6
    assert [blow.at_s for blow in planned] == sorted(blow.at_s for blow in planned)
    assert planned[0].at_s >= 15
    assert planned[-1].at_s <= 285
