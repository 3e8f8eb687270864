"""One incident: who she is, what has happened, who is being reached, where it is, and what an operator can do."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from nicegui import background_tasks, ui

from api.console.choices import LONGEST_FIND, callable_people, connectable_people
from api.console.context import Console, rendered
from api.console.feed import Snapshot
from api.console.frame import RESPONSE_WITHIN_S, OpenPage, available, opened
from api.console.homes import FIRST_SHOWN, MARKS, load_homes
from api.console.incident_view import Point, View, load
from api.console.rows import Row, row
from api.console.surroundings import Surroundings
from api.console.tiles import empty_map, on_tiles
from api.maps import framing
from api.words import noted
from domain.incident import Outcome
from store import audit, timeline
from store.desk import Member, Waiting
from store.errors import StoreError

log = structlog.get_logger(__name__)

_OUTCOMES: Final = tuple(outcome for outcome in Outcome if outcome is not Outcome.RECOVERED)
_LISTS: Final = {"call": (callable_people, "contact"), "connect": (connectable_people, "whom")}
"""The dialogs in which somebody is chosen: who is offered, and how the choice is sent."""
_HOME_COLOUR: Final = "#0b5a52"


def register(console: Console) -> None:
    """``/incidents/{id}``."""

    @ui.page("/incidents/{incident_id}", response_timeout=RESPONSE_WITHIN_S)
    @available
    async def incident(request: Request, incident_id: int) -> Any:
        page = await opened(console, request, noted("Incident"))
        if isinstance(page, Response):
            return page
        shown = _IncidentPage(page, incident_id)
        view = await shown.read(first=True)
        if view is None:
            return HTMLResponse(rendered("missing.html", page.say, language=page.say.language.value), status_code=404)
        shown.build(view)
        await shown.read_homes()
        page.told = shown.told
        page.acted = shown.draw_again
        page.others["more"] = shown.more_homes
        if page.may_act:
            page.others["find"] = shown.find
        page.hear({incident_id})
        shown.look()
        page.start()
        return None


class _IncidentPage:
    """The page of one incident in one browser; read again whenever its line on the desk changes."""

    def __init__(self, page: OpenPage, incident_id: int) -> None:
        self._page = page
        self._id = incident_id
        self._line: Waiting | None = None
        self._newest: int | None = None
        self._nameable: Sequence[Member] = ()
        self._homes_shown = FIRST_SHOWN
        self._homes_seen: set[str] = set()
        self._task_name = f"incident {incident_id} for {id(self)}"

    async def read(self, *, first: bool = False) -> View | None:
        """Everything about the incident; the first reading is a view of a person, and recorded."""
        page = self._page
        now = page.console.clock.now()
        async with page.console.database.transaction() as connection:
            view = await load(connection, page.visitor, page.say, self._id, now=now)
            if view is not None and first:
                by = page.visitor.actor.id
                await audit.record(connection, by, "view", "incidents", [str(self._id)], now=now)
                await audit.record(connection, by, "view", "residents", view.codes, now=now)
        return view

    def build(self, view: View) -> None:
        """Lay the page out."""
        page = self._page
        with page.body:
            self._head = ui.html("", sanitize=False, tag="div").classes("incident-head")
            self._others = ui.html("", sanitize=False, tag="div").classes("others")
            self._others.props('aria-live="polite"')
            self._bar = ui.html("", sanitize=False, tag="div").classes("bar")
            self._homes = ui.html("", sanitize=False, tag="section").classes("card wide")
            with ui.element("div").classes("columns"):
                with ui.element("div").classes("column"):
                    self._now = ui.html("", sanitize=False, tag="section").classes("card")
                    self._facts = ui.html("", sanitize=False, tag="section").classes("card")
                    self._circle = ui.html("", sanitize=False, tag="section").classes("card")
                with ui.element("div").classes("column"):
                    map_id: int | None = None
                    self._steps = ui.html("", sanitize=False, tag="section").classes("card")
                    if view.points:
                        with ui.element("section").classes("card"):
                            map_id = self._map(view.points, page.say("Map"))
                            self._places = ui.html("", sanitize=False)
                    else:
                        self._places = ui.html("", sanitize=False)
                    self._timeline = ui.html("", sanitize=False, tag="section").classes("card")
            with ui.element("section").classes("card around"):
                ui.html(rendered("incident_around.html", page.say), sanitize=False, tag="div")
            if page.may_act:
                self._build_dialogs(view)
        self._draw(view)
        around = Surroundings(page, self._id, view.incident.opened_at, view.codes, view.timezone)
        around.start(map_id=map_id, seen=[point for point in view.points if not point.home])

    def _build_dialogs(self, view: View) -> None:
        """They are not drawn again: somebody may be writing in one."""
        say, incident = self._page.say, self._id
        outcomes = [(outcome.value, say.of(outcome)) for outcome in _OUTCOMES]
        self._nameable = view.circle
        asks = rendered("incident_dialogs.html", say, incident=incident, outcomes=outcomes, circle=view.circle)
        calls = rendered("incident_call.html", say, incident=incident, phone=self._page.visitor.phone)
        ui.html(asks + calls, sanitize=False, tag="div")

    def _draw_nameable(self, view: View) -> None:
        """Whom one may name, where that has changed."""
        if view.circle != self._nameable:
            self._nameable = view.circle
            who = rendered("who.html", self._page.say, circle=view.circle)
            for dialog in ("name", "arrive"):
                self._page.fill(f"{dialog}-responder", who)

    def told(self, snapshot: Snapshot) -> None:
        """Draw again if the line of this incident has changed, or has gone, or its timeline has grown."""
        line = next((one for one in snapshot.queue if one.id == self._id), None)
        if line != self._line:
            self._line = line
            self.draw_again()
        else:
            background_tasks.create_lazy(self._look_for_news(), name=f"news of {self._task_name}")

    async def _look_for_news(self) -> None:
        """A note, a home of the list: what has been written and stands on no line of the desk."""
        try:
            async with self._page.console.database.statement() as connection:
                newest = await timeline.newest(connection, self._id)
        except StoreError as error:
            log.info("a timeline could not be looked at", incident=self._id, error=str(error))
            return
        if newest != self._newest:
            self._newest = newest
            self.draw_again()

    def draw_again(self) -> None:
        """Read and draw once more, soon."""
        background_tasks.create_lazy(self._again(), name=self._task_name)

    async def more_homes(self, sent: Mapping[str, Any]) -> None:
        """Show more of the call-and-visit list."""
        self._homes_shown += FIRST_SHOWN
        self.draw_again()

    async def find(self, sent: Mapping[str, Any]) -> None:
        """Fill a dialog that was opened, or in which somebody is being looked for."""
        page = self._page
        list_ = str(sent.get("list", ""))
        find = str(sent.get("find", "")).replace("\x00", "").strip()[:LONGEST_FIND]
        if list_ not in _LISTS:
            return
        look_up, name = _LISTS[list_]
        try:
            async with page.console.database.transaction() as connection:
                now = page.console.clock.now()
                choices = await look_up(connection, page.visitor.actor, page.say, self._id, find=find, now=now)
        except StoreError as error:
            log.info("people to choose could not be read", incident=self._id, error=str(error))
            return
        page.fill(f"{list_}-choices", rendered("choices.html", page.say, choices=choices, name=name))

    async def read_homes(self) -> None:
        """Draw the call-and-visit list of an area incident; whoever is shown newly is a view of a person."""
        page, now = self._page, self._page.console.clock.now()
        async with page.console.database.transaction() as connection:
            homes = await load_homes(connection, page.say, self._id, most=self._homes_shown, now=now)
            if homes is not None and (newly := sorted(set(homes.codes) - self._homes_seen)):
                await audit.record(connection, page.visitor.actor.id, "view", "residents", newly, now=now)
                self._homes_seen.update(newly)
        marks = [(state, page.say.of(state), key) for state, key in MARKS]
        html = rendered(
            "incident_homes.html", page.say, homes=homes, incident=self._id, may_act=page.may_act, marks=marks
        )
        self._homes.set_content(html)

    def look(self) -> None:
        """Let others see that this operator has the incident open, as long as her browser is there."""
        page = self._page
        look = page.console.feed.presence.look(self._id, page.visitor.name, self._draw_others)
        page.client.on_connect(look.begin)
        # A browser that came back may be connected anew before its former connection is missed.
        page.client.on_disconnect(lambda: None if page.client.has_socket_connection else look.end())
        page.client.on_delete(look.end)

    def _draw_others(self, names: tuple[str, ...]) -> None:
        self._others.set_content(rendered("incident_others.html", self._page.say, names=names))

    async def _again(self) -> None:
        try:
            view = await self.read()
            await self.read_homes()
        except StoreError as error:
            log.info("an incident could not be read", incident=self._id, error=str(error))
            self._line = None
            return
        if view is not None:
            self._draw(view)

    def _draw(self, view: View) -> None:
        page = self._page
        line: Row | None = row(self._line, page.say, may_act=page.may_act) if self._line is not None else None

        def text(template: str, **more: Any) -> str:
            return rendered(template, page.say, view=view, line=line, **more)

        open_ = view.incident.state == "open"
        unresolved = view.incident.state != "resolved"
        self._head.set_content(text("incident_head.html"))
        self._bar.set_content(text("incident_bar.html", may_act=page.may_act, is_open=open_, unresolved=unresolved))
        self._now.set_content(text("incident_now.html"))
        self._facts.set_content(text("incident_facts.html"))
        self._circle.set_content(text("incident_circle.html"))
        self._steps.set_content(text("incident_steps.html"))
        self._places.set_content(text("incident_places.html"))
        self._timeline.set_content(text("incident_timeline.html"))
        if page.may_act:
            self._draw_nameable(view)

    def _map(self, points: Sequence[Point], title: str) -> int:
        """A map that frames the points, with the home on it; its id. Where she was is drawn as it becomes known."""
        config = self._page.console.config
        ui.label(title).props("role=heading aria-level=2").classes("map-title")
        lat, lon, zoom = framing([on_tiles(config, (point.lat, point.lon)) for point in points])
        leaflet = empty_map(config, title, centre=(lat, lon), zoom=zoom)
        for point in points:
            if point.home:
                dot = {"radius": 9, "color": "#ffffff", "weight": 3, "fillColor": _HOME_COLOUR, "fillOpacity": 1}
                leaflet.generic_layer(name="circleMarker", args=[on_tiles(config, (point.lat, point.lon)), dot])
        return leaflet.id
