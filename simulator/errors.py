"""Errors of the simulator.

SimulatorError
├── TimeWentBackwards    a clock was asked to run backwards
├── NothingCame          a call, message or state that a story waited for did not come in time
├── UnexpectedTraffic    calls, messages or TwiML that nobody expected came
├── NotOnThePhone        somebody was asked to do on a call what its state does not allow
├── NotTwiml             a document that is not TwiML; carries Twilio's error code
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
