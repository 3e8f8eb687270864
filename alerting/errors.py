"""Errors of alerting.

AlertingError
├── BadRecording     a recorded history holds something that cannot be read: line, value, why
├── PlansFault       the shipped response plans break a rule
├── RulesFault       a file of rules is wrong: file, line, field, value, allowed (in alerting.rules.spec)
├── CatalogueFault   the words of messages lack a key or a field
├── RealProvider     a deployment that is not production is about to reach a real provider
└── ChannelError     a message could not be handed to its provider; ``retryable`` and ``maybe_taken`` say what now
"""

from enum import StrEnum


class AlertingError(Exception):
    """Base of all errors raised in :mod:`alerting`."""


class PlansFault(AlertingError):
    """The file of default plans breaks a rule: which entry, and why."""


class BadRecording(AlertingError):
    """A line of a recorded history cannot be read."""

    def __init__(self, line: int, what: str, value: str, why: str) -> None:
        super().__init__(f"line {line}: {what} {value!r} {why}")
        self.line = line
        self.value = value


class CatalogueFault(AlertingError):
    """A language lacks a key or a field."""


class RealProvider(AlertingError):
    """A deployment other than production would reach something that is not known to be a stand-in."""

    def __init__(self, deployment: str, url: str, fault: str) -> None:
        super().__init__(
            f"the deployment is {deployment!r}, but {url} {fault}; a synthetic home must never reach a real phone:"
            " point it at the phone stand-in on this machine, or set deployment to 'production'"
        )
        self.deployment = deployment
        self.url = url


class Refusal(StrEnum):
    """Why a provider did not take a message."""

    INVALID_NUMBER = "invalid_number"
    NOT_REACHABLE = "not_reachable"
    NOT_PERMITTED = "not_permitted"
    UNSUBSCRIBED = "unsubscribed"
    BAD_ACCOUNT = "bad_account"
    BAD_REQUEST = "bad_request"
    TOO_FAST = "too_fast"
    OUT_OF_ORDER = "out_of_order"
    NO_CONNECTION = "no_connection"
    NO_RESPONSE = "no_response"
    NOT_CONFIGURED = "not_configured"
    STOPPED = "stopped"
    LIVE_CONTACT_IN_DRILL = "live_contact_in_drill"


class ChannelError(AlertingError):
    """A message could not be handed over.

    ``retryable``: the same message may be taken later. ``maybe_taken``: it may have been taken although no answer came;
    look it up before sending it again. ``provider_code`` is the provider's own, where it gave one.
    """

    def __init__(
        self,
        reason: Refusal,
        detail: str,
        *,
        retryable: bool = False,
        maybe_taken: bool = False,
        provider_code: str | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.retryable = retryable
        self.maybe_taken = maybe_taken
        self.provider_code = provider_code

    @property
    def code(self) -> str:
        """What is kept of it: our reason, and the provider's code if there is one; its words may hold a number."""
        return f"{self.reason} {self.provider_code}" if self.provider_code else self.reason.value
