"""Errors of alerting.

AlertingError
└── PlansFault       the shipped response plans break a rule
"""


class AlertingError(Exception):
    """Base of all errors raised in :mod:`alerting`."""


class PlansFault(AlertingError):
    """The file of default plans breaks a rule: which entry, and why."""
