"""Where something stands in a file, and what is wrong with it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, or a row of a sheet; 1 is the first."""

    file: str
    line: int
    sheet: str | None = None

    def __str__(self) -> str:
        return f"{self.file}[{self.sheet}]:{self.line}" if self.sheet else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that is not allowed."""

    place: Place
    field: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        value = str(self.value)
        shown = value if len(value) <= 80 else value[:80] + "…"
        return f"{self.place}: {self.field} is {shown!r}: {self.allowed}"
