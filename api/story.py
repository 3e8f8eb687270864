"""Timelines told in sentences: what happened, and why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from api.words import Words, noted
from devices.model import Hazard
from domain.area import HomeState
from domain.incident import Outcome
from domain.notification import Failure, Via
from domain.people import ChannelName, Circle
from store.links import names
from store.pool import Connection
from store.timeline import Entry

OF_ORGANISATIONS: Final = ("before", "now", "level")


@dataclass(frozen=True, slots=True)
class Names:
    """How those who stand on a timeline by id are called."""

    known: Mapping[tuple[str, int], str]

    def responder(self, say: Words, number: object) -> str:
        """A responder's name; the resident's word for nobody; a dash for somebody who is gone."""
        if number is None:
            return say("the resident")
        return self.known.get(("responder", number), "—") if isinstance(number, int) else "—"

    def person(self, say: Words, detail: Mapping[str, Any]) -> str:
        """Whom an entry is about: an operator who was called by her account, or a responder, or the resident."""
        operator = detail.get("operator")
        return operator if isinstance(operator, str) else self.responder(say, detail.get("responder"))

    def organisation(self, number: object) -> str:
        """An organisation's name; a dash if it is gone."""
        return self.known.get(("organisation", number), "—") if isinstance(number, int) else "—"


async def names_in(connection: Connection, entries: Iterable[Entry]) -> Names:
    """Look up everybody who is mentioned by id."""
    responders: set[int] = set()
    organisations: set[int] = set()
    for entry in entries:
        responders.update(one for field in ("responder", "with") if isinstance(one := entry.detail.get(field), int))
        if entry.actor.startswith("responder:") and entry.actor[10:].isdigit():
            responders.add(int(entry.actor[10:]))
        if entry.kind in ("handed_over", "round"):
            organisations.update(one for field in OF_ORGANISATIONS if isinstance(one := entry.detail.get(field), int))
    return Names(await names(connection, responders=responders, organisations=organisations))


def actor_name(say: Words, actor: str, known: Names) -> str:
    """Who did it, for people: "user:li" is li, the platform is itself."""
    kind, _, rest = actor.partition(":")
    if kind == "responder" and rest.isdigit():
        return known.responder(say, int(rest))
    if kind == "system":
        return say("CareWatch")
    if kind == "resident":
        return say("the resident")
    return rest or actor


def sentence(say: Words, entry: Entry, known: Names) -> str:
    """What an entry says. A kind that has no words yet is shown as it is written, never left out."""
    return _TELLING.get(entry.kind, _as_written)(say, entry, known)


Telling = Callable[[Words, Entry, Names], str]


def _as_written(say: Words, entry: Entry, known: Names) -> str:
    return f"{entry.kind}: {entry.reason}".replace("_", " ")


def _plain(message: str) -> Telling:
    return lambda say, entry, known: say(message)


def _who(message: str) -> Telling:
    return lambda say, entry, known: say(message, who=known.person(say, entry.detail))


def _by_reason(messages: Mapping[str, str], otherwise: str) -> Telling:
    def tell(say: Words, entry: Entry, known: Names) -> str:
        return say(
            messages.get(entry.reason, otherwise),
            who=known.person(say, entry.detail),
            before=known.organisation(entry.detail.get("before")),
            now=known.organisation(entry.detail.get("now")),
            level=known.organisation(entry.detail.get("level")),
            round=entry.detail.get("round", "?"),
        )

    return tell


def _member(say: Words, kind: type[StrEnum], value: Any) -> str:
    return say.of(kind(value)) if value in set(kind) else str(value)


def _opened(say: Words, entry: Entry, known: Names) -> str:
    return say("Alarm: {hazard}", hazard=_member(say, Hazard, entry.reason))


def _ask(say: Words, entry: Entry, known: Names) -> str:
    asked = say(
        "{who} is to be reached by {channel}",
        who=known.person(say, entry.detail),
        channel=_member(say, ChannelName, entry.detail.get("channel")),
    )
    circle = entry.detail.get("circle")
    return f"{asked} ({_member(say, Circle, circle)})" if circle in set(Circle) else asked


def _accepted(say: Words, entry: Entry, known: Names) -> str:
    return say(
        "{who} is going (by {via})",
        who=known.person(say, entry.detail),
        via=_member(say, Via, entry.detail.get("via")),
    )


