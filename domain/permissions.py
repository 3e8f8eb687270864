"""Who asks: every query that serves a person takes an :class:`Actor`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import NotPermitted
from domain.people import OrganisationId


class Role(StrEnum):
    """What an account is for."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"  # the platform's own processes


class Scope(StrEnum):
    """What an actor may do within the subtree of its organisation; the scopes of API keys."""

    READ = "read"
    ACT = "act"  # take, accept for, arrive, close
    MANAGE = "manage"  # households, people, devices, plans, rosters
    HEALTH = "health"  # location and vital signs, where consent allows
    AUDIT = "audit"


ROLE_SCOPES: Final[dict[Role, frozenset[Scope]]] = {
    Role.OPERATOR: frozenset({Scope.READ, Scope.ACT, Scope.HEALTH}),
    Role.SUPERVISOR: frozenset({Scope.READ, Scope.ACT, Scope.HEALTH, Scope.MANAGE}),
    Role.ADMINISTRATOR: frozenset({Scope.READ, Scope.MANAGE}),
    Role.AUDITOR: frozenset({Scope.READ, Scope.AUDIT}),
    Role.SYSTEM: frozenset(Scope),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an account may be: a role, in the subtree of the organisation of this code."""

    role: Role
    organisation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts or looks: ``id`` as it stands on timelines and in the audit trail (``user:li``, ``key:7``), and the
    organisation whose subtree is all it may see.
    """

    id: str
    organisation_id: OrganisationId
    scopes: frozenset[Scope]
    role: Role | None = None

    def need(self, scope: Scope) -> None:
        """Raise :class:`NotPermitted` unless this actor holds ``scope``."""
        if scope not in self.scopes:
            raise NotPermitted(self.id, f"{scope.value} here")
