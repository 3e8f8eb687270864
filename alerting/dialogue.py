"""What is said on an answered call, and what a key means. Each turn is one transaction; nothing is remembered elsewhere
than in the database and in the address of the next turn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from alerting import answers, delivery, progress
from alerting.answers import Answer
from alerting.delivery import Happened
from alerting.messages import say
from alerting.wording import is_over, others_going, spoken_details, spoken_matter, spoken_menu
from domain.incident import IncidentId, Refused
from domain.notification import AnswerKind, Failure, NotificationId, NotificationState, Purpose, Via
from domain.people import Language, Mode, ResponderId
from store import calls, outbox
from store.calls import Aboard, Call
from store.matters import Matter, matters
from store.pool import Connection


class Stage(StrEnum):
    """Where a call stands: what the request for the next turn is about."""

    START = "start"  # somebody, or something, has answered
    PERSON = "person"  # a machine, or a person taken for one, was asked for any key
    KEYS = "keys"  # a menu has been said
    DETAILS = "details"  # address and access notes have been said
    CONNECTED = "connected"  # talked with the resident, or an operator with anybody
    NEXT = "next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the caller's side tells: which stage, about which notification (its token), the key, who answered, and how
    a call that we connected on has ended, in the provider's word.
    """

    stage: Stage
    about: str = ""
    tries: int = 0
    digits: str = ""
    answered_by: str | None = None
    dialled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """Where the call goes on."""

    stage: Stage
    about: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What to say, and what then. With ``listen_s`` keys are listened for so long after the last word (and a key cuts
    the words short); with ``dial`` the call is connected to that number; without ``then`` it ends.
    """

    language: Language
    said: tuple[str, ...]
    then: Then | None = None
    listen_s: int = 0
    dial: str = ""


_LISTEN_S: Final = 8
_LISTEN_FOR_NINE_S: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What holds for all calls of a deployment: whether the provider stands abroad, and whether a resident of a drill
    may be dialled (only where every phone is a stand-in).
    """

    overseas: bool
    drills_may_dial: bool


def listening(heard: Heard) -> bool:
    """Whether a person is on the line, to whom more can be announced: not a machine, and not silence."""
    match heard.stage:
        case Stage.START:
            return not progress.is_machine(heard.answered_by)
        case Stage.PERSON:
            return bool(heard.digits)
        case _:
            return True


async def turn(connection: Connection, call: Call, heard: Heard, manners: Manners, *, now: datetime) -> Turn:
    """The next turn of ``call``."""
    return await _Talk(connection, call, manners, now, await calls.aboard(connection, call.id)).turn(heard)


