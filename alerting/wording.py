"""What is said of an incident, and how much of it: before acceptance, after it, and through providers abroad."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from alerting.messages import say
from domain.incident import IncidentState
from domain.notification import Purpose
from domain.people import Language
from store.matters import Matter

_HEALTH: Final = frozenset({"vitals"})  # a hazard whose very name tells of somebody's health
_NO_REPLIES_TO: Final = "+86"  # carriers of mainland China take no replies and let no links pass


def spoken_matter(matter: Matter, language: Language, *, purpose: Purpose, overseas: bool) -> str:
    """The incident in a sentence or two: surname, hazard, community and time, and no more."""
    if purpose is Purpose.CHECK_WELL:
        return say(language, "speech.still_well")
    again = purpose is Purpose.ASK_AGAIN
    moment = matter.last_alarm_at if again else matter.opened_at
    fields = _fields(matter, language, overseas=overseas)
    time = spoken_time(moment, matter.timezone, language)
    sentence = say(language, _at("speech.matter", matter), time=time, **fields)
    return _joined(language, say(language, "speech.again") if again else "", sentence)


def spoken_question(matter: Matter, language: Language, *, overseas: bool) -> str:
    """Whether whoever calls us back has arrived."""
    return say(language, _at("speech.here", matter), **_fields(matter, language, overseas=overseas))


def spoken_menu(matter: Matter, language: Language, *, purpose: Purpose, can_talk: bool) -> str:
    """Which keys there are; nothing where no answer is expected."""
    match purpose:
        case Purpose.CHECK_WELL:
            return say(language, "speech.menu_well")
        case Purpose.REMIND:
            return say(language, "speech.menu_remind")
        case Purpose.INFORM | Purpose.CONNECT:
            return ""
        case Purpose.ASK | Purpose.ASK_AGAIN:
            return say(language, "speech.menu_talk" if can_talk else "speech.menu")


def spoken_details(matter: Matter, language: Language, *, overseas: bool) -> str:
    """Address and access notes, for whoever has accepted."""
    if matter.address is None:
        return ""
    if not _named(matter, overseas=overseas):
        return say(language, "speech.details_withheld")
    key = "speech.details_notes" if matter.access_notes else "speech.details"
    return say(language, key, community=matter.community, address=matter.address, notes=matter.access_notes)


def others_going(
    matter: Matter, going: Sequence[str], language: Language, *, overseas: bool, medium: str = "speech"
) -> str:
    """Who is on the way already: names at home, their number abroad; nothing if nobody is."""
    if not going:
        return ""
    if not _named(matter, overseas=overseas):
        return say(language, f"{medium}.going_count", count=len(going))
    return say(language, f"{medium}.going", names=("、" if language is Language.ZH else ", ").join(going))


def text_of(matter: Matter, language: Language, *, purpose: Purpose, address: str, overseas: bool, link: str) -> str:
    """The SMS to ``address``: with how to reply and a link, unless its carrier would lose both."""
    fields = _fields(matter, language, overseas=overseas) | {
        "number": matter.number,
        "time": written_time(
            matter.last_alarm_at if purpose is Purpose.ASK_AGAIN else matter.opened_at, matter.timezone
        ),
    }
    silent = address.startswith(_NO_REPLIES_TO)
    match purpose:
        case Purpose.CHECK_WELL:
            key = "text.well"
        case Purpose.REMIND:
            key = _at("text.remind", matter)
        case Purpose.INFORM | Purpose.CONNECT:
            key = _at("text.inform", matter)
        case Purpose.ASK | Purpose.ASK_AGAIN:
            key = _at("text.ask_silent" if silent else "text.ask", matter)
    words = say(language, "text.prefix") + say(language, key, **fields)
    return words if silent or purpose is Purpose.CHECK_WELL else f"{words} {link}"


def text_details(matter: Matter, language: Language, *, overseas: bool) -> str:
    """The reply to an acceptance by SMS."""
    if matter.address is None:
        return say(language, "speech.thanks")
    if not _named(matter, overseas=overseas):
        return say(language, "text.accepted_withheld")
    key = "text.accepted_notes" if matter.access_notes else "text.accepted"
    return say(language, key, community=matter.community, address=matter.address, notes=matter.access_notes)


def text_line(matter: Matter, language: Language, *, overseas: bool) -> str:
    """One line of the list of what is open for somebody."""
    fields = _fields(matter, language, overseas=overseas)
    return say(language, _at("text.several_line", matter), number=matter.number, **fields)


def spoken_time(moment: datetime, timezone: str, language: Language) -> str:
    """The time of day as it is spoken: 九点十四分, 9:14."""
    local = moment.astimezone(ZoneInfo(timezone))
    if language is Language.EN:
        return f"{local.hour}:{local.minute:02}"
    minutes = "整" if local.minute == 0 else f"{'零' if local.minute < 10 else ''}{_chinese(local.minute)}分"
    return f"{_chinese(local.hour)}点{minutes}"


def written_time(moment: datetime, timezone: str) -> str:
    """The time of day as it is written: 09:14."""
    return f"{moment.astimezone(ZoneInfo(timezone)):%H:%M}"


def is_over(matter: Matter) -> bool:
    """True once the incident needs nobody any more."""
    return matter.state == IncidentState.RESOLVED


def _fields(matter: Matter, language: Language, *, overseas: bool) -> dict[str, str]:
    named = _named(matter, overseas=overseas)
    hazard = "discreet" if matter.hazard in _HEALTH and not named else matter.hazard
    return {
        "place": matter.community or matter.organisation,
        "who": _who(matter, language, named=named),
        "did": say(language, f"did.{hazard}"),
        "what": say(language, f"what.{hazard}"),
    }


def _who(matter: Matter, language: Language, *, named: bool) -> str:
    if matter.surname is None:
        return say(language, "who.home")
    if not named:
        return say(language, "who.unnamed")
    return say(language, f"who.{matter.sex or 'unknown'}", surname=matter.surname)


def _named(matter: Matter, *, overseas: bool) -> bool:
    return not overseas or matter.overseas_consent


def _at(key: str, matter: Matter) -> str:
    """``key``, or its variant for what happened in no home."""
    return key if matter.community is not None else f"{key}_at"


def _joined(language: Language, *sentences: str) -> str:
    return ("" if language is Language.ZH else " ").join(filter(None, sentences))


_DIGITS: Final = "零一二三四五六七八九"


def _chinese(number: int) -> str:
    """A number from 0 to 59 in Chinese."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")
