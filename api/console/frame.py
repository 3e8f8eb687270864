"""What every page has around it: how the platform is, where one may go, alarms that must be heard, answers to what one
did. An open page lives here and is told of every snapshot.
"""

import contextlib
import copy
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, ParamSpec

import structlog
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from nicegui import background_tasks, ui
from nicegui.events import GenericEventArguments

from alerting.answers import UnknownIncident
from api.console.actions import Act, SignedOut, Wish, act, seen
from api.console.context import STYLE, AlertKey, Console, rendered
from api.console.door import THEME
from api.console.feed import Snapshot
from api.console.flood import is_flood
from api.console.rows import MOST_NAMES, listed, milliseconds
from api.console.sign_in import to_sign_in, visitor_of
from api.console.signs import signs
from api.console.wishes import DONE, REFUSED, read_wish
from api.people import titled
from api.words import Words, noted
from devices.model import Hazard
from domain.errors import NotPermitted
from domain.incident import IncidentState
from domain.people import ChannelName, Language
from domain.permissions import Scope
from store.desk import Waiting
from store.errors import StoreError
from store.sessions import Visitor

log = structlog.get_logger(__name__)

_P = ParamSpec("_P")

EVENT: Final = "carewatch"  # what the script of the pages sends
RESPONSE_WITHIN_S: Final = 30.0

_QUIET_FROM: Final = 4  # from this severity on an alarm sounds once and need not be acknowledged

