"""Response plans: who is called, in what order, how, and for how long. Plans are data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from devices.model import Hazard
from domain.errors import PlanFault
from domain.people import ChannelName, Circle


class Manner(StrEnum):
    """Everyone of the step at once, or one after the other."""

    ALL = "all"
    IN_TURN = "in_turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One circle, asked through ``channels`` in order of preference.

    ``wait`` is per person when in turn, for the whole step when all at once; from 0 s (the next step starts at once, as
    for a fire) to 1 h.
    """

    circle: Circle
    manner: Manner = Manner.IN_TURN
    channels: tuple[ChannelName, ...] = (ChannelName.VOICE, ChannelName.SMS)
    wait: timedelta = timedelta(seconds=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The response to one hazard. ``needed`` people must accept; one of them must arrive within ``arrive_within``."""

    hazard: Hazard
    steps: tuple[Step, ...]
    needed: int = 1
    arrive_within: timedelta = timedelta(minutes=30)


_E = TypeVar("_E", bound=StrEnum)

_STEP_FIELDS = {"circle", "manner", "channels", "wait_s"}
_PLAN_FIELDS = {"hazard", "steps", "needed", "arrive_within_s"}


def read_plan(written: Mapping[str, Any]) -> Plan:
    """Build a plan from its written form (YAML or JSON). Raises :class:`PlanFault` naming field, value and limit."""
    _only(written, _PLAN_FIELDS, "plan")
    hazard = _member(Hazard, written.get("hazard"), "hazard")
    steps = written.get("steps")
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not 1 <= len(steps) <= 20:
        raise PlanFault("steps", steps, "a list of 1 to 20 steps")
    return Plan(
        hazard=hazard,
        steps=tuple(_read_step(step, f"steps[{index}]") for index, step in enumerate(steps)),
        needed=_whole(written.get("needed", 1), "needed", 1, 10),
        arrive_within=timedelta(seconds=_whole(written.get("arrive_within_s", 1800), "arrive_within_s", 60, 86400)),
    )


def write_plan(plan: Plan) -> dict[str, Any]:
    """The written form of a plan: the inverse of :func:`read_plan`."""
    return {
        "hazard": plan.hazard.value,
        "needed": plan.needed,
        "arrive_within_s": int(plan.arrive_within.total_seconds()),
        "steps": [
            {
                "circle": step.circle.value,
                "manner": step.manner.value,
                "channels": [channel.value for channel in step.channels],
                "wait_s": int(step.wait.total_seconds()),
            }
            for step in plan.steps
        ],
    }


def _read_step(written: Any, where: str) -> Step:
    if not isinstance(written, Mapping):
        raise PlanFault(where, written, "a mapping with a circle")
    _only(written, _STEP_FIELDS, where)
    channels = written.get("channels", [ChannelName.VOICE.value, ChannelName.SMS.value])
    if not isinstance(channels, Sequence) or isinstance(channels, str) or not channels:
        raise PlanFault(f"{where}.channels", channels, "a list of at least one channel")
    return Step(
        circle=_member(Circle, written.get("circle"), f"{where}.circle"),
        manner=_member(Manner, written.get("manner", Manner.IN_TURN.value), f"{where}.manner"),
        channels=tuple(_member(ChannelName, channel, f"{where}.channels") for channel in channels),
        wait=timedelta(seconds=_whole(written.get("wait_s", 45), f"{where}.wait_s", 0, 3600)),
    )


def _only(written: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for name in written:
        if name not in allowed:
            raise PlanFault(where, name, f"only the fields {', '.join(sorted(allowed))}")


def _member(kind: type[_E], value: Any, where: str) -> _E:
    try:
        return kind(value)
    except ValueError:
        raise PlanFault(where, value, f"one of {', '.join(kind)}") from None


def _whole(value: Any, where: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise PlanFault(where, value, f"a whole number from {low} to {high}")
    return value
