"""Coverage: who could come if an alarm came now. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.people import ChannelName, Circle, ResponderId
from domain.plan import Plan, Step


class GapKind(StrEnum):
    """What is missing, gravest first; of a home only the gravest is shown."""

    NOBODY = "nobody"  # no step of the plan has anybody whom it could reach
    ONLY_THE_DESK = "only_the_desk"  # nobody before the duty desk
    UNCONFIRMED = "unconfirmed"  # nobody has ever answered: the numbers may be wrong
    DESK_UNMANNED = "desk_unmanned"  # of an organisation: nobody at its duty desk, nor at any above it
    UNREACHABLE = "unreachable"  # of a member of a circle: no address, or she wants no messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a circle who is on duty, with the channels she may be reached by, and those confirmed by an answer.

    ``depth`` 0 is the home itself or its own organisation, 1 the one above it, and so on.
    """

    circle: Circle
    depth: int
    responder_id: ResponderId
    channels: frozenset[ChannelName]
    confirmed: frozenset[ChannelName]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCover:
    """How many people a step would ask now, how many of them it can reach, how many of these are confirmed."""

    circle: Circle
    people: int
    reachable: int
    confirmed: int


def cover(plan: Plan, members: Iterable[Member]) -> tuple[StepCover, ...]:
    """What each step of ``plan`` has, without the resident herself. Of a circle of organisations the nearest that has
    anybody on duty is asked, as in an incident.
    """
    by_circle: dict[Circle, dict[int, list[Member]]] = {}
    for member in members:
        by_circle.setdefault(member.circle, {}).setdefault(member.depth, []).append(member)
    return tuple(
        _step(step, by_circle.get(step.circle, {})) for step in plan.steps if step.circle is not Circle.RESIDENT
    )


def _step(step: Step, by_depth: Mapping[int, Sequence[Member]]) -> StepCover:
    asked = by_depth[min(by_depth)] if by_depth else ()
    ways = frozenset(step.channels)
    return StepCover(
        circle=step.circle,
        people=len(asked),
        reachable=sum(bool(member.channels & ways) for member in asked),
        confirmed=sum(bool(member.confirmed & ways) for member in asked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What the organisations stand for behind the homes of one of them: somebody before the duty desk, somebody at a
    desk, somebody confirmed; and by which ways the circles of the home itself are asked ("children voice").
    """

    helped: bool
    manned: bool
    confirmed: bool
    ways: frozenset[str] = field(default_factory=frozenset)


def backing(plan: Plan, members: Iterable[Member]) -> Backing:
    """What ``members`` of the circles of organisations are worth to a home under ``plan``."""
    steps = [step for step in cover(plan, members) if not step.circle.of_household]
    return Backing(
        helped=any(step.reachable for step in steps if step.circle is not Circle.DUTY_DESK),
        manned=any(step.reachable for step in steps if step.circle is Circle.DUTY_DESK),
        confirmed=any(step.confirmed for step in steps),
        ways=frozenset(
            f"{step.circle} {channel}" for step in plan.steps if step.circle.of_household for channel in step.channels
        ),
    )
