"""The one poller of the console: what it tells, when, and what it says when the database is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fixtures.clocks import HandClock
from fixtures.consoles import PASSWORD
from fixtures.nights import Night
from fixtures.town import NOON

from api.console.feed import Feed, Snapshot
from domain.health import Health
from domain.incident import IncidentId
from domain.notification import AnswerKind
from domain.people import Language, OrganisationId
from domain.permissions import Actor, Role
from store import sessions
from store.accounts import add_user, hash_password
from store.pool import open_database
from store.sessions import Visitor

WITHIN_S = 60


class Watcher:
    """An open page, as far as the feed is concerned."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.ended = asyncio.Event()
        self._news = asyncio.Event()

    def tell(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        self._news.set()

    async def until(self, holds: Callable[[Snapshot], bool]) -> Snapshot:
        """The first snapshot, from now or before, of which ``holds`` is true."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for snapshot in self.snapshots:
                    if holds(snapshot):
                        return snapshot
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def feeding(feed: Feed) -> AsyncIterator[None]:
    """The feed at work."""
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _signed_in(night: Night) -> Visitor:
    async with night.database.transaction() as connection:
        await add_user(
            connection,
            name="li",
            organisation="town",
            role=Role.OPERATOR,
            language=Language.ZH,
            password_hash=hash_password(PASSWORD),
        )
        found = await sessions.credentials(connection, "li")
        assert found is not None
        token = await sessions.begin(connection, found.user_id, lasts=sessions.LOCKED_FOR)
        assert token is not None
        visitor = await sessions.visitor(connection, sessions.session_of(token))
    assert visitor is not None
    return visitor


@pytest.fixture
def feed(night: Night, dsn: str) -> Feed:
    """A feed on this test's database, not yet at work."""
    return Feed(night.database, HandClock(NOON), dsn, Health())


@pytest.mark.parametrize("at_once", [500, 0], ids=["all is read", "only what has changed is read"])
async def test_what_is_committed_is_told_to_every_page_without_a_hint(
    feed: Feed, night: Night, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Polling is the truth: nobody rings here. Of a long queue little is read beside what has changed."""
    monkeypatch.setattr("api.console.feed._AT_ONCE", at_once)
    pages = [Watcher(), Watcher()]
    with feed.watched(b"1", pages[0].tell, pages[0].ended.set), feed.watched(b"2", pages[1].tell, pages[1].ended.set):
        async with feeding(feed):
            await pages[0].until(lambda one: not one.queue)
            await night.raises()
            await night.passes()
            for page in pages:
                told = await page.until(lambda one: bool(one.queue) and bool(one.queue[0].reaching))
                assert told.queue[0].reaching == [["daughter", "voice", "pending", ""]]
            await night.says("daughter", AnswerKind.ACCEPT, IncidentId(told.queue[0].id))
            await pages[1].until(lambda one: bool(one.queue) and one.queue[0].going == [["daughter", False]])
            await night.query("UPDATE incidents SET state = 'resolved', outcome = 'false_alarm', resolved_by = 'x',"
                              " resolved_at = now(), next_step_at = NULL")  # fmt: skip
            await pages[0].until(lambda one: one.number > told.number and not one.queue)


async def test_an_entry_that_commits_late_under_a_lower_number_is_not_missed(feed: Feed, night: Night) -> None:
    """Numbers are given out before transactions commit."""
    incident = await night.raises()
    page = Watcher()
    with feed.watched(b"1", page.tell, page.ended.set):
        async with feeding(feed):
            await page.until(lambda one: bool(one.queue))
            async with night.database.transaction() as slow:
                await slow.execute(
                    "INSERT INTO timeline (incident_id, at, kind, reason) VALUES (%s, now(), 'early', 'x')", (incident,)
                )
                await night.query(
                    "INSERT INTO timeline (incident_id, at, kind, reason) VALUES (%s, now(), 'late', 'x')", incident
                )
                seen = (await page.until(lambda one: one.number > 1)).number
                await slow.execute("UPDATE incidents SET alarms = 7")
            await page.until(lambda one: one.number > seen and one.queue[0].alarms == 7)


async def test_each_sees_his_subtree(feed: Feed, night: Night) -> None:
    """An operator of the town sees the village; one of the village next door would not."""
    visitor = await _signed_in(night)
    await night.raises()
    page = Watcher()
    with feed.watched(visitor.session, page.tell, page.ended.set):
        async with feeding(feed):
            snapshot = await page.until(lambda one: bool(one.queue))
    assert len(snapshot.visible_to(visitor.actor)) == 1
    nowhere = OrganisationId(night.town.organisations["heping"] + 1000)
    elsewhere = Actor(id="user:x", organisation_id=nowhere, scopes=visitor.actor.scopes)
    assert snapshot.visible_to(elsewhere) == []


async def test_pages_whose_session_ended_are_told(feed: Feed, night: Night) -> None:
    """A retired account does not go on looking through a window that it had open."""
    visitor = await _signed_in(night)
    page = Watcher()
    with feed.watched(visitor.session, page.tell, page.ended.set):
        async with feeding(feed):
            await page.until(lambda one: True)
            assert not page.ended.is_set()
            await night.query("UPDATE users SET retired_at = now()")
            async with asyncio.timeout(WITHIN_S):
                await page.ended.wait()


async def test_a_page_that_fails_does_not_keep_it_from_the_others(feed: Feed, night: Night) -> None:
    """One broken page, one good."""

    def broken(snapshot: Snapshot) -> None:
        raise RuntimeError("cannot draw")

    page = Watcher()
    with feed.watched(b"1", broken, lambda: None), feed.watched(b"2", page.tell, page.ended.set):
        async with feeding(feed):
            await page.until(lambda one: True)
            await night.raises()
            await page.until(lambda one: bool(one.queue))


async def test_a_database_that_went_away_is_told_with_the_last_that_was_known(night: Night, dsn: str) -> None:
    """The queue stays on the screen, marked as old, and comes to life again."""
    await night.raises()
    health = Health()
    async with open_database(dsn, "carewatch feed", size=1, wait_s=0.3) as own:
        feed = Feed(own, HandClock(NOON), dsn, health)
        page = Watcher()
        with feed.watched(b"1", page.tell, page.ended.set):
            async with feeding(feed):
                await page.until(lambda one: bool(one.queue))
                async with own.transaction() as taken:
                    await taken.execute("SELECT 1")
                    old = await page.until(lambda one: bool(one.fault))
                    assert len(old.queue) == 1
                    assert not health.ok
                fresh = await page.until(lambda one: one.number > old.number and not one.fault)
    assert len(fresh.queue) == 1
    assert health.ok


async def test_two_consoles_see_who_looks_at_an_incident(feed: Feed, night: Night, dsn: str) -> None:
    """Names of the others only, by incident, whichever process their page is in; gone with the page, and soon with a
    process that says no more.
    """
    other = Feed(night.database, HandClock(NOON), dsn, Health())
    told: asyncio.Queue[tuple[str, tuple[str, ...]]] = asyncio.Queue()
    li = feed.presence.look(1, "li", lambda names: told.put_nowait(("li", names)))
    again = feed.presence.look(1, "li", lambda names: None)
    wang = other.presence.look(1, "wang", lambda names: told.put_nowait(("wang", names)))
    zhao = other.presence.look(2, "zhao", lambda names: told.put_nowait(("zhao", names)))

    async def tells(*expected: tuple[str, tuple[str, ...]]) -> None:
        async with asyncio.timeout(WITHIN_S):
            assert {await told.get() for _ in expected} == set(expected)

    async with feeding(feed):
        async with feeding(other):
            for look in (li, again, wang, zhao):
                look.begin()
            await tells(("li", ("wang",)), ("wang", ("li",)))
            wang.end()
            await tells(("li", ()))
            wang.begin()
            await tells(("li", ("wang",)))
        await night.query("UPDATE open_incidents SET seen_at = seen_at - interval '1 minute' WHERE name = 'wang'")
        await tells(("li", ()))
    assert told.empty()


async def test_a_provider_that_refuses_is_told_until_it_takes_something(feed: Feed, night: Night) -> None:
    """What it refused is tried again; and when it last took something is told."""
    page = Watcher()
    with feed.watched(b"1", page.tell, page.ended.set):
        async with feeding(feed):
            await night.raises()
            await night.passes()
            await page.until(lambda one: bool(one.queue) and not one.platform.refused)
            await night.query("UPDATE notifications SET provider_error = '503', attempts = 1")
            refused = await page.until(lambda one: one.platform.refused)
            assert refused.platform.taken_at is None
            await night.query("UPDATE notifications SET state = 'sending', lease_until = now()")
            await night.query("UPDATE notifications SET state = 'sent', sent_at = %s, lease_until = NULL", NOON)
            taken = await page.until(lambda one: one.number > refused.number and not one.platform.refused)
            assert taken.platform.taken_at == NOON
