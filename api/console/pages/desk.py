"""The desk: everything unresolved, gravest first, with running clocks."""

from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from api.console.context import Console, rendered
from api.console.feed import Snapshot
from api.console.frame import RESPONSE_WITHIN_S, OpenPage, available, opened
from api.console.rows import row
from api.words import noted

_MOST_SHOWN: Final = 200
"""Lines drawn; how many more there are is said below them."""


def register(console: Console) -> None:
    """``/``."""

    @ui.page("/", response_timeout=RESPONSE_WITHIN_S)
    @available
    async def desk(request: Request) -> Any:
        page = await opened(console, request, noted("Desk"))
        if isinstance(page, Response):
            return page
        with page.body:
            queue = ui.html(rendered("loading.html", page.say), sanitize=False).classes("queue")

        def told(snapshot: Snapshot) -> None:
            queue.set_content(_queue(page, snapshot))

        page.told = told
        page.start()
        return None


def _queue(page: OpenPage, snapshot: Snapshot) -> str:
    visible = snapshot.visible_to(page.visitor.actor)
    return rendered(
        "queue.html",
        page.say,
        rows=[row(one, page.say, may_act=page.may_act) for one in visible[:_MOST_SHOWN]],
        more=max(len(visible) - _MOST_SHOWN, 0),
    )