class _Talk:
    """One turn of one call."""

    def __init__(
        self, connection: Connection, call: Call, manners: Manners, now: datetime, aboard: list[Aboard]
    ) -> None:
        self._connection = connection
        self._call = call
        self._manners = manners
        self._now = now
        self._aboard = aboard
        self._matters: Mapping[int, Matter] = {}
        self._language = Language(aboard[0].language) if aboard else Language.ZH
        self._answered_by = call.answered_by

    async def turn(self, heard: Heard) -> Turn:
        self._matters = await matters(self._connection, [one.incident_id for one in self._aboard], now=self._now)
        about = next((one for one in self._aboard if one.token == heard.about), None)
        if about is not None:
            self._language = Language(about.language)
        match heard.stage:
            case Stage.START:
                return await self._start(heard)
            case Stage.PERSON:
                return await self._person(heard)
            case Stage.NEXT:
                return await self._next()
            case _ if about is None:
                return await self._next()
            case Stage.KEYS:
                return await self._keys(about, heard)
            case Stage.DETAILS:
                return self._details(about) if heard.digits == "9" else await self._next()
            case Stage.CONNECTED if about.purpose == Purpose.CONNECT:
                return await self._parted(about, heard.dialled)
            case Stage.CONNECTED:
                return self._menu(about, tries=heard.tries)

    async def _start(self, heard: Heard) -> Turn:
        if heard.answered_by is not None and self._answered_by is None:
            await self._judge(heard.answered_by)
        if progress.is_machine(heard.answered_by):
            # Detection errs. A person who was taken for a machine gets in with any key; a machine learns nothing.
            return Turn(
                language=self._language,
                said=(say(self._language, "speech.person"),),
                then=Then(stage=Stage.PERSON),
                listen_s=_LISTEN_S,
            )
        # Twilio begins anew after an answer of ours was lost on its way: the question that stands is asked again.
        standing = next((one for one in self._aboard if one.announced_at is not None and _stands(one)), None)
        if standing is None:
            return await self._next(opening=True)
        if standing.purpose == Purpose.CONNECT:
            return await self._bridge(standing) or await self._next((say(self._language, "speech.engaged"),))
        return self._menu(standing, tries=0)

    async def _person(self, heard: Heard) -> Turn:
        if not heard.digits:
            return Turn(language=self._language, said=())
        await self._judge("human")
        return await self._next(opening=True)

    async def _judge(self, answered_by: str) -> None:
        self._answered_by = answered_by
        await calls.judged(self._connection, self._call.id, answered_by)

    async def _next(self, said: tuple[str, ...] = (), *, opening: bool = False) -> Turn:
        """Announce the gravest that has not been announced; what needs nobody any more is told in passing."""
        waiting = [one for one in self._aboard if one.announced_at is None]
        await outbox.poke(self._connection, {one.incident_id for one in waiting}, now=self._now)
        for place, one in enumerate(waiting):
            self._language = Language(one.language)
            if one.purpose == Purpose.CONNECT:
                await self._announce(one)
                bridge = await self._bridge(one, said)
                if bridge is not None:
                    return bridge
                said += (say(self._language, "speech.engaged"),)
                continue
            said += (say(self._language, "speech.opening" if opening and place == 0 else "speech.another"),)
            matter = self._matters[one.incident_id]
            if not _needed(one, matter):
                await calls.told(self._connection, one.id, now=self._now)
                said += (self._sentence(one, matter), self._no_need(matter))
                continue
            await self._announce(one)
            if one.purpose == Purpose.INFORM:
                said += (self._sentence(one, matter),)
                continue
            menu = self._menu(one, tries=0)
            return Turn(language=menu.language, said=said + menu.said, then=menu.then, listen_s=menu.listen_s)
        return self._farewell(said, opening=opening)

    async def _bridge(self, one: Aboard, said: tuple[str, ...] = ()) -> Turn | None:
        """An operator has answered her own telephone: bridge it; None while we are talking to that number ourselves."""
        assert one.connect_to is not None
        if await calls.engaged(self._connection, one.connect_to):
            await self._tell_of(one, Happened.PARTED, "engaged")
            return None
        await self._tell_of(one, Happened.CONNECTED, "by_operator")
        return Turn(
            language=self._language,
            said=(*said, say(self._language, "speech.connecting_operator")),
            then=Then(stage=Stage.CONNECTED, about=one.token),
            dial=one.connect_to,
        )

    async def _parted(self, one: Aboard, dialled: str) -> Turn:
        """The bridge is over, or the other side did not answer."""
        talked = dialled in _TALKED
        await self._tell_of(one, Happened.PARTED, "talked" if talked else dialled or "unknown")
        return await self._next(() if talked else (say(self._language, "speech.not_connected"),))

    async def _tell_of(self, one: Aboard, happened: Happened, reason: str) -> None:
        detail = {"call": self._call.id, "with": one.connect_with}
        await delivery.tell(self._connection, _moved(one), self._now, happened, reason, detail)

    def _farewell(self, said: tuple[str, ...], *, opening: bool) -> Turn:
        words = "speech.nothing" if opening and not said else "speech.goodbye"
        return Turn(language=self._language, said=(*said, say(self._language, words)))

    async def _announce(self, one: Aboard) -> None:
        """Record that ``one`` has been spoken."""
        moved = await calls.announced(self._connection, one.id, now=self._now)
        if moved is not None:
            detail = {"call": self._call.id}
            reason = self._answered_by or "unknown"
            await delivery.tell(self._connection, moved, self._now, Happened.ANSWERED_CALL, reason, detail)

    def _no_need(self, matter: Matter) -> str:
        return say(self._language, "speech.resolved" if is_over(matter) else "speech.not_needed")

    def _sentence(self, one: Aboard, matter: Matter) -> str:
        purpose = Purpose(one.purpose)
        return spoken_matter(matter, self._language, purpose=purpose, overseas=self._manners.overseas)

    def _menu(self, one: Aboard, *, tries: int, before: str = "") -> Turn:
        matter = self._matters[one.incident_id]
        going = others_going(
            matter, matter.others_going(one.responder_id), self._language, overseas=self._manners.overseas
        )
        menu = spoken_menu(
            matter, self._language, purpose=Purpose(one.purpose), can_talk=self._resident_phone(one) is not None
        )
        said = tuple(filter(None, (before, self._sentence(one, matter), going, menu)))
        then = Then(stage=Stage.KEYS, about=one.token, tries=tries)
        return Turn(language=self._language, said=said, then=then, listen_s=_LISTEN_S)

    def _resident_phone(self, one: Aboard) -> str | None:
        """Whom key 3 dials: nobody from a drill, unless every phone is a stand-in; nobody whom we are calling now."""
        matter = self._matters[one.incident_id]
        allowed = matter.mode == Mode.LIVE or self._manners.drills_may_dial
        wanted = one.purpose in (Purpose.ASK, Purpose.ASK_AGAIN)
        return matter.phone if allowed and wanted and matter.phone != self._call.number else None

    async def _keys(self, one: Aboard, heard: Heard) -> Turn:
        if heard.digits:
            await self._note_key(one, heard.digits)
        purpose = Purpose(one.purpose)
        match heard.digits:
            case "1":
                return await self._answer(one, _FIRST_KEY[purpose])
            case "2" if purpose is Purpose.CHECK_WELL:
                return await self._needs_help(one)
            case "2" if purpose is not Purpose.REMIND:
                return await self._answer(one, AnswerKind.DECLINE)
            case "3" if (phone := self._resident_phone(one)) is not None:
                return Turn(
                    language=self._language,
                    said=(say(self._language, "speech.connecting"),),
                    then=Then(stage=Stage.CONNECTED, about=one.token),
                    dial=phone,
                )
            case "9":
                return self._menu(one, tries=0)
            case _ if heard.tries == 0:
                before = say(self._language, "speech.key_unknown") if heard.digits else ""
                return self._menu(one, tries=1, before=before)
            case _:
                return Turn(language=self._language, said=(say(self._language, "speech.no_key"),))

    async def _note_key(self, one: Aboard, digits: str) -> None:
        reason = f"key_{digits}" if digits in "1239" else "key_unknown"
        await delivery.tell(self._connection, _moved(one), self._now, Happened.KEYED, reason, {"call": self._call.id})

    async def _answer(self, one: Aboard, kind: AnswerKind) -> Turn:
        responder = one.responder_id
        given = await answers.give(
            self._connection,
            Answer(
                incident_id=IncidentId(one.incident_id),
                kind=kind,
                via=Via.VOICE,
                by="resident" if responder is None else f"responder:{responder}",
                responder_id=None if responder is None else ResponderId(responder),
                notification_id=NotificationId(one.id),
            ),
            now=self._now,
        )
        if given.refused is Refused.ALREADY_RESOLVED:
            return await self._next((say(self._language, "speech.resolved"),))
        match kind:
            case AnswerKind.ACCEPT:
                return self._details(one, given.going)
            case AnswerKind.DECLINE:
                return await self._next((say(self._language, "speech.declined"),))
            case AnswerKind.WELL:
                # What is grave she cannot call off alone: help comes all the same.
                words = "speech.well" if given.refused is None else "speech.help"
                return await self._next((say(self._language, words),))
            case _:
                return await self._next((say(self._language, "speech.still_there"),))

    async def _needs_help(self, one: Aboard) -> Turn:
        """The resident is not well: the question has failed, and the engine goes on to those who can come."""
        await delivery.failed(
            self._connection,
            one.id,
            one.incident_id,
            Failure.NO_KEY,
            now=self._now,
            from_states=(NotificationState.DELIVERED,),
            status="needs_help",
        )
        return await self._next((say(self._language, "speech.help"),))

    def _details(self, one: Aboard, going: tuple[str, ...] | None = None) -> Turn:
        """What whoever has accepted needs to know, and once more at key 9."""
        matter = self._matters[one.incident_id]
        overseas = self._manners.overseas
        said = (
            say(self._language, "speech.thanks"),
            spoken_details(matter, self._language, overseas=overseas),
            others_going(matter, going or (), self._language, overseas=overseas),
            say(self._language, "speech.report"),
            say(self._language, "speech.again_nine"),
        )
        then = Then(stage=Stage.DETAILS, about=one.token)
        return Turn(language=self._language, said=tuple(filter(None, said)), then=then, listen_s=_LISTEN_FOR_NINE_S)