_QUASAR: Final[dict[Language, Literal["zh-CN", "en-US"]]] = {Language.ZH: "zh-CN", Language.EN: "en-US"}


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation, and the key that leads there."""

    path: str
    word: str
    icon: str
    key: str = ""


PLACES: Final = (
    Place("/", noted("Desk"), "dashboard"),
    Place("/map", noted("Map"), "map", "m"),
    Place("/history", noted("History"), "history"),
    Place("/instructions", noted("Instructions"), "checklist"),
)


class OpenPage:
    """One page in one browser. ``told`` is called with every snapshot and draws what the page shows of it, ``acted``
    when its operator has done something. ``others`` is called with what the page's script sends besides acts, by the
    name of what it wants. ``flood``: more waits than can be read.
    """

    def __init__(self, console: Console, visitor: Visitor, request: Request, title: str) -> None:
        self.console = console
        self.visitor = visitor
        self.say = Words(visitor.language)
        self.may_act = Scope.ACT in visitor.actor.scopes
        self.told: Callable[[Snapshot], None] = lambda snapshot: None
        self.acted: Callable[[], None] = lambda: None
        self.others: dict[str, Callable[[Mapping[str, Any]], Awaitable[None]]] = {}
        self.flood = False
        self._path = request.url.path
        self._shown = True  # the window is not hidden
        self.client = ui.context.client
        self._anchor: tuple[datetime, datetime, float] | None = None
        self._furnish(title, request.cookies.get(THEME))

    def _furnish(self, title: str, theme: str | None) -> None:
        say = self.say
        # The language of a page is a setting of its route; here it is the visitor's.
        self.client.page = copy.copy(self.client.page)
        self.client.page.language = _QUASAR[self.visitor.language]
        ui.page_title(" · ".join((title, say("CareWatch"))))
        ui.dark_mode(None if theme is None else theme == "dark")
        ui.add_head_html(
            '<link rel="stylesheet" href="/static/console.css">'
            '<script src="/static/drafts.js" defer></script><script src="/static/console.js" defer></script>'
            f"<style>{STYLE}</style>"
        )
        with self.client.layout:  # beside NiceGUI's <main>, not within it
            skip = ui.html(rendered("skip.html", say), sanitize=False, tag="nav").classes("skip")
            skip.props["aria-label"] = say("To the content")
            self._header = ui.html("", sanitize=False, tag="header").classes("top")
            self._alerts = ui.html("", sanitize=False, tag="section").classes("alerts")
            self._alerts.props["aria-label"] = say("Alarms to be heard")
            self._status = ui.html("", sanitize=False, tag="div").classes("told")
            self._status.props('role="status" aria-live="polite"')
            for place, element in enumerate((skip, self._header, self._alerts, self._status)):
                element.move(target_index=place)
        self.body = ui.element("div").props('id="main" tabindex="-1"')
        ui.html(rendered("help.html", say), sanitize=False, tag="div")
        ui.on(EVENT, self._happened)

    def start(self) -> None:
        """Draw the page, and keep it up to date as long as its browser is there."""
        watching = contextlib.ExitStack()
        watching.enter_context(self.console.feed.watched(self.visitor.session, self._tell, self.end))
        self.client.on_delete(watching.close)
        snapshot = self.console.feed.snapshot
        if snapshot is not None:
            self._tell(snapshot)
        else:
            self._header.set_content(self._header_html(None))

    def draw_again(self) -> None:
        """Draw once more from the last snapshot."""
        if self.console.feed.snapshot is not None:
            self._tell(self.console.feed.snapshot)

    def notice(self, text: str, *, warning: bool = False) -> None:
        """Tell the operator what became of what he did; a dialog that asked for it closes, or says why not."""
        self._status.set_content(rendered("told.html", self.say, text=text, warning=warning))
        self.client.run_javascript(f"carewatch.answered({json.dumps(text if warning else '')})")

    @property
    def shown(self) -> bool:
        """True unless its window is hidden."""
        return self._shown

    def run_script(self, script: str) -> None:
        """Have the page's browser run ``script``, once it is there."""
        self.client.run_javascript(script)

    def fill(self, id_: str, html: str) -> None:
        """Put ``html`` into the element of that id, which the page's script looks after."""
        self.client.run_javascript(f"carewatch.fill({json.dumps(id_)}, {json.dumps(html)})")

    # Snapshots

    def _tell(self, snapshot: Snapshot) -> None:
        visible = snapshot.visible_to(self.visitor.actor)
        self.flood = is_flood(len(visible), self.flood)
        self._header.set_content(self._header_html(snapshot))
        self._alerts.set_content(self._alerts_html(visible))
        self._set_clock(snapshot)
        self.told(snapshot)
        if self._shown and self.may_act:
            waiting = [one.id for one in visible if _console_waits(one)]
            if waiting:
                background_tasks.create(self._seen(waiting), name="seen at the console")

    async def _seen(self, incidents: list[int]) -> None:
        try:
            await seen(self.console, incidents)
        except StoreError as error:
            log.info("a message was shown and could not be marked so", error=str(error))

    def _set_clock(self, snapshot: Snapshot) -> None:
        """Set the clocks of the page, unless they still go right."""
        machine = datetime.now().astimezone()
        if self._anchor is not None:
            care, then, speed = self._anchor
            expected = care + (machine - then) * speed
            if speed == snapshot.speed and abs(expected - snapshot.at) < timedelta(seconds=0.5) * max(speed, 1.0):
                return
        if snapshot.fault:
            return
        self._anchor = (snapshot.at, machine, snapshot.speed)
        self.client.run_javascript(f"carewatch.setClock({milliseconds(snapshot.at)}, {snapshot.speed})")

    def _header_html(self, snapshot: Snapshot | None) -> str:
        return rendered(
            "header.html",
            self.say,
            places=PLACES,
            path=self._path,
            visitor=self.visitor,
            language=self.visitor.language.value,
            signs=signs(snapshot, self.say) if snapshot is not None else [],
            loading=snapshot is None,
            fault_since=milliseconds(snapshot.at) if snapshot is not None and snapshot.fault else None,
        )

    def _alerts_html(self, visible: list[Waiting]) -> str:
        heard = self.console.heard.get(self.visitor.session, set())
        unheard = [one for one in visible if _sounds(one) and alert_key(one) not in heard]
        loud = [one for one in unheard if one.severity < _QUIET_FROM]
        gravest = min((one.severity for one in unheard), default=None)
        named = [
            f"{self.say.of(Hazard(one.hazard))} {titled(self.say, one.residents)}".strip() for one in loud[:MOST_NAMES]
        ]
        return rendered(
            "alerts.html",
            self.say,
            severity=gravest,
            loud=len(loud),
            # One sound at a time, of the gravest; a milder alarm adds none, and in a flood not every new one does.
            keys=f"flood {gravest}"
            if self.flood
            else ",".join(str(alert_key(one)) for one in unheard if one.severity == gravest),
            what=listed(self.say, named, more=len(loud) - len(named)),
        )

    def hear(self, incidents: set[int] | None = None) -> None:
        """Note that the operator has heard these alarms, or all that sound now."""
        snapshot = self.console.feed.snapshot
        if snapshot is None:
            return
        # Sessions that have no page any more need not be remembered.
        open_sessions = self.console.feed.sessions() | {self.visitor.session}
        for gone in self.console.heard.keys() - open_sessions:
            del self.console.heard[gone]
        heard = self.console.heard.setdefault(self.visitor.session, set())
        visible = snapshot.visible_to(self.visitor.actor)
        heard &= {alert_key(one) for one in visible}
        heard |= {alert_key(one) for one in visible if incidents is None or one.id in incidents}

    # What the operator does

    async def _happened(self, event: GenericEventArguments) -> None:
        sent = event.args if isinstance(event.args, dict) else {}
        what = sent.get("act")
        if what == "hear":
            self.hear()
            self.draw_again()
        elif what == "shown":
            self._shown = bool(sent.get("shown"))
            self.draw_again()
        elif isinstance(what, str) and what in self.others:
            await self.others[what](sent)
        elif what in set(Act):
            wish = read_wish(Act(what), sent)
            if wish is not None:
                await self.do(wish)

    async def do(self, wish: Wish) -> None:
        """Do it, and say what became of it."""
        say = self.say
        try:
            refused = await act(self.console, self.visitor, wish)
        except SignedOut:
            self.end()
            return
        except NotPermitted:
            self.notice(say("Your account may look, but not do this."), warning=True)
            return
        except UnknownIncident:
            self.notice(say("There is no such incident here."), warning=True)
            return
        except StoreError as error:
            log.warning("an operator could not act", act=wish.act.value, error=str(error))
            self.notice(say("The database cannot be reached. Please try again in a moment."), warning=True)
            return
        self.hear({wish.incident})
        self.acted()
        self.notice(say(DONE[wish.act] if refused is None else REFUSED[refused]), warning=refused is not None)

    def end(self) -> None:
        """Lead to the door: nobody is signed in here any more."""
        self.client.run_javascript("window.location.reload()")


