"""How an organisation gets words of its own, by the interface and by the console: versions, rights, audit trail."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerting import instructions
from alerting.instructions import Instruction
from api.problems import NotFound
from api.versions import tag_of_content
from devices.model import Hazard
from domain import written
from domain.people import Language
from domain.permissions import Actor, Scope
from store import audit, enrolled
from store.instructions import write
from store.pool import Connection
from store.registry import Noun

Text = Annotated[written.Lines, StringConstraints(min_length=1), Field(description="One step a line.")]


class InstructionBody(BaseModel):
    """What to ask and do for one hazard, in both languages."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "zh": "打家里电话，请她马上出门。\n拨打119。",
                    "en": "Call the home, ask her to leave at once.\nCall 119.",
                }
            ]
        },
    )

    zh: Text
    en: Text


def tag(one: Instruction) -> str:
    """The ETag of words: whose they are, and which version; the shipped ones by what they say."""
    if one.version is None:
        return tag_of_content([one.texts[Language.ZH], one.texts[Language.EN]])
    return tag_of_content([one.organisation, one.version])


async def organisation(connection: Connection, actor: Actor, code: str) -> int:
    """The row of an organisation. Raises :class:`NotFound`, also for one that the actor may not see."""
    found = await enrolled.read(connection, Noun.ORGANISATIONS, within=actor.organisation_id, codes=[code])
    if not found:
        raise NotFound(f"there is no organisation {code!r} here")
    return found[0].id


async def one(connection: Connection, organisation_id: int, hazard: Hazard) -> Instruction:
    """The words that count in an organisation."""
    return next(each for each in await instructions.in_force(connection, organisation_id) if each.hazard is hazard)


async def rewrite(
    connection: Connection,
    actor: Actor,
    code: str,
    hazard: Hazard,
    body: InstructionBody | None,
    *,
    agree: Callable[[str], None],
    now: datetime,
) -> Instruction:
    """Give an organisation words of its own (None: go back to what it inherits) and return those that count now.

    ``agree`` is told the tag of those that count before, and raises if somebody else has changed them meanwhile. The
    same again changes nothing. Raises NotFound, NotPermitted.
    """
    actor.need(Scope.MANAGE)
    row = await organisation(connection, actor, code)
    await enrolled.lock(connection, Noun.ORGANISATIONS, [code])
    before = await one(connection, row, hazard)
    agree(tag(before))
    own = InstructionBody(zh=before.texts[Language.ZH], en=before.texts[Language.EN])
    if (None if before.organisation != code else own) == body:
        return before
    texts = None if body is None else (body.zh, body.en)
    await write(connection, row, hazard.value, texts, by=actor.id, now=now)
    detail = {"hazard": hazard.value}
    await audit.record(connection, actor.id, "change", "instructions", [code], now=now, detail=detail)
    return await one(connection, row, hazard)
