"""What the doctor says: one finding for each thing it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How grave it is."""

    OK = "ok"
    WARNING = "warning"  # works, but not as well or as safely as it should
    ERROR = "error"  # somebody may not be helped


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``what`` was looked at, what was ``seen``, and how to ``mend`` it; empty where all is well."""

    what: str
    level: Level
    seen: str
    mend: str = ""


def ok(what: str, seen: str) -> Finding:
    """All is well."""
    return Finding(what=what, level=Level.OK, seen=seen)


def warning(what: str, seen: str, mend: str) -> Finding:
    """It works, but should be mended."""
    return Finding(what=what, level=Level.WARNING, seen=seen, mend=mend)


def error(what: str, seen: str, mend: str) -> Finding:
    """It must be mended."""
    return Finding(what=what, level=Level.ERROR, seen=seen, mend=mend)
