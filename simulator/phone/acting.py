"""Scripted people on the phone: each temper played against one call."""

from simulator.phone.books import Books
from simulator.phone.call import Call, Menu
from simulator.phone.people import (
    AnsweredBy,
    Answers,
    ByHand,
    HangsUp,
    IsBusy,
    LetsItRing,
    Temper,
    Unreachable,
    Voicemail,
)
from simulator.phone.timing import Timing

# A person who has heard a menu to its end needs this long to find the key.
_FINDS_THE_KEY_S = 1.0


def detect(temper: Temper, detection: str, timing: Timing) -> tuple[AnsweredBy, float]:
    """What machine detection makes of whoever answered, and how many seconds it takes.

    ``detection`` is Twilio's MachineDetection: Enable judges at once, DetectMessageEnd hears a greeting to its end.
    """
    if not isinstance(temper, Voicemail):
        verdict = temper.detected if isinstance(temper, (Answers, HangsUp)) else AnsweredBy.HUMAN
        return verdict, timing.detection_s
    if detection == "DetectMessageEnd":
        return temper.detected or AnsweredBy.MACHINE_END_BEEP, temper.greeting_s * timing.pace
    return temper.detected or AnsweredBy.MACHINE_START, timing.detection_s


async def play(books: Books, call: Call, temper: Temper) -> None:
    """Do on ``call``, from its first ring, what a person of this temper does; cancelled at the end of the call."""
    match temper:
        case Answers():
            await _pick_up(books, call, temper.after_s)
            await _answer_menus(books, call, temper)
        case HangsUp():
            await _pick_up(books, call, temper.after_s)
            await books.pass_time(temper.stays_s)
            call.put_down.set()
        case Voicemail():
            await _pick_up(books, call, temper.after_s)
            await books.pass_time(temper.tape_s)
            call.put_down.set()
        case IsBusy():
            await books.pass_time(temper.after_s)
            call.turned_away.set()
        case LetsItRing() | Unreachable() | ByHand():
            pass


async def _pick_up(books: Books, call: Call, after_s: float) -> None:
    await books.pass_time(after_s)
    call.picked_up.set()
    await call.connected.wait()


async def _answer_menus(books: Books, call: Call, temper: Answers) -> None:
    if call.parent_sid is not None:
        await books.pass_time(temper.talks_s)
        call.put_down.set()
        return
    answered: Menu | None = None
    for keys in temper.keys:
        answered = await _next_menu(call, answered)
        if temper.listens_s is None:
            await answered.heard.wait()
            await books.pass_time(_FINDS_THE_KEY_S)
        else:
            await books.pass_time(temper.listens_s)
        if keys:
            answered.press(keys)


async def _next_menu(call: Call, after: Menu | None) -> Menu:
    """The menu that is open, if it is not ``after``; else the next one to open."""
    while (menu := call.menu) is None or menu is after:
        await call.menu_opened.wait()
        call.menu_opened.clear()
    return menu
