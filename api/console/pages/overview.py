"""The map of the desk: where unresolved incidents are, among boundaries and homes.

The page is a frame. What lies in its view is asked for by its script, so that a console of 100,000 homes keeps none of
them in memory for a page that is open.
"""

import json
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from api.console.context import Console, rendered
from api.console.feed import Snapshot
from api.console.frame import RESPONSE_WITHIN_S, OpenPage, available, opened
from api.console.tiles import empty_map, on_tiles
from api.maps import framing
from api.words import Words, noted
from store import places
from store.places import Box

_FRAME_PX: Final = 560
_NOTHING_YET: Final = (35.0, 104.0), 4  # all of China, for whom nothing is enrolled yet


def register(console: Console) -> None:
    """``/map``."""

    @ui.page("/map", response_timeout=RESPONSE_WITHIN_S)
    @available
    async def overview(request: Request) -> Any:
        page = await opened(console, request, noted("Map"))
        if isinstance(page, Response):
            return page
        async with console.database.transaction() as connection:
            extent = await places.extent(connection, page.visitor.actor)
            nowhere = await places.homes_nowhere(connection, page.visitor.actor)
        _build(page, extent, nowhere)
        page.start()
        return None


def _build(page: OpenPage, extent: Box | None, nowhere: int) -> None:
    say, config = page.say, page.console.config
    centre, zoom = _NOTHING_YET
    if extent is not None:
        corners = ((extent.south, extent.west), (extent.north, extent.east))
        *middle, zoom = framing([on_tiles(config, one) for one in corners], frame_px=_FRAME_PX)
        centre = (middle[0], middle[1])
    with page.body:
        ui.html(rendered("overview.html", say), sanitize=False, tag="div")
        with ui.element("div").classes("overview"):
            leaflet = empty_map(config, say("Map"), centre=centre, zoom=zoom).classes("whole")
            ui.html(rendered("overview_side.html", say, nowhere=nowhere), sanitize=False, tag="aside").classes("card")
    page.run_script(f"carewatchMap.overview({leaflet.id}, {json.dumps(_words(say))})")
    drawn: object = None

    def told(snapshot: Snapshot) -> None:
        nonlocal drawn
        visible = snapshot.visible_to(page.visitor.actor)
        seen = hash(tuple((one.id, one.severity, one.state, one.alarms) for one in visible))
        if seen != drawn:
            drawn = seen
            page.run_script("carewatchMap.news()")

    page.told = told


def _words(say: Words) -> dict[str, str]:
    """What the script says; it fills in the fields."""
    return {
        "homes": say("{count} homes in view."),
        "boundaries": say("{count} smaller boundaries are shown when you look closer."),
        "failed": say("The map could not be read; it tries again when you move it."),
        "more": say("and {count} more"),
        "nowhere": say("no place known"),
        "several": say("{count} incidents here"),
        "none": say("Nothing is open."),
    }
