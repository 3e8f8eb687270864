"""Instructions as data: what operators should ask and do for each hazard, read and written here, every version kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from fastapi import Request
from fastapi.responses import Response
from nicegui import ui
from pydantic import ValidationError

from alerting import instructions
from alerting.instructions import Instruction
from api import instructing
from api.console.actions import SignedOut
from api.console.context import Console, rendered
from api.console.frame import RESPONSE_WITHIN_S, OpenPage, available, opened
from api.console.rows import ICONS
from api.instructing import InstructionBody
from api.problems import NotFound
from api.words import Words, noted
from devices.model import Hazard
from domain.errors import NotPermitted
from domain.people import Language
from domain.permissions import Scope
from store import desk, sessions
from store.errors import StoreError
from store.instructions import WrittenInstruction, versions
from store.pool import Connection

log = structlog.get_logger(__name__)

_MOST_VERSIONS: Final = 10
LONGEST: Final = 2000  # characters of a text, as the interface has it


class _Outdated(Exception):
    """Somebody else has changed the words meanwhile."""


def register(console: Console) -> None:
    """``/instructions``."""

    @ui.page("/instructions", response_timeout=RESPONSE_WITHIN_S)
    @available
    async def page_of_instructions(request: Request) -> Any:
        page = await opened(console, request, noted("Instructions"))
        if isinstance(page, Response):
            return page
        async with console.database.transaction() as connection:
            organisations = await desk.organisations(connection, page.visitor.actor)
            wanted = request.query_params.get("organisation", "")
            code = next((one for one, _, _ in organisations if one == wanted), organisations[0][0])
            shown = await _Written.of(connection, page, code)
        _InstructionsPage(page, code, organisations, shown).unfold(request.query_params.get("hazard", ""))
        page.start()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What counts in one organisation, and what it has written itself."""

    in_force: Sequence[Instruction]
    versions: Sequence[WrittenInstruction]

    @classmethod
    async def of(cls, connection: Connection, page: OpenPage, code: str) -> "_Written":
        row = await instructing.organisation(connection, page.visitor.actor, code)
        return cls(in_force=await instructions.in_force(connection, row), versions=await versions(connection, row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version in words. Without texts the organisation went back to what it inherits."""

    number: int
    by: str
    at: str
    texts: Sequence[str]


class _InstructionsPage:
    def __init__(
        self, page: OpenPage, code: str, organisations: Sequence[tuple[str, str, int]], shown: _Written
    ) -> None:
        self._page = page
        self._code = code
        self._parts: dict[Hazard, ui.html] = {}
        page.others["write_instruction"] = self._write
        page.others["restore_instruction"] = self._restore
        with page.body:
            ui.html(rendered("instructions.html", page.say, organisations=organisations, code=code), sanitize=False)
            for one in shown.in_force:
                self._parts[one.hazard] = ui.html("", sanitize=False, tag="details").classes("card instruction")
                self._parts[one.hazard].props(f'id="{one.hazard.value}"')
                self._draw(one, shown.versions)

    def unfold(self, hazard: str) -> None:
        """Begin with the words of ``hazard`` open."""
        if hazard in set(Hazard):
            self._parts[Hazard(hazard)].props("open")
            self._page.run_script(f"document.getElementById({json.dumps(hazard)}).scrollIntoView()")

    def _draw(self, one: Instruction, all_versions: Sequence[WrittenInstruction]) -> None:
        page = self._page
        say = page.say
        mine = [_version(each, page.visitor.timezone) for each in all_versions if each.hazard == one.hazard]
        self._parts[one.hazard].set_content(
            rendered(
                "instruction.html",
                say,
                hazard=one.hazard.value,
                word=say.of(one.hazard),
                icon=ICONS[one.hazard],
                code=self._code,
                tag=instructing.tag(one),
                own=one.organisation == self._code,
                whose=_whose(one, say, page.visitor.timezone),
                texts=((Language.ZH, one.texts[Language.ZH]), (Language.EN, one.texts[Language.EN])),
                longest=LONGEST,
                versions=mine[:_MOST_VERSIONS],
                may_write=Scope.MANAGE in page.visitor.actor.scopes,
            )
        )

    async def _write(self, sent: Mapping[str, Any]) -> None:
        try:
            body = InstructionBody(**{name: str(sent.get(name, "")).replace("\r\n", "\n") for name in ("zh", "en")})
        except ValidationError:
            say = self._page.say
            self._page.notice(
                say("Please write both texts, each of at most {most} characters.", most=LONGEST), warning=True
            )
            return
        await self._change(sent, body)

    async def _restore(self, sent: Mapping[str, Any]) -> None:
        await self._change(sent, None)

    async def _change(self, sent: Mapping[str, Any], body: InstructionBody | None) -> None:
        """Store it and draw that part again; what was typed stays in the browser if it could not be stored."""
        page, say = self._page, self._page.say
        if sent.get("hazard") not in set(Hazard):
            return
        try:
            after, written = await self._stored(Hazard(sent["hazard"]), body, str(sent.get("tag")))
        except SignedOut:
            page.end()
        except NotPermitted:
            page.notice(say("Your account may look, but not do this."), warning=True)
        except NotFound:
            page.notice(say("There is no such organisation here."), warning=True)
        except _Outdated:
            page.notice(say("Somebody else has changed it meanwhile: load the page again to see how."), warning=True)
        except StoreError as error:
            log.warning("an instruction could not be stored", error=str(error))
            page.notice(say("The database cannot be reached. Please try again in a moment."), warning=True)
        else:
            self._draw(after, written)
            page.notice(say("Stored: operators see it from now on."))

    async def _stored(
        self, hazard: Hazard, body: InstructionBody | None, read: str
    ) -> tuple[Instruction, Sequence[WrittenInstruction]]:
        console = self._page.console

        def agree(tag: str) -> None:
            if tag != read:
                raise _Outdated

        async with console.database.transaction() as connection:
            visitor = await sessions.visitor(connection, self._page.visitor.session)
            if visitor is None:
                raise SignedOut
            now = console.clock.now()
            after = await instructing.rewrite(connection, visitor.actor, self._code, hazard, body, agree=agree, now=now)
            row = await instructing.organisation(connection, visitor.actor, self._code)
            return after, await versions(connection, row)


def _version(one: WrittenInstruction, timezone: str) -> Version:
    return Version(
        number=one.version,
        by=one.changed_by.partition(":")[2],
        at=_moment(one.changed_at, timezone),
        texts=[text for text in (one.zh, one.en) if text is not None],
    )


def _whose(one: Instruction, say: Words, timezone: str) -> str:
    if one.version is None or one.changed_at is None:
        return say("as shipped")
    return say(
        "{organisation}, version {version}, {who}, {at}",
        organisation=one.organisation_name,
        version=one.version,
        who=(one.changed_by or "").partition(":")[2],
        at=_moment(one.changed_at, timezone),
    )


def _moment(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
