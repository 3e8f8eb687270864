"""What operators do to incidents: each in one transaction, with the rights of its session at that moment."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from alerting import answers, delivery
from alerting.answers import Answer, UnknownIncident, give
from alerting.called_by_hand import NotCalled, call_somebody, connect
from alerting.visits import NotMarked, mark
from api.console.context import Console
from domain.area import HomeState
from domain.incident import IncidentId, Outcome, Refused
from domain.notification import AnswerKind, Via
from domain.people import ContactId, ResponderId
from domain.permissions import Scope
from store import audit, desk, sessions
from store.pool import Connection
from store.sessions import Visitor
from store.wakeups import Bell, ring


class SignedOut(Exception):
    """The session has ended while its page was open."""


class Act(StrEnum):
    """What an operator may do; ``data-act`` of the pages' buttons and forms."""

    TAKE = "take"
    NAME = "name"
    ARRIVE = "arrive"
    CLOSE = "close"
    NOTE = "note"
    HAND_OVER = "hand_over"
    CALL_NEXT = "call_next"
    CALL_ELSE = "call_else"
    CONNECT = "connect"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done, as a page sends it."""

    act: Act
    incident: IncidentId
    responder: ResponderId | None = None
    contact: ContactId | None = None
    outcome: Outcome | None = None
    note: str = ""
    whom: str = ""
    own_number: str = ""
    household: str = ""
    home_state: HomeState | None = None


class NotDone(StrEnum):
    """Why nothing was done, besides what answers refuse."""

    NO_RESPONDER = "no_responder"
    NO_TEXT = "no_text"
    NOTHING_ABOVE = "nothing_above"
    NOT_OPEN = "not_open"


Why = Refused | NotDone | NotCalled | NotMarked
"""Why nothing was done."""


async def act(console: Console, visitor: Visitor, wish: Wish) -> Why | None:
    """Do what ``wish`` says and wake whoever looks on; None if it was done, else why not.

    Raises SignedOut, NotPermitted, UnknownIncident (also for one outside the visitor's subtree), StoreError.
    """
    now = console.clock.now()
    async with console.database.transaction() as connection:
        current = await sessions.visitor(connection, visitor.session)
        if current is None:
            raise SignedOut
        current.actor.need(Scope.ACT)
        if not await desk.within(connection, wish.incident, current.actor):
            raise UnknownIncident(wish.incident)
        refused = await _ACTS[wish.act](_Acting(connection, console, current, wish))
        await audit.record(connection, current.actor.id, wish.act.value, "incidents", [str(wish.incident)], now=now)
    await ring(console.database, Bell.ENGINE, Bell.SENDER, Bell.STREAM)
    return refused


@dataclass(frozen=True, slots=True)
class _Acting:
    connection: Connection
    console: Console
    visitor: Visitor
    wish: Wish

    async def says(self, kind: AnswerKind) -> Refused | None:
        wish = self.wish
        answer = Answer(
            incident_id=wish.incident,
            kind=kind,
            via=Via.CONSOLE,
            by=self.visitor.actor.id,
            responder_id=wish.responder,
            outcome=wish.outcome,
            note=wish.note,
        )
        return (await give(self.connection, answer, now=self.console.clock.now())).refused


async def _take(acting: _Acting) -> Why | None:
    return await acting.says(AnswerKind.TAKE)


async def _close(acting: _Acting) -> Why | None:
    return await acting.says(AnswerKind.CLOSE)


def _for_somebody(kind: AnswerKind) -> Callable[[_Acting], Awaitable[Why | None]]:
    async def act(acting: _Acting) -> Why | None:
        wish = acting.wish
        known = {one.responder_id for one in await desk.circle(acting.connection, wish.incident)}
        if wish.responder not in known:
            return NotDone.NO_RESPONDER
        return await acting.says(kind)

    return act


async def _note(acting: _Acting) -> Why | None:
    wish = acting.wish
    if not wish.note:
        return NotDone.NO_TEXT
    by, now = acting.visitor.actor.id, acting.console.clock.now()
    await answers.note(acting.connection, wish.incident, wish.note, by=by, now=now)
    return None


async def _hand_over(acting: _Acting) -> Why | None:
    by, now = acting.visitor.actor.id, acting.console.clock.now()
    moved = await answers.hand_over(acting.connection, acting.wish.incident, by=by, now=now)
    return None if moved else NotDone.NOTHING_ABOVE


async def _call_next(acting: _Acting) -> Why | None:
    by, now = acting.visitor.actor.id, acting.console.clock.now()
    called = await answers.call_next(acting.connection, acting.wish.incident, by=by, now=now)
    return None if called else NotDone.NOT_OPEN


async def _call_else(acting: _Acting) -> Why | None:
    wish = acting.wish
    if wish.contact is None:
        return NotDone.NO_RESPONDER
    actor, now = acting.visitor.actor, acting.console.clock.now()
    return await call_somebody(acting.connection, wish.incident, wish.contact, actor=actor, now=now)


async def _connect(acting: _Acting) -> Why | None:
    wish, visitor, now = acting.wish, acting.visitor, acting.console.clock.now()
    refused = await connect(
        acting.connection, wish.incident, wish.whom, visitor=visitor, own_number=wish.own_number, now=now
    )
    if refused is None:
        await sessions.set_phone(acting.connection, visitor.name, wish.own_number)
    return refused


async def _mark(acting: _Acting) -> Why | None:
    wish, by, now = acting.wish, acting.visitor.actor.id, acting.console.clock.now()
    if wish.home_state is None:
        return NotMarked.NOT_CONCERNED
    return await mark(acting.connection, wish.incident, wish.household, wish.home_state, by=by, now=now)


_ACTS: dict[Act, Callable[[_Acting], Awaitable[Why | None]]] = {
    Act.TAKE: _take,
    Act.NAME: _for_somebody(AnswerKind.ACCEPT),
    Act.ARRIVE: _for_somebody(AnswerKind.ARRIVE),
    Act.CLOSE: _close,
    Act.NOTE: _note,
    Act.HAND_OVER: _hand_over,
    Act.CALL_NEXT: _call_next,
    Act.CALL_ELSE: _call_else,
    Act.CONNECT: _connect,
    Act.MARK: _mark,
}


async def seen(console: Console, incidents: Collection[int]) -> None:
    """Messages to the console about ``incidents`` have been shown to somebody who may act: they have arrived."""
    now = console.clock.now()
    news = False
    for incident in incidents:
        async with console.database.transaction() as connection:
            news |= await delivery.seen(connection, incident, now=now)
    if news:
        await ring(console.database, Bell.ENGINE, Bell.STREAM)
