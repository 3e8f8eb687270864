"""What can go wrong while CareWatch starts and supervises its own servers.

* CarewatchError
    * EmbeddedServerError
        - FolderInUse: another launcher, or a server it did not start, holds the folder.
        - ServerBinaryMissing: no usable binary on this machine.
        - ServerDidNotStart: the server ended, or stayed silent for too long, while starting.
    - ProgramNotStarted: a supervised process could not be spawned.
    - BackupFault: a backup could not be written, or not be restored.
    - SettingsFault: the settings cannot be used; it names every one at fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class CarewatchError(Exception):
    """Base of every error that the `carewatch` package raises on purpose."""


class EmbeddedServerError(CarewatchError):
    """An embedded PostgreSQL or broker cannot serve."""


class FolderInUse(EmbeddedServerError):
    """The folder belongs to a live process; `pid` is that process, None when it cannot be told."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        self.folder = folder
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{folder} is in use by {holder}; stop it, or choose another folder")


class ServerBinaryMissing(EmbeddedServerError):
    """No binary for `server`; `wanted` says what was looked for, and where."""

    def __init__(self, server: str, wanted: str) -> None:
        self.server = server
        self.wanted = wanted
        super().__init__(f"no binary for {server}: looked for {wanted}")


class ServerDidNotStart(EmbeddedServerError):
    """`server` ended or stayed silent while starting; `log_tail` holds its own last words."""

    def __init__(self, server: str, reason: str, log_tail: str) -> None:
        self.server = server
        self.reason = reason
        self.log_tail = log_tail
        super().__init__(f"{server} did not start: {reason}" + (f"; its last words:\n{log_tail}" if log_tail else ""))


class ProgramNotStarted(CarewatchError):
    """The supervised program `name` could not be spawned, or has not been."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name} is not started: {reason}")


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One setting that cannot be used: its name (``section.name``), its value (secrets hidden), what is allowed."""

    name: str
    value: str
    allowed: str


class SettingsFault(CarewatchError):
    """The settings cannot be used; ``faults`` names every one at fault."""

    def __init__(self, faults: Sequence[SettingFault]) -> None:
        self.faults = tuple(faults)
        lines = [f"  {fault.name} = {fault.value}: {fault.allowed}" for fault in self.faults]
        super().__init__("\n".join(["these settings cannot be used:", *lines]))


class BackupFault(CarewatchError):
    """A backup could not be written, or not be restored: what stands in the way."""
