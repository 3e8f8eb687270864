"""What the phone network and the devices have seen, held against what the platform says that it has told whom."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from devices.native import Stage
from simulator.causes.truth import Cause
from simulator.fleet.witness import Journey
from simulator.phone.books import Line, LineKind
from simulator.phone.call import CallStatus
from simulator.platform import SeenNotification, WholeIncident

_TOLD_WITHIN_S: Final = 60.0
"""Care time from a contact or an acceptance to the receipt; what comes so shortly before the end is not asked for."""
_FINAL: Final = frozenset(status.value for status in CallStatus if status.is_final)
_BEGUN: Final = frozenset(status.value for status in CallStatus) - _FINAL


class Double(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is there twice."""

    what: str
    incident: int | None = None


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was to be told something, and was not."""

    what: str
    cause: str | None = None
    incident: int | None = None


class Phones(msgspec.Struct, frozen=True, kw_only=True):
    """The phone network after a run."""

    lines: Sequence[Line] = ()
    """Its transcript."""
    texts: Mapping[str, int] = {}
    """By number, how many texts of the platform have come."""
    people: Mapping[str, str] = {}
    """By number, the code of the responder."""


def overlapping_calls(phones: Phones) -> Iterator[Double]:
    """A phone that was rung while another call of ours was on it."""
    live: dict[str, set[str]] = defaultdict(set)
    for line in phones.lines:
        if line.kind is not LineKind.STATUS or line.number not in phones.people:
            continue
        if line.text in _FINAL:
            live[line.number].discard(line.sid)
        elif line.text in _BEGUN and line.sid not in live[line.number]:
            if live[line.number]:
                yield Double(
                    what=f"at {line.at:%H:%M:%S} {phones.people[line.number]} was rung in the middle of a call"
                )
            live[line.number].add(line.sid)


def repeated_notifications(incidents: Sequence[WholeIncident]) -> Iterator[Double]:
    """One person who was asked twice in the same step of a round over the same channel. Asked again after a new event,
    and reminded, somebody may be as often as there is a reason.
    """
    for incident in incidents:
        times = Counter(
            (one.responder, one.channel, one.round, one.step)
            for one in incident.notifications
            if one.purpose == "ask" and one.sent_at is not None
        )
        for (responder, channel, round_number, step), count in times.items():
            if count > 1:
                what = f"{responder} was asked by {channel} in round {round_number}, step {step}, {count} times"
                yield Double(what=what, incident=incident.id)


def repeated_texts(incidents: Sequence[WholeIncident], phones: Phones) -> Iterator[Double]:
    """A phone to which more texts have come than the platform knows of."""
    for number, responder in phones.people.items():
        known = sum(1 for one in _texts(incidents, responder))
        if (came := phones.texts.get(number, 0)) > known:
            yield Double(what=f"{came} texts have come to {responder}, for {known} messages")


def unheard_texts(incidents: Sequence[WholeIncident], phones: Phones) -> Iterator[Untold]:
    """A phone to which fewer texts have come than the platform says were delivered."""
    for number, responder in phones.people.items():
        delivered = sum(one.delivered_at is not None for one in _texts(incidents, responder))
        if (came := phones.texts.get(number, 0)) < delivered:
            yield Untold(what=f"{came} texts have come to {responder}, and {delivered} are said to be delivered")


def _texts(incidents: Sequence[WholeIncident], responder: str) -> Iterator[SeenNotification]:
    for incident in incidents:
        for one in incident.notifications:
            if one.responder == responder and one.channel == "sms" and one.sent_at is not None:
                yield one


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Which devices listen all the time, and when a scenario had broken the connection of one: (from, until)."""

    devices: frozenset[str] = frozenset()
    deaf: Mapping[str, Sequence[tuple[float, float]]] = {}

    def hears(self, device: str, moment: float) -> bool:
        """Whether ``device`` could be told something at ``moment``."""
        return device in self.devices and not any(
            begins <= moment <= ends for begins, ends in self.deaf.get(device, ())
        )


def untold_devices(
    cause: Cause,
    events: Sequence[str],
    stages: Mapping[Stage, float | None],
    journeys: Mapping[str, Journey],
    listening: Listening,
    ended_at: float,
) -> Iterator[Untold]:
    """The stages that were reached, and that no device which had raised the alarm was told of."""
    told = [journeys[event] for event in events if event in journeys and journeys[event].acknowledged is not None]
    for stage, at in stages.items():
        able = [one for one in told if at is not None and listening.hears(one.device, at)]
        if at is None or not able or at + _TOLD_WITHIN_S > ended_at:
            continue
        if not any(stage in journey.receipts for journey in told):
            yield Untold(what=f"{able[0].device} was never told `{stage.value}`", cause=cause.id)