def _failed(say: Words, entry: Entry, known: Names) -> str:
    return say(
        "{who} was not reached by {channel}: {why}",
        who=known.person(say, entry.detail),
        channel=_member(say, ChannelName, entry.detail.get("channel")),
        why=_member(say, Failure, entry.reason),
    )


def _connecting(messages: Mapping[str, str], otherwise: str) -> Telling:
    def tell(say: Words, entry: Entry, known: Names) -> str:
        who, whom = known.person(say, entry.detail), known.responder(say, entry.detail.get("with"))
        return say(messages.get(entry.reason, otherwise), who=who, whom=whom)

    return tell


def _home(say: Words, entry: Entry, known: Names) -> str:
    state = _member(say, HomeState, entry.reason)
    return say("Home {home}: {state}", home=entry.detail.get("household", "?"), state=state)


def _resolved(say: Words, entry: Entry, known: Names) -> str:
    return say("Resolved: {outcome}", outcome=_member(say, Outcome, entry.reason))


_TELLING: Final[Mapping[str, Telling]] = {
    "opened": _opened,
    "alarm_again": _plain(noted("The alarm came again")),
    "cleared": _plain(noted("The device says that it is over; somebody still has to look")),
    "round": _by_reason({}, noted("Round {round} begins, handled by {level}")),
    "ask": _ask,
    "step_passed": _by_reason(
        {
            "empty": noted("Nobody can be asked in this step"),
            "all_declined": noted("Everyone of this step has declined"),
            "by_operator": noted("The desk waits no longer for this step"),
        },
        noted("Nobody of this step has answered in time"),
    ),
    "handed_over": _by_reason(
        {
            "top_organisation": noted("Nobody accepted; {now} is the highest and begins again"),
            "by_operator": noted("Handed over by the desk: from {before} to {now}"),
        },
        noted("Nobody accepted; handed over from {before} to {now}"),
    ),
    "severity_raised": _plain(noted("Several hazards in this home: the severity is raised")),
    "reopened": _by_reason(
        {
            "nobody_arrived": noted("Nobody arrived in time: open again"),
            "no_answer_to_new_event": noted("No answer to the new alarm: open again"),
            "forgotten_on_scene": noted("No word from the scene: open again"),
            "nobody_left": noted("Nobody is going any more: open again"),
        },
        noted("Open again"),
    ),
    "asked_again": _plain(noted("A new alarm: those who are going are asked again")),
    "reminded": _plain(noted("Long on scene: reminded to say how it is")),
    "resumed": _plain(noted("The pause is over: the calls go on")),
    "accepted": _accepted,
    "declined": _by_reason({"withdrawn": noted("{who} cannot go after all")}, noted("{who} cannot go")),
    "arrived": _who(noted("{who} has arrived")),
    "calls_cancelled": _plain(noted("The other calls are not needed any more")),
    "resolved": _resolved,
    "taken": _plain(noted("The desk looks after it; calls pause for three minutes at most")),
    "hurried": _plain(noted("The desk has the next one called at once")),
    "home": _home,
    "note": _plain(noted("Note")),
    "answer_refused": _plain(noted("An answer came that changes nothing")),
    "called": _who(noted("{who} is being called")),
    "texted": _who(noted("A text message went out to {who}")),
    "sent": _who(noted("A message went out to {who}")),
    "delivered": _who(noted("The message has reached {who}")),
    "answered_call": _who(noted("{who} has picked up the phone")),
    "keyed": _who(noted("{who} pressed a key")),
    "voicemail": _who(noted("Voicemail answered for {who}: nobody was reached")),
    "connect": _connecting({}, noted("{who} wants to be connected with {whom}")),
    "connected": _connecting({}, noted("{who} has picked up and is being connected with {whom}")),
    "parted": _connecting(
        {
            "talked": noted("The conversation of {who} and {whom} is over"),
            "engaged": noted("{who} was not connected: we are talking to {whom} ourselves"),
        },
        noted("{who} was not connected: {whom} did not answer"),
    ),
    "failed": _failed,
    "put_back": _who(noted("{who} will be tried again")),
    "replied": _who(noted("{who} replied by text message")),
}
