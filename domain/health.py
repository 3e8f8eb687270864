"""How a process says that it is well: one entry for each thing it depends on or does again and again."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How one component is: ``reason`` says what is wrong and how to mend it; empty when well."""

    ok: bool
    reason: str
    since: datetime
    last_ok_at: datetime | None


@dataclass(slots=True)
class Health:
    """The conditions of one process, by component ("database", "broker", "provider", "loop:escalation")."""

    conditions: dict[str, Condition] = field(default_factory=dict)

    def well(self, component: str, now: datetime) -> None:
        """``component`` did its work just now."""
        before = self.conditions.get(component)
        since = before.since if before is not None and before.ok else now
        self.conditions[component] = Condition(ok=True, reason="", since=since, last_ok_at=now)

    def unwell(self, component: str, reason: str, now: datetime) -> None:
        """``component`` failed; the process goes on and tries again."""
        before = self.conditions.get(component)
        since = before.since if before is not None and not before.ok else now
        last = before.last_ok_at if before is not None else None
        self.conditions[component] = Condition(ok=False, reason=reason, since=since, last_ok_at=last)

    @property
    def ok(self) -> bool:
        """True when every component is well."""
        return all(condition.ok for condition in self.conditions.values())
