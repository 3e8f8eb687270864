"""The one poller of this process: what the desk looks at, read for everybody and handed to every open page.

Polling is the truth: once a second, or as soon as the database hints at news. Pages never read the queue themselves.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from api.console.presence import Presence
from domain.clock import Clock
from domain.health import Health
from domain.permissions import Actor
from store import desk, sessions
from store.desk import Platform, Waiting
from store.errors import StoreError
from store.pool import Connection, Database, DatabaseClock
from store.wakeups import Bell, listening

log = structlog.get_logger(__name__)

POLL_EVERY_S: Final = 1.0
_READ_ANYWAY_EVERY_S: Final = 5.0  # some changes, a deadline moved, say, leave no entry on a timeline
_AT_ONCE: Final = 500  # of a longer queue only what changed is read, and what was read longest ago
_READ_SESSIONS_EVERY_S: Final = 10.0
_SETTLE_S: Final = 0.1  # many hints at once are one reading
_SHARE: Final = 4  # rest so many times as long as a turn took: a desk of thousands must not wear the machine out

_OPEN_PAGES: Final = Gauge("carewatch_console_open_pages", "Pages that operators have open")
_READINGS: Final = Counter("carewatch_console_readings_total", "Readings of the queue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything unresolved, and how the platform keeps up, at one moment. ``fault``: why it is not fresh; or empty.

    ``number`` rises with every snapshot; ``speed`` is that of care time.
    """

    number: int
    at: datetime
    speed: float
    queue: tuple[Waiting, ...]
    platform: Platform
    lanes: Mapping[str, datetime | None]
    fault: str = ""

    def visible_to(self, actor: Actor) -> list[Waiting]:
        """The part of the queue that lies in the subtree of ``actor``."""
        return [one for one in self.queue if actor.organisation_id in one.path]


class _Queue:
    """The queue as it was last read. Each reading takes in what has changed; of the rest, because who is being called
    changes without a mark, as much as does not take long.
    """

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Waiting, str, float]] = {}  # with its mark, and the moment of the reading

    async def read(self, connection: Connection) -> tuple[Waiting, ...]:
        """Everything unresolved, gravest and oldest first."""
        marks = await desk.queue(connection)
        now_s = time.monotonic()
        rows = {id_: self._rows[id_] for id_ in marks if id_ in self._rows}
        again = {id_ for id_, mark in marks.items() if id_ not in rows or rows[id_][1] != mark}
        longest_ago = sorted(rows.keys() - again, key=lambda id_: rows[id_][2])
        again.update(longest_ago[:_AT_ONCE])
        for id_ in again & rows.keys():
            del rows[id_]
        rows |= {one.id: (one, marks[one.id], now_s) for one in await desk.waiting(connection, again)}
        self._rows = {id_: rows[id_] for id_ in marks if id_ in rows}
        return tuple(one for one, _, _ in self._rows.values())


