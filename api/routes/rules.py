"""Rules as they hold for an organisation, and what it states differently. Every change is a new version."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, RootModel

from alerting.rulebook import Rulebook, amend
from alerting.rules.spec import RulesFault, write_rule
from api.access import REFUSALS, Manager, Reader
from api.problems import FieldFault, NotFound, NotUnderstood, shortened
from api.services import Services
from api.versions import Exchange, tag_of_content
from domain import written
from domain.permissions import Actor
from store import audit, enrolled
from store import rules as store
from store.pool import Connection
from store.registry import Noun
from store.rules import RuleScope, StoredRule

Code = Annotated[written.Code, Path(description="The code of the organisation.", examples=["heping"])]
Name = Annotated[str, Path(description="The name of the rule.", pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Difference(RootModel[dict[str, Any]]):
    """The fields of a rule that differ, as the guide of rules names them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"day_s": 10800, "trial": True}]})


class RuleInForce(BaseModel, frozen=True):
    """A rule as it holds for an organisation; homes, residents and devices may state fields of their own."""

    name: str
    rule: Annotated[dict[str, Any], Field(description="Whole, with every field.")]
    stated: Annotated[dict[str, Any] | None, Field(description="What the organisation itself states; null: nothing.")]
    version: Annotated[int, Field(description="Of what it states; 0: nothing.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/organisations/{code}/rules``."""
    routes = APIRouter(prefix="/api/v1/organisations/{code}/rules", tags=["rules"], responses=REFUSALS)

    @routes.get("", summary="The rules by which readings of an organisation's homes are judged")
    async def listed(code: Code, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> list[RuleInForce]:
        async with services.database.transaction() as connection:
            found = await _in_force(connection, await _organisation(connection, actor, code))
        exchange.stands_at(tag_of_content([_tag(one) for one in found]))
        return found

    @routes.get("/{rule}", summary="One rule, as it holds for an organisation")
    async def one(code: Code, rule: Name, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> RuleInForce:
        async with services.database.transaction() as connection:
            found = _named(await _in_force(connection, await _organisation(connection, actor, code)), rule)
        exchange.stands_at(_tag(found))
        return found

    @routes.put("/{rule}", summary="State fields of a rule that differ for an organisation and all below it")
    async def put(
        code: Code, rule: Name, body: Difference, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> RuleInForce:
        now = services.clock.now()
        async with services.database.transaction() as connection:
            organisation = await _organisation(connection, actor, code)
            await enrolled.lock(connection, Noun.ORGANISATIONS, [code])
            exchange.agree(_tag(_named(await _in_force(connection, organisation), rule)))
            try:
                await amend(
                    connection,
                    rule,
                    body.root,
                    scope=RuleScope.ORGANISATION,
                    scope_id=organisation,
                    by=actor.id,
                    now=now,
                )
            except RulesFault as fault:
                raise _refused(fault) from fault
            await audit.record(connection, actor.id, "change", "rules", [code], now=now, detail={"rule": rule})
            after = _named(await _in_force(connection, organisation), rule)
        exchange.stands_at(_tag(after))
        return after

    return routes


async def _organisation(connection: Connection, actor: Actor, code: str) -> int:
    found = await enrolled.read(connection, Noun.ORGANISATIONS, within=actor.organisation_id, codes=[code])
    if not found:
        raise NotFound(f"there is no organisation {code!r} here")
    return found[0].id


async def _in_force(connection: Connection, organisation: int) -> list[RuleInForce]:
    stored = await store.current(connection)
    rulebook = Rulebook(stored, await store.organisations(connection), 0)
    own: dict[str, StoredRule] = {
        one.name: one for one in stored if (one.scope, one.scope_id) == (RuleScope.ORGANISATION, organisation)
    }
    return [
        RuleInForce(
            name=rule.name,
            rule=write_rule(rule),
            stated=dict(own[rule.name].rule) if rule.name in own else None,
            version=own[rule.name].version if rule.name in own else 0,
        )
        for rule in rulebook.rules_of(organisation)
    ]


def _named(rules: list[RuleInForce], name: str) -> RuleInForce:
    for one in rules:
        if one.name == name:
            return one
    raise NotFound(f"there is no rule {name!r} here")


def _tag(rule: RuleInForce) -> str:
    # What is inherited may change without a new version here: the whole rule is what was read.
    return tag_of_content([rule.version, rule.rule])


def _refused(fault: RulesFault) -> NotUnderstood:
    errors = [
        FieldFault(field=f"body.{one.field.partition(', ')[2] or one.field}", value=shortened(one.value),
                   limit=one.allowed)
        for one in fault.faults
    ]  # fmt: skip
    return NotUnderstood(str(fault), errors=errors)
