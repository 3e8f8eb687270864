"""What the embedded servers have in common: claim a folder, launch, answer, end, and serve again."""

import asyncio
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from carewatch.embedded.folder import OwnedFolder
from carewatch.embedded.processes import ChildProcess, log_tail, until
from carewatch.errors import ServerDidNotStart


class EmbeddedServer(ABC):
    """A server in a folder of its own, alive no longer than the process that started it.

    `start` returns once the server has answered a client; after its death `start` may be called again, on the same
    object or on a new one, and what it had promised to keep is there. The folder stays ours until `stop`. Start it from
    the main thread: the server dies with the thread that started it.
    """

    name: ClassVar[str]
    death_signal: ClassVar[signal.Signals]
    patience_s: ClassVar[float]

    def __init__(self, folder: Path, *, ready_within_s: float) -> None:
        self.folder = folder.absolute()
        self._owned = OwnedFolder(folder)
        self._startup_log = self.folder / "startup.log"
        self._ready_within_s = ready_within_s
        self._process: ChildProcess | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it does not run."""
        return self._process.pid if self._process and self._process.exit_code is None else None

    async def start(self) -> None:
        """Start the server and wait until it serves; a server that serves already is left alone.

        Raises:
            FolderInUse: another launcher or server holds the folder.
            ServerBinaryMissing: there is no binary to run.
            ServerDidNotStart: it ended or stayed silent; its last words are in the error.
        """
        if self.pid is not None:
            return
        self._owned.claim()
        try:
            server_lock = await self._owned.succeed(farewell=self.death_signal, patience_s=self.patience_s)
            try:
                self._startup_log.unlink(missing_ok=True)
                self._process = await self._launch(server_lock)
            finally:
                os.close(server_lock)
            await self._until_answering(self._process)
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Wait until the server has ended, for whatever reason, and return its exit code."""
        if self._process is None:
            raise ServerDidNotStart(self.name, "it was never started", "")
        return await self._process.wait()

    async def stop(self) -> None:
        """End the server in good order, by force if it takes too long, and let go of the folder; idempotent."""
        if self._process is not None:
            await self._process.end((self.death_signal, self.patience_s))
            self._process = None
        self._owned.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _until_answering(self, process: ChildProcess) -> None:
        deadline_s = time.monotonic() + self._ready_within_s
        answer = "no answer"
        while await until(deadline_s):
            if process.exit_code is not None:
                reason = f"it ended with exit code {process.exit_code}"
                raise ServerDidNotStart(self.name, reason, log_tail(self._logs()))
            try:
                async with asyncio.timeout(10):
                    await self._ask()
            except (OSError, self._not_ready) as error:
                answer = str(error) or type(error).__name__
            else:
                return
        reason = f"silent for {self._ready_within_s:g} s ({answer})"
        raise ServerDidNotStart(self.name, reason, log_tail(self._logs()))

    _not_ready: ClassVar[type[Exception]]
    """What `_ask` raises, beside OSError, while the server is still coming up."""

    @abstractmethod
    async def _launch(self, server_lock: int) -> ChildProcess:
        """Prepare the folder and spawn the server, which inherits `server_lock`."""

    @abstractmethod
    async def _ask(self) -> None:
        """Be a client: return if the server has really answered."""

    def _logs(self) -> Iterable[Path]:
        return [self._startup_log, *(self.folder / "log").glob("*.log")]