Built = Callable[_P, Awaitable[Any]]


def available(build: Built[_P]) -> Built[_P]:
    """A page's builder that answers in words, and tries again by itself, while the database is away."""

    @functools.wraps(build)
    async def guarded(*arguments: _P.args, **named: _P.kwargs) -> Any:
        try:
            return await build(*arguments, **named)
        except StoreError as error:
            log.warning("a page could not be opened", error=str(error))
            languages = [Words(language) for language in Language]
            return HTMLResponse(rendered("unavailable.html", languages[0], languages=languages), status_code=503)

    return guarded


async def opened(console: Console, request: Request, title: str) -> OpenPage | Response:
    """The page that a route is to fill, or the way to the door for whoever is not signed in."""
    visitor = await visitor_of(console, request)
    if visitor is None:
        return to_sign_in(f"{request.url.path}?{request.url.query}".removesuffix("?"))
    page = OpenPage(console, visitor, request, Words(visitor.language)(title))
    return page


def alert_key(one: Waiting) -> AlertKey:
    """What makes an alarm another one that has to be heard again: a new event, a graver one, a new round of calls."""
    return (one.id, one.alarms, one.severity, one.round)


def _sounds(one: Waiting) -> bool:
    return one.state == IncidentState.OPEN and one.taken_until is None and not one.held


def _console_waits(one: Waiting) -> bool:
    """True if a message to the console about it has gone out and nobody has seen it."""
    return any(channel == ChannelName.CONSOLE and state == "sent" for _, channel, state, _ in one.reaching)
