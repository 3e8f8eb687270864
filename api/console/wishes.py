"""What operators want done, as a page sends it, and what to tell them of it."""

from collections.abc import Mapping
from typing import Any, Final

from alerting.called_by_hand import NotCalled
from alerting.visits import NotMarked
from api.console.actions import Act, NotDone, Why, Wish
from api.words import noted
from domain.area import HomeState
from domain.incident import IncidentId, Outcome, Refused
from domain.people import ContactId, ResponderId

_LONGEST_NOTE: Final = 2000  # characters
_LONGEST_CHOICE: Final = 100

DONE: Final[Mapping[Act, str]] = {
    Act.TAKE: noted("You look after it; calls are paused for three minutes."),
    Act.NAME: noted("Noted: somebody is on the way."),
    Act.ARRIVE: noted("Noted: somebody is there."),
    Act.CLOSE: noted("Resolved."),
    Act.NOTE: noted("The note is written."),
    Act.HAND_OVER: noted("Handed over."),
    Act.CALL_NEXT: noted("The next one is being called."),
    Act.CONNECT: noted("Your telephone rings in a moment: pick up, and you are connected."),
    Act.MARK: noted("Written on the list."),
    Act.CALL_ELSE: noted("Is being reached now; the plan goes on beside it."),
}
"""What to say when it is done."""

REFUSED: Final[Mapping[Why, str]] = {
    Refused.ALREADY_RESOLVED: noted("It had been resolved before."),
    Refused.ALREADY_GIVEN: noted("That had been said before."),
    Refused.NOT_ACCEPTED: noted("Only who is going can say that."),
    Refused.OUTCOME_NEEDED: noted("Please choose how it ended."),
    Refused.ONLY_THE_SYSTEM: noted("Please choose how it ended."),
    NotDone.NO_RESPONDER: noted("Please choose who."),
    NotDone.NO_TEXT: noted("Please write something."),
    NotDone.NOTHING_ABOVE: noted("It is resolved, or no organisation stands above."),
    NotDone.NOT_OPEN: noted("Nobody is being called for it now."),
    NotCalled.ENDED: noted("It had been resolved before."),
    NotCalled.NOBODY: noted("This person cannot be called for it now."),
    NotCalled.BEING_REACHED: noted("This person is being reached that way right now."),
    NotCalled.GOING: noted("This person is going already."),
    NotMarked.NOT_CONCERNED: noted("This home does not stand on the list."),
    NotMarked.NO_NEWS: noted("That had been said before."),
    NotCalled.NO_PHONE: noted("There is no telephone to be connected with."),
    NotCalled.BAD_NUMBER: noted("Your own telephone must be a whole number, as in +8613800138000, and no short code."),
    NotCalled.ENGAGED: noted("The platform is talking to that number right now; please try again in a minute."),
    NotCalled.BEING_CONNECTED: noted("Your telephone is being called already."),
    NotCalled.DRILL: noted("This is a drill: nobody is connected."),
}
"""What to say when it was not."""


def read_wish(act: Act, sent: dict[str, Any]) -> Wish | None:
    """What the script of a page sent, as far as it makes sense; None if it does not say for which incident."""
    incident, responder, contact, outcome = (
        _text(sent.get(name)) for name in ("incident", "responder", "contact", "outcome")
    )
    if not _is_row_id(incident):
        return None
    return Wish(
        act=act,
        incident=IncidentId(int(incident)),
        responder=ResponderId(int(responder)) if _is_row_id(responder) else None,
        contact=ContactId(int(contact)) if _is_row_id(contact) else None,
        outcome=Outcome(outcome) if outcome in set(Outcome) else None,
        note=_line(sent.get("note"), _LONGEST_NOTE),
        whom=_line(sent.get("whom"), _LONGEST_CHOICE),
        household=_line(sent.get("household"), _LONGEST_CHOICE),
        home_state=HomeState(state) if (state := _text(sent.get("state"))) in set(HomeState) else None,
        own_number="".join(_line(sent.get("own_number"), _LONGEST_CHOICE).split()).replace("-", ""),
    )


def _line(value: Any, longest: int) -> str:
    return _text(value).replace("\x00", "").strip()[:longest]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _is_row_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
