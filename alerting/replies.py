"""What a person means by a text. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Wish(StrEnum):
    """What a reply asks for."""

    ACCEPT = "accept"
    DECLINE = "decline"
    STOP = "stop"  # no more texts to this number
    START = "start"  # texts again
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A wish, and the short number of the incident it is about, if one was given."""

    wish: Wish
    number: int | None = None


# Source: Twilio, "Support for opt-out keywords (SMS STOP filtering)". YES, which resumes there too, says here that one
# is coming; whoever has stopped cannot be asked, so the two do not meet.
_STOP: Final = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "td", "退订"})
_START: Final = frozenset({"start", "unstop", "开始", "恢复"})
_ACCEPT: Final = frozenset(
    {
        *(
            "yes",
            "y",
            "ok",
            "okay",
            "going",
            "coming",
            "im going",
            "i am going",
            "im coming",
            "i am coming",
            "on my way",
        ),
        *(
            "收到",
            "去",
            "我去",
            "能去",
            "可以",
            "来",
            "我来",
            "好",
            "好的",
            "行",
            "马上去",
            "马上来",
            "马上到",
            "这就去",
        ),
    }
)
_DECLINE: Final = frozenset(
    {
        *("no", "n", "cannot", "cant", "can not", "i cannot", "i cant", "busy", "sorry"),
        *("去不了", "不去", "不能去", "不能", "不行", "没空", "来不了", "我去不了", "不方便"),
    }
)
_KEYS: Final = {"1": Wish.ACCEPT, "2": Wish.DECLINE}
# What a phone or its owner puts around words: no letter and no digit, in any script.
_NOISE: Final = re.compile(r"[\W_]+")
_LONGEST_NUMBER: Final = 5


def read_reply(body: str) -> Reply:
    """The wish in a text: ``1 12``, ``12 1``, full-width digits, a word alone or with a number; else ``unclear``.

    A key comes first if both figures could be one, as the texts ask for: ``1 2`` accepts incident 2.
    """
    words = _NOISE.sub(" ", unicodedata.normalize("NFKC", body).replace("'", "").replace("’", "").lower()).strip()
    if words in _STOP:
        return Reply(wish=Wish.STOP)
    if words in _START:
        return Reply(wish=Wish.START)
    figures = re.findall(r"\d+", words)
    said = " ".join(re.sub(r"\d+|号(事件)?", " ", words).split())
    if any(len(figure) > _LONGEST_NUMBER for figure in figures):
        return Reply(wish=Wish.UNCLEAR)
    return _from_words(said, figures) if said else _from_figures(figures)


def _from_words(said: str, figures: list[str]) -> Reply:
    wish = Wish.ACCEPT if said in _ACCEPT else Wish.DECLINE if said in _DECLINE else Wish.UNCLEAR
    if wish is Wish.UNCLEAR or len(figures) > 1:
        return Reply(wish=Wish.UNCLEAR)
    return Reply(wish=wish, number=int(figures[0]) if figures else None)


def _from_figures(figures: list[str]) -> Reply:
    match figures:
        case [key] if key in _KEYS:
            return Reply(wish=_KEYS[key])
        case [key, number] if key in _KEYS:
            return Reply(wish=_KEYS[key], number=int(number))
        case [number, key] if key in _KEYS:
            return Reply(wish=_KEYS[key], number=int(number))
        case _:
            return Reply(wish=Wish.UNCLEAR)
