"""What all rules share: the readings they judge, the states they keep, the findings they come to.

A rule is data (a frozen struct, read from YAML or the database); its kind is a module with four pure functions::

    begin(rule, subject)        -> state            nothing has been seen yet
    step(rule, state, seen)     -> (state, findings)  one more reading
    expire(rule, state, now)    -> (state, findings)  care time has reached ``now``
    due(rule, state)            -> epoch seconds or None: when ``expire`` may next find something

Times are epoch seconds (UTC). ``step`` goes by the time of the reading, never by that of its arrival: what has been
seen already, or lies before what has been judged, changes nothing, so that repeats and late buffers are harmless.
Whoever calls ``step`` calls ``expire`` with the time of the reading first; replaying a history is then the same as
having lived through it.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar

import msgspec
from msgspec import Meta

from devices.model import DeviceKind, Hazard, Reading, SignalState


class Scope(StrEnum):
    """Whom a rule keeps a state for."""

    DEVICE = "device"
    RESIDENT = "resident"
    HOUSEHOLD = "household"


class Observation(msgspec.Struct, frozen=True, gc=False):
    """A reading with its time, and where it comes from. ``source`` is the id of the device."""

    at: float
    source: str
    kind: DeviceKind
    reading: Reading


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The fields that every rule has.

    ``devices``: the kinds of device it listens to; none stated: all. ``trial``: findings are recorded, nobody is
    called. ``timezone`` is what "night" means; where a rule runs for a home, that of its organisation is put in.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    hazard: Hazard
    per: Scope
    devices: tuple[DeviceKind, ...] = ()
    trial: bool = False
    enabled: bool = True
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] = "Asia/Shanghai"


class State(msgspec.Struct, frozen=True, gc=False):
    """What a rule remembers of a subject. ``phase`` is what is worth saving: it changes rarely."""

    subject: str
    phase: str = "idle"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule has found a hazard, or that it is over. Unique by (rule, subject, onset).

    ``onset`` is the event time from which on it held, ``found_at`` when there was enough to say so. ``reason`` is one
    of the names that the kind's module lists; ``evidence`` holds figures and names for the timeline, no personal text.
    """

    rule: str
    subject: str
    hazard: Hazard
    onset: float
    found_at: float
    reason: str
    evidence: dict[str, Any]
    state: SignalState = SignalState.RAISED


R_contra = TypeVar("R_contra", bound=Rule, contravariant=True)
S = TypeVar("S", bound=State)
Findings = tuple[Finding, ...]
NOTHING: Final[Findings] = ()


class Kind(Protocol, Generic[R_contra, S]):
    """The four functions of a kind of rule; every kind's module has them."""

    def begin(self, rule: R_contra, subject: str) -> S: ...

    def step(self, rule: R_contra, state: S, seen: Observation) -> tuple[S, Findings]: ...

    def expire(self, rule: R_contra, state: S, now: float) -> tuple[S, Findings]: ...

    def due(self, rule: R_contra, state: S) -> float | None: ...


def found(
    rule: Rule,
    state: State,
    *,
    onset: float,
    at: float,
    reason: str,
    cleared: bool = False,
    **evidence: Any,
) -> Findings:
    """One finding of ``rule`` about the subject of ``state``."""
    return (
        Finding(
            rule=rule.name,
            subject=state.subject,
            hazard=rule.hazard,
            onset=onset,
            found_at=at,
            reason=reason,
            evidence=evidence,
            state=SignalState.CLEARED if cleared else SignalState.RAISED,
        ),
    )