_FIRST_KEY: Final = {
    Purpose.ASK: AnswerKind.ACCEPT,
    Purpose.ASK_AGAIN: AnswerKind.ACCEPT,
    Purpose.CHECK_WELL: AnswerKind.WELL,
    Purpose.REMIND: AnswerKind.ARRIVE,
    Purpose.INFORM: AnswerKind.ACCEPT,
}
"""What key 1 says. An operator who is connected is asked nothing."""


_TALKED: Final = ("completed", "answered")
"""Source: Twilio, Dial, DialCallStatus; the others are busy, no-answer, failed, canceled."""


def _moved(one: Aboard) -> outbox.Moved:
    return outbox.Moved(
        id=one.id,
        incident_id=one.incident_id,
        responder_id=one.responder_id,
        channel=one.channel,
        operator=one.operator,
    )


def _stands(one: Aboard) -> bool:
    """Whether a question that has been asked waits for its answer."""
    return one.answer is None and one.state == NotificationState.DELIVERED and one.purpose != Purpose.INFORM


def _needed(one: Aboard, matter: Matter) -> bool:
    """Whether whoever answers late is still to be asked: one that was given up on meanwhile is, a cancelled one is not
    once somebody goes.
    """
    if is_over(matter):
        return False
    return one.state != NotificationState.CANCELLED or not matter.others_going(one.responder_id)
