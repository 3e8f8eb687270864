"""Errors of the domain.

DomainError
├── PlanFault        a written response plan breaks a rule
└── NotPermitted     an actor may not do or see this
"""

from typing import Any


class DomainError(Exception):
    """Base of all errors raised in :mod:`domain`."""


class PlanFault(DomainError):
    """A written plan breaks a rule: which field, which value, what is allowed."""

    def __init__(self, field: str, value: Any, allowed: str) -> None:
        super().__init__(f"{field} is {value!r}; allowed is {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class NotPermitted(DomainError):
    """An actor may not do or see this."""

    def __init__(self, actor: str, action: str) -> None:
        super().__init__(f"{actor} may not {action}")
        self.actor = actor
        self.action = action
