"""One thread, one synchronous connection: work is committed in its order, and redone until all hope is gone."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, Self, TypeVar

import psycopg
import structlog
from psycopg.rows import TupleRow

from store.errors import Displaced, StoreError, Unavailable, mapping
from store.leases import Lease
from store.pool import conninfo

log = structlog.get_logger(__name__)

SyncConnection = psycopg.Connection[TupleRow]

PAUSES_S: Final = (0.0, 0.2, 0.8, 2.0)
"""Before each attempt. After the last the lane ends its session: the broker keeps what was not acknowledged."""


class Work(Protocol):
    """Something to be committed in one transaction."""

    def commit(self, connection: SyncConnection, lease: Lease) -> None:
        """Write it all, and commit. Called again, from the beginning, after a failure."""

    def divide(self) -> Sequence[Self]:
        """The same work in smaller pieces, or nothing if it is one message: for when the database refuses it."""

    def refused(self, error: StoreError) -> Self | None:
        """What to commit instead of one message that the database refuses; None if that has been refused too."""


W = TypeVar("W", bound=Work)


class CommitThread(Generic[W]):
    """Commits what it is given. ``done`` is called on the event loop after each commit, ``failed`` once, at the end."""

    def __init__(
        self,
        name: str,
        dsn: str,
        lease: Lease,
        *,
        done: Callable[[W], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._conninfo = conninfo(dsn, name)
        self._lease = lease
        self._done = done
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[W | None] = queue.SimpleQueue()
        self._connection: SyncConnection | None = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: W) -> None:
        """Commit ``work`` after what was submitted before."""
        self._waiting.put(work)

    async def close(self, *, within_s: float) -> None:
        """Commit what has been submitted, as far as that goes within the time, and end the thread."""
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join, within_s)
        self._given_up.set()

    def _run(self) -> None:
        try:
            while not self._given_up.is_set():
                work = self._waiting.get()
                if work is None:
                    return
                self._commit(work)
                self._tell(self._done, work)
        except StoreError as error:
            self._tell(self._failed, error)
        finally:
            self._disconnect()

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _commit(self, work: W) -> None:
        """Commit ``work``, or what the database takes of it. Raises :class:`StoreError` if that is not to be had."""
        for last, pause_s in enumerate(PAUSES_S, start=1):
            if pause_s and self._given_up.wait(pause_s):
                raise Unavailable("the lane has not waited for the database")
            try:
                with mapping():
                    work.commit(self._connected(), self._lease)
                return
            except StoreError as error:
                self._disconnect()
                if isinstance(error, Displaced) or (error.retryable and last == len(PAUSES_S)):
                    raise
                log.warning("not committed", thread=self._thread.name, attempt=last, error=str(error))
                if not error.retryable:
                    self._commit_what_is_taken(work, error)
                    return

    def _commit_what_is_taken(self, work: W, error: StoreError) -> None:
        """Find the message that the database refuses, and let it hold back none of the others."""
        pieces = work.divide()
        if not pieces:
            instead = work.refused(error)
            if instead is None:
                raise error
            pieces = [instead]
        for piece in pieces:
            self._commit(piece)

    def _connected(self) -> SyncConnection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
        return self._connection

    def _disconnect(self) -> None:
        """A connection that has met an error is not trusted with the next transaction."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
