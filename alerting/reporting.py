"""Whoever is on her way calls us back to report that she is there: for many phones the only way to say so."""

from dataclasses import dataclass
from datetime import datetime

from alerting import answers
from alerting.answers import Answer
from alerting.messages import say
from alerting.wording import spoken_question
from domain.incident import IncidentId
from domain.notification import AnswerKind, Via
from domain.people import Language, ResponderId
from store import replies
from store.matters import matters
from store.pool import Connection
from store.replies import Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the caller is told; with ``about`` she is asked whether she has arrived there, and a key is listened for."""

    language: Language
    said: tuple[str, ...]
    about: int | None = None


async def called_back(
    connection: Connection, number: str, *, about: int | None, digits: str, overseas: bool, now: datetime
) -> Asked:
    """A call from ``number``: take what ``digits`` say of the incident ``about``, and ask of the next where she is
    expected. A number that is expected nowhere learns nothing.
    """
    expected = await replies.expected(connection, number)
    place = next((place for place, one in enumerate(expected) if one.incident_id == about), None)
    said: tuple[str, ...] = ()
    if place is not None:
        here, expected = expected[place], expected[place + 1 :]
        said = (await _take(connection, here, digits, now),)
    return await _ask(connection, expected, said, number, overseas=overseas, now=now)


async def _take(connection: Connection, here: Expected, digits: str, now: datetime) -> str:
    language = Language(here.language)
    if digits != "1":
        return say(language, "speech.not_yet")
    await answers.give(
        connection,
        Answer(
            incident_id=IncidentId(here.incident_id),
            kind=AnswerKind.ARRIVE,
            via=Via.VOICE,
            by=f"responder:{here.responder_id}",
            responder_id=ResponderId(here.responder_id),
        ),
        now=now,
    )
    return say(language, "speech.arrived")


async def _ask(
    connection: Connection,
    expected: list[Expected],
    said: tuple[str, ...],
    number: str,
    *,
    overseas: bool,
    now: datetime,
) -> Asked:
    if not expected:
        language = Language.ZH if number.startswith("+86") else Language.EN
        return Asked(language=language, said=said or (say(language, "speech.nothing"),))
    one = expected[0]
    language = Language(one.language)
    matter = (await matters(connection, [one.incident_id], now=now))[one.incident_id]
    opening = said or (say(language, "speech.opening"),)
    question = spoken_question(matter, language, overseas=overseas)
    return Asked(language=language, said=(*opening, question), about=one.incident_id)
