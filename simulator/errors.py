"""Errors of the simulator.

SimulatorError
├── TimeWentBackwards    a clock was asked to run backwards
├── NothingCame          a call, message or state that a story waited for did not come in time
├── UnexpectedTraffic    calls, messages or TwiML that nobody expected came
├── NoBroker             there is no connection to the MQTT broker
├── PlatformRefused      the platform did not do what it was asked through its interface
├── NotOnThePhone        somebody was asked to do on a call what its state does not allow
├── NotTwiml             a document that is not TwiML; carries Twilio's error code
├── BadScenario          a scenario that cannot be understood; names each fault
├── UnfitSystem          a running system on which a simulation would do harm, or prove nothing
├── LateBeginning        the village was not ready when its day began
├── NotALoad             a scenario without a load, or with too few devices for it
├── NoSuitableHome       no home left in which a wished emergency could happen
└── Refused              the phone network refuses a request; carries Twilio's error code and HTTP status
"""

from collections.abc import Sequence
from datetime import datetime


class SimulatorError(Exception):
    """Base of all errors raised in :mod:`simulator`."""


class TimeWentBackwards(SimulatorError):
    """A clock was asked to go from ``now`` back to ``moment``."""

    def __init__(self, now: datetime, moment: datetime) -> None:
        super().__init__(f"the clock shows {now.isoformat()} and cannot go back to {moment.isoformat()}")
        self.now = now
        self.moment = moment


class NothingCame(SimulatorError):
    """``awaited`` did not happen within ``within_s`` seconds of machine time; ``instead`` is what did."""

    def __init__(self, awaited: str, within_s: float, instead: str) -> None:
        super().__init__(f"{awaited} did not come within {within_s:g} s; {instead}")
        self.awaited = awaited
        self.within_s = within_s
        self.instead = instead


class UnexpectedTraffic(SimulatorError):
    """Something reached the phone network that nobody expected; ``happenings`` has a line for each."""

    def __init__(self, happenings: Sequence[str]) -> None:
        super().__init__("nobody expected:\n  " + "\n  ".join(happenings))
        self.happenings = tuple(happenings)


class NotOnThePhone(SimulatorError):
    """The call ``sid`` is ``status``, which does not allow ``deed``."""

    def __init__(self, deed: str, sid: str, status: str) -> None:
        super().__init__(f"cannot {deed}: call {sid} is {status}")
        self.deed = deed
        self.sid = sid
        self.status = status


class NotTwiml(SimulatorError):
    """A document cannot be followed as TwiML. ``code`` is the one Twilio logs for it."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Refused(SimulatorError):
    """The phone network does not take a request. ``code`` and ``status`` are Twilio's error code and HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class NoSuitableHome(SimulatorError):
    """No home of ``homes`` is left in which an emergency of ``kind`` could happen."""

    def __init__(self, kind: str, homes: int) -> None:
        super().__init__(
            f"no home is left for a {kind} among {homes}: each home has at most one emergency, and must have the "
            "device or the resident that it takes; simulate more homes, or wish for fewer"
        )
        self.kind = kind
        self.homes = homes


class BadScenario(SimulatorError):
    """A scenario is not as it must be; ``faults`` has a line for each: file, field, value, what is allowed."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class NoBroker(SimulatorError):
    """The broker at ``where`` cannot be reached, or refuses us: ``reason``."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"no connection to the broker at {where}: {reason}")
        self.where = where
        self.reason = reason


class PlatformRefused(SimulatorError):
    """``method path`` of the platform's interface failed for good; ``reason`` is its answer, or why there was none."""

    def __init__(self, method: str, path: str, reason: str) -> None:
        super().__init__(f"{method} {path}: {reason}")
        self.method = method
        self.path = path
        self.reason = reason


class UnfitSystem(SimulatorError):
    """The running system at ``url`` is not one to simulate on: ``reason``."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} is not a system to simulate on: {reason}")
        self.url = url
        self.reason = reason


class LateBeginning(SimulatorError):
    """When its day began, only ``up`` of the ``staying`` connections of the village stood."""

    def __init__(self, up: int, staying: int) -> None:
        super().__init__(
            f"the village was not ready when its day began: {up} of {staying} connections stood; is that the broker of "
            "this system, does it let these devices in, or are there too many homes?"
        )
        self.up = up
        self.staying = staying


class NotALoad(SimulatorError):
    """The scenario ``name`` has no load, or only ``devices`` devices that can be connected for it."""

    def __init__(self, name: str, devices: int) -> None:
        super().__init__(f"{name}: a load needs a section `load` and as many devices; its homes have {devices}")
        self.name = name
        self.devices = devices
