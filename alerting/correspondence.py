"""A text that somebody wrote: what it does, and what to write back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from alerting import answers, delivery
from alerting.answers import Answer
from alerting.delivery import Happened
from alerting.messages import say
from alerting.replies import Reply, Wish, read_reply
from alerting.wording import others_going, text_details, text_line
from domain.incident import IncidentId, Refused
from domain.notification import AnswerKind, NotificationId, Via
from domain.people import Language, ResponderId
from store import replies
from store.matters import matters
from store.outbox import Moved
from store.pool import Connection
from store.replies import Asked

# Incident numbers come round again; a text is about one that the phone was asked of lately.
_LATELY: Final = timedelta(days=3)
_KINDS: Final = {Wish.ACCEPT: AnswerKind.ACCEPT, Wish.DECLINE: AnswerKind.DECLINE}


async def received(connection: Connection, address: str, body: str, *, overseas: bool, now: datetime) -> str:
    """Act on a text from ``address``, in the caller's transaction, and return the reply; empty for none.

    A number that nobody is known to have is not answered. A reply that names no incident counts only if exactly one
    waits for an answer from this phone.
    """
    spoken = await replies.languages(connection, address)
    if not spoken:
        return ""
    reply = read_reply(body)
    match reply.wish:
        case Wish.STOP:
            await replies.stop(connection, address, now=now)
            return ""  # the provider itself confirms, and lets nothing more of ours through
        case Wish.START:
            await replies.start(connection, address)
            return ""
        case _:
            asked = await replies.asked(connection, address, since=now - _LATELY)
            return await _Letter(connection, asked, spoken[0], overseas, now).answer(reply)


class _Letter:
    """One text being answered."""

    def __init__(
        self, connection: Connection, asked: Sequence[Asked], language: Language, overseas: bool, now: datetime
    ) -> None:
        self._connection = connection
        self._asked = asked
        self._open = [one for one in asked if one.open]
        self._language = Language(self._open[0].language) if self._open else language
        self._overseas = overseas
        self._now = now

    async def answer(self, reply: Reply) -> str:
        if reply.wish is Wish.UNCLEAR:
            return self._say("not_understood") if self._open else self._say("none_open")
        if reply.number is not None:
            named = next((one for one in self._asked if one.number == reply.number), None)
            if named is None:
                return self._say("not_yours", number=reply.number)
            return await self._give(named, reply.wish)
        match self._open:
            case []:
                return self._say("none_open")
            case [only]:
                return await self._give(only, reply.wish)
            case _:
                return await self._list()

    async def _give(self, one: Asked, wish: Wish) -> str:
        self._language = Language(one.language)
        by = f"responder:{one.responder_id}"
        moved = Moved(id=one.id, incident_id=one.incident_id, responder_id=one.responder_id, channel="sms")
        await delivery.tell(self._connection, moved, self._now, Happened.REPLIED, wish)
        given = await answers.give(
            self._connection,
            Answer(
                incident_id=IncidentId(one.incident_id),
                kind=_KINDS[wish],
                via=Via.SMS,
                by=by,
                responder_id=ResponderId(one.responder_id),
                notification_id=NotificationId(one.id),
            ),
            now=self._now,
        )
        if given.refused is Refused.ALREADY_RESOLVED:
            return self._say("resolved", number=one.number)
        if wish is Wish.DECLINE:
            return self._say("declined")
        matter = (await matters(self._connection, [one.incident_id], now=self._now))[one.incident_id]
        details = text_details(matter, self._language, overseas=self._overseas)
        going = others_going(matter, given.going, self._language, overseas=self._overseas, medium="text")
        return f"{self._say('', details)}{'' if self._language is Language.ZH or not going else ' '}{going}"

    async def _list(self) -> str:
        """Several are open: none is taken, and all are told with their numbers."""
        about = await matters(self._connection, [one.incident_id for one in self._open], now=self._now)
        lines = [text_line(about[one.incident_id], self._language, overseas=self._overseas) for one in self._open]
        return "\n".join([self._say("several"), *dict.fromkeys(lines)])

    def _say(self, key: str, words: str = "", **fields: object) -> str:
        return say(self._language, "text.prefix") + (words or say(self._language, f"text.{key}", **fields))
