"""What devices do, before it is put into words: the vocabulary between lives, causes and voices.

``at`` is the true moment, epoch seconds of care time; a device's own clock may say something else.
"""

import msgspec

from devices.model import Hazard, SignalState

Quantities = dict[str, float | bool]
"""By the names of :class:`devices.model.Reading`."""


class Tells(msgspec.Struct, frozen=True, gc=False):
    """A device reports what it measures; ``history``: also what it measured before, as (at, quantities)."""

    at: float
    device: str
    quantities: Quantities = {}
    history: tuple[tuple[float, Quantities], ...] = ()


class Alarms(msgspec.Struct, frozen=True, gc=False):
    """A device asserts a hazard, or withdraws it. ``event`` names it in protocols that have such a thing."""

    at: float
    device: str
    hazard: Hazard
    state: SignalState = SignalState.RAISED
    event: str = ""
    quantities: Quantities = {}


class Vanishes(msgspec.Struct, frozen=True, gc=False):
    """A connection breaks without a farewell, and stays broken for ``for_s``: the broker tells the last will."""

    at: float
    device: str
    for_s: float
    powerless: bool = False
    """Nothing is measured meanwhile; otherwise what was measured is told afterwards."""


class Babbles(msgspec.Struct, frozen=True, gc=False):
    """A device sends bytes that mean nothing, to its telemetry or its alarm topic."""

    at: float
    device: str
    payload: bytes
    alarming: bool = False


Deed = Tells | Alarms | Vanishes | Babbles
