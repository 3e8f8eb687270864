"""The desk: everything unresolved, gravest first, with running clocks."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from api.console.context import Console, rendered
from api.console.feed import Snapshot
from api.console.flood import Folded, Shown, fold
from api.console.frame import RESPONSE_WITHIN_S, OpenPage, available, opened
from api.console.rows import group_row, row
from api.words import noted


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

        shown = Shown()

        def told(snapshot: Snapshot) -> None:
            queue.set_content(_queue(page, snapshot, shown))

        async def more(sent: Mapping[str, Any]) -> None:
            shown.more(str(sent.get("part", "")))
            page.draw_again()

        async def turn(sent: Mapping[str, Any]) -> None:
            shown.turn(str(sent.get("part", "")))
            page.draw_again()

        page.told = told
        page.others |= {"more": more, "turn": turn}
        page.start()
        return None


def _queue(page: OpenPage, snapshot: Snapshot, shown: Shown) -> str:
    """The lines of the queue; of a flooded one the hazards to life, and groups of all others."""
    visible = snapshot.visible_to(page.visitor.actor)
    folded = fold(visible) if page.flood else Folded(visible, ())
    shown.forget([group.key for group in folded.groups])
    lines = folded.life[: shown.most(Shown.LIFE)]
    groups = folded.groups[: shown.most(Shown.GROUPS)]
    return rendered(
        "queue.html",
        page.say,
        flood=page.flood,
        rows=[row(one, page.say, may_act=page.may_act) for one in lines],
        more=len(folded.life) - len(lines),
        groups=[group_row(group, page.say, shown=shown.most(group.key), may_act=page.may_act) for group in groups],
        more_groups=len(folded.groups) - len(groups),
        waiting=len(visible),
        life=len(folded.life),
        in_groups=folded.in_groups,
    )
