"""The figures of a run."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from devices.native import Stage
from simulator.causes.truth import WAITED_FOR
from simulator.fleet.witness import Journey, Witness
from simulator.ledger import Finding, Loss, Reckoning, Unexplained, Verdict
from simulator.reconciliation import Double, Untold

_SHARES: Final = (50, 90, 99, 99.9)
LIMIT_OF_DEADLINE: Final = 0.25
"""An accelerated run counts only if what does not accelerate takes no more than this share of the shortest deadline.
Source: issue 6, item 7.
"""


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    count: int
    p50: float
    p90: float
    p99: float
    p99_9: float
    highest: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How a run was made."""

    scenario: str
    seed: int
    homes: int
    devices: int
    speed: float
    harmed: bool
    """Whether processes of the platform were killed: its reactions then hold the time to come back."""
    begins: float
    """Epoch seconds of care time."""
    ended: float
    complete: bool
    """Whether it came to its end, and was not broken off."""
    machine_s: float
    deeds: int
    player_lag_p99_s: float
    """How late devices did what they did, in seconds of care time."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run has shown, for people and machines."""

    valid: bool
    invalid_because: list[str]
    detected: int
    late: int
    missed: int
    pending: int
    not_judged: int
    doubled: list[Double]
    lost: list[Loss]
    untold: list[Untold]
    """Counts against a run whose processes were let live: what a killed broker had in hand for a device is gone."""
    false: list[Unexplained]
    own: list[Unexplained]
    run: Run
    counts: dict[str, int]
    latencies: dict[str, Percentiles]
    """At real time only: seconds from the press (or whatever it was) until its receipts, and until the incident was
    opened, somebody contacted, and help accepted."""
    reaction_p95_s: float | None
    """Machine time from what could be known to the first contact."""
    troubles: list[str]
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        """Whether the run counts, and nothing was missed, lost or doubled, and nobody was left untold."""
        untold = self.untold and not self.run.harmed
        return self.valid and not (self.missed or self.lost or self.doubled or untold)


def summarise(reckoning: Reckoning, run: Run, witness: Witness, troubles: Sequence[str]) -> Summary:
    """Put the figures together, and judge whether the run counts."""
    reaction_s = _reaction_p95_s(reckoning, run.speed)
    faults = list(_invalid(reckoning, run, reaction_s))
    return Summary(
        valid=not faults,
        invalid_because=faults,
        detected=reckoning.count(Verdict.DETECTED),
        late=reckoning.count(Verdict.LATE),
        missed=reckoning.count(Verdict.MISSED),
        pending=reckoning.count(Verdict.PENDING),
        not_judged=reckoning.count(Verdict.NOT_JUDGED),
        doubled=reckoning.doubled,
        lost=reckoning.lost,
        untold=reckoning.untold,
        false=reckoning.false,
        own=reckoning.own,
        run=run,
        counts={name: getattr(witness.counts, name) for name in type(witness.counts).__slots__},
        latencies=_latencies(reckoning, witness.journeys.values()) if run.speed == 1 else {},
        reaction_p95_s=reaction_s,
        troubles=list(troubles),
        findings=reckoning.findings,
    )


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """The percentiles of at least one value."""
    p50, p90, p99, p99_9 = (round(float(value), 4) for value in np.percentile(seconds, _SHARES))
    return Percentiles(count=len(seconds), p50=p50, p90=p90, p99=p99, p99_9=p99_9, highest=round(max(seconds), 4))


def _reacted(reckoning: Reckoning) -> list[Finding]:
    """What was reacted to; not what the platform is told to wait for."""
    return [
        finding
        for finding in reckoning.findings
        if finding.contacted_s is not None
        and finding.verdict in (Verdict.DETECTED, Verdict.LATE)
        and finding.hazard not in WAITED_FOR
    ]


def _reaction_p95_s(reckoning: Reckoning, speed: float) -> float | None:
    waits = [finding.contacted_s or 0.0 for finding in _reacted(reckoning)]
    return round(float(np.percentile(waits, 95)) / speed, 4) if waits else None


def _invalid(reckoning: Reckoning, run: Run, reaction_s: float | None) -> list[str]:
    faults = []
    judged = [finding for finding in reckoning.findings if finding.verdict is not Verdict.NOT_JUDGED]
    shortest_s = min((finding.due_at - finding.known_at for finding in judged), default=None)
    if shortest_s is not None:
        limit_s = LIMIT_OF_DEADLINE * shortest_s
        if reaction_s is not None and not run.harmed and run.speed != 1 and reaction_s * run.speed > limit_s:
            faults.append(
                f"the reaction of {reaction_s:.3f} s is {reaction_s * run.speed:.0f} s of care time at speed "
                f"{run.speed:g}, above a quarter of the shortest deadline, {limit_s:.0f} s; run it slower"
            )
        if run.player_lag_p99_s > limit_s:
            faults.append(
                f"the devices were {run.player_lag_p99_s:.0f} s of care time late (p99), above a quarter of the "
                f"shortest deadline, {limit_s:.0f} s: the generator was the bottleneck"
            )
    if not run.complete:
        faults.append("it was broken off")
    return faults


def _latencies(reckoning: Reckoning, journeys: Iterable[Journey]) -> dict[str, Percentiles]:
    findings, told = _reacted(reckoning), list(journeys)
    receipts = {"stored": Stage.STORED, "told notified": Stage.NOTIFIED, "told accepted": Stage.ACCEPTED}
    measured = {
        **{
            name: [journey.receipts[stage] - journey.planned for journey in told if stage in journey.receipts]
            for name, stage in receipts.items()
        },
        "opened": [finding.opened_s for finding in findings if finding.opened_s is not None],
        "contacted": [finding.contacted_s for finding in findings if finding.contacted_s is not None],
        "accepted": [finding.accepted_s for finding in findings if finding.accepted_s is not None],
    }
    return {name: percentiles(values) for name, values in measured.items() if values}
