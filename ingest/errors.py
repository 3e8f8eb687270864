"""Errors of ingest.

IngestError
├── BrokerUnavailable   no session with the broker: cannot be reached, refuses us, or has gone; always worth retrying
└── NotOurs             another process holds the lease of this partition
"""


class IngestError(Exception):
    """Base of all errors raised in :mod:`ingest`."""


class BrokerUnavailable(IngestError):
    """There is no session with the broker now. ``reason`` says why, and how to mend it where that is known."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"broker {where}: {reason}")
        self.where = where
        self.reason = reason


class NotOurs(IngestError):
    """Another process serves this partition."""

    def __init__(self, lease: str) -> None:
        super().__init__(f"lease {lease!r} is held by another process")
        self.lease = lease