class Feed:
    """Reads, and tells its watchers. Run :meth:`run` as a task."""

    def __init__(self, database: Database, clock: Clock, dsn: str, health: Health) -> None:
        self._database = database
        self._clock = clock
        self._dsn = dsn
        self._health = health
        self._watchers: dict[object, tuple[bytes, Callable[[Snapshot], None], Callable[[], None]]] = {}
        self._queue = _Queue()
        self._mark: object = None
        self._hinted = False
        self._read_s = float("-inf")
        self._rest_until_s = float("-inf")
        self._sessions_s = float("-inf")
        self.snapshot: Snapshot | None = None
        self.presence = Presence()

    @contextmanager
    def watched(self, session: bytes, tell: Callable[[Snapshot], None], end: Callable[[], None]) -> Iterator[None]:
        """While entered, ``tell`` is called with every new snapshot, and ``end`` once the session counts no more.

        The first comes soon: while nobody watches, the queue is read now and then only.
        """
        key = object()
        self._watchers[key] = (session, tell, end)
        _OPEN_PAGES.set(len(self._watchers))
        try:
            yield
        finally:
            del self._watchers[key]
            _OPEN_PAGES.set(len(self._watchers))

    def sessions(self) -> set[bytes]:
        """The sessions that have a page open."""
        return {session for session, _, _ in self._watchers.values()}

    async def run(self) -> None:
        """Read until cancelled."""
        async with listening(self._dsn, Bell.STREAM) as rung:
            while True:
                hinted = rung.is_set()
                rung.clear()
                await self._turn(hinted)
                try:
                    async with asyncio.timeout(self._pause_s()):
                        await rung.wait()
                    await asyncio.sleep(_SETTLE_S)
                except TimeoutError:
                    pass

    def _pause_s(self) -> float:
        """Until the next poll; or until the rest is over, if there is news that it keeps waiting."""
        rest_s = self._rest_until_s - time.monotonic()
        return min(POLL_EVERY_S, rest_s) if self._hinted and rest_s > 0 else POLL_EVERY_S

    async def _turn(self, hinted: bool) -> None:
        try:
            async with self._database.transaction() as connection:
                snapshot = await self._read(connection, hinted)
                ended = await self._ended(connection)
                open_now = await self.presence.turn(connection)
            self._health.well("database", self._clock.now())
        except StoreError as error:
            self._mark = None
            self._failed(error)
            return
        if snapshot is not None:
            self._tell(snapshot)
            self._rest_until_s = time.monotonic() + _SHARE * (time.monotonic() - self._read_s)
        if open_now is not None:
            _safely(self.presence.tell, open_now)
        for session, _, end in list(self._watchers.values()):
            if session in ended:
                _safely(end)

    async def _read(self, connection: Connection, hinted: bool) -> Snapshot | None:
        """A new snapshot; None if nothing has happened."""
        now_s = time.monotonic()
        self._hinted |= hinted
        old = now_s - self._read_s >= _READ_ANYWAY_EVERY_S
        if now_s < self._rest_until_s or not (self._watchers or old):
            return None
        mark = await desk.changed(connection)
        if mark == self._mark and not self._hinted and not old:
            return None
        now = self._clock.now()
        snapshot = Snapshot(
            number=(self.snapshot.number if self.snapshot else 0) + 1,
            at=now,
            speed=self._clock.speed if isinstance(self._clock, DatabaseClock) else 1.0,
            queue=await self._queue.read(connection),
            platform=await desk.platform(connection, now=now),
            lanes=await desk.lanes(connection),
        )
        self._mark, self._hinted, self._read_s = mark, False, now_s
        _READINGS.inc()
        return snapshot

    async def _ended(self, connection: Connection) -> set[bytes]:
        now_s = time.monotonic()
        if not self._watchers or now_s - self._sessions_s < _READ_SESSIONS_EVERY_S:
            return set()
        self._sessions_s = now_s
        watching = self.sessions()
        return watching - await sessions.living(connection, watching)

    def _failed(self, error: StoreError) -> None:
        log.warning("the desk could not be read", error=str(error))
        self._health.unwell("database", f"{error}; is PostgreSQL running, and is the DSN right?", self._clock.now())
        if self.snapshot is not None and not self.snapshot.fault:
            last = self.snapshot
            self._tell(
                Snapshot(
                    number=last.number + 1,
                    at=last.at,
                    speed=last.speed,
                    queue=last.queue,
                    platform=last.platform,
                    lanes=last.lanes,
                    fault=str(error),
                )
            )

    def _tell(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        for _, tell, _ in list(self._watchers.values()):
            _safely(tell, snapshot)


def _safely(call: Callable[..., None], *arguments: object) -> None:
    """A page that cannot take it must not keep it from the others."""
    try:
        call(*arguments)
    except Exception as error:  # the edge of every page: whatever it is, the others go on
        log.error("a page could not be told", exc_info=error)
