"""What the routes of all enrolled nouns share: read, create or replace, retire, within the subtree of the actor."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from api.paging import Window
from api.problems import Conflict, FieldFault, NotFound, NotUnderstood
from api.records import Kept, Page, Resident
from api.services import Services
from api.versions import Exchange, tag_of_content, tag_of_version
from domain.people import ResidentState
from domain.permissions import Actor
from domain.written import Form
from store import audit, enrolled
from store.pool import Connection
from store.references import dangling
from store.registry import Noun, save

K = TypeVar("K", bound=Kept)
F = TypeVar("F", bound=Form)

# Every view of a person is audited; a home tells where persons live.
_PERSONAL: Final = frozenset({Noun.HOUSEHOLDS, Noun.RESIDENTS, Noun.RESPONDERS})


class Enrolment:
    """Enrolled nouns behind the interface."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def page(
        self,
        actor: Actor,
        noun: Noun,
        shape: type[K],
        window: Window,
        **filters: Any,
    ) -> Page[K]:
        """A part of the list."""
        async with self._services.database.transaction() as connection:
            found = await enrolled.read(
                connection,
                noun,
                within=actor.organisation_id,
                retired=window.retired,
                after=window.cursor,
                limit=window.limit + 1,
                filters=filters,
            )
            shown = found[: window.limit]
            await self._audit_view(connection, actor, noun, [one.code for one in shown])
        following = shown[-1].code if len(found) > window.limit else None
        return Page(items=[_shaped(shape, one) for one in shown], next=following)

    async def one(self, actor: Actor, noun: Noun, shape: type[K], code: str, exchange: Exchange) -> K:
        """One record, retired or not. Raises :class:`NotFound`, also for what the actor may not see."""
        async with self._services.database.transaction() as connection:
            found = await _only(connection, actor, noun, code)
            await self._audit_view(connection, actor, noun, [code])
        exchange.stands_at(_tag(found))
        return _shaped(shape, found)

    async def put(
        self,
        actor: Actor,
        noun: Noun,
        code: str,
        form: K,
        exchange: Exchange,
    ) -> K:
        """Create or replace the record; the same again changes nothing. Answers 201 for a new one."""
        record = form.record()
        named = record[form.key[0]]
        if named != code:
            raise NotUnderstood(
                "body and path name different records",
                errors=[FieldFault(field=f"body.{form.key[0]}", value=named, limit=f"{code}, as in the path")],
            )
        now = self._services.clock.now()
        async with self._services.database.transaction() as connection:
            await enrolled.lock(connection, noun, [code])
            before = await _any(connection, actor, noun, code)
            exchange.agree(None if before is None else _tag(before))
            old = None if before is None else _normal(type(form), before.written)
            if before is None or before.retired_at is not None or old != record:
                await _refuse_dangling(connection, actor, noun, [record], form.references, [old])
                await save(connection, noun, [record], now=now)
                await audit.record(
                    connection,
                    actor.id,
                    "create" if before is None else "change",
                    noun.value,
                    [code],
                    now=now,
                    detail={"fields": _changed(old, record)},
                )
            after = await _only(connection, actor, noun, code)
        exchange.stands_at(_tag(after))
        if before is None:
            exchange.created()
        return _shaped(type(form), after)

    async def retire(self, actor: Actor, noun: Noun, code: str, exchange: Exchange) -> None:
        """Put the record out of use; what is so already stays so."""
        now = self._services.clock.now()
        async with self._services.database.transaction() as connection:
            await enrolled.lock(connection, noun, [code])
            before = await _only(connection, actor, noun, code)
            if before.retired_at is not None:
                return
            exchange.agree(_tag(before))
            await enrolled.retire(connection, noun, [code], now=now)
            await audit.record(connection, actor.id, "retire", noun.value, [code], now=now)

    async def relations(
        self, actor: Actor, noun: Noun, shape: type[F], anchor: tuple[Noun, str], exchange: Exchange
    ) -> list[F]:
        """Everything of ``noun`` that hangs on the record ``anchor``."""
        async with self._services.database.transaction() as connection:
            await _only(connection, actor, *anchor)
            await self._audit_view(connection, actor, anchor[0], [anchor[1]])
            found = await _hanging(connection, actor, noun, anchor)
        exchange.stands_at(tag_of_content([one.written for one in found]))
        return [shape.model_validate(one.written) for one in found]

    async def replace_relations(
        self,
        actor: Actor,
        noun: Noun,
        shape: type[F],
        anchor: tuple[Noun, str],
        forms: Sequence[F],
        exchange: Exchange,
    ) -> list[F]:
        """Let ``forms`` be everything of ``noun`` that hangs on the record ``anchor``; others are struck off."""
        now = self._services.clock.now()
        _refuse_strangers([form.record() for form in forms], anchor)
        wanted = {_key(shape, record): record for record in (form.record() for form in forms)}
        if len(wanted) < len(forms):
            raise NotUnderstood("the list names the same one twice")
        async with self._services.database.transaction() as connection:
            await enrolled.lock(connection, anchor[0], [anchor[1]])
            await _only(connection, actor, *anchor)
            before = await _hanging(connection, actor, noun, anchor)
            exchange.agree(tag_of_content([one.written for one in before]))
            old = {_key(shape, record): (one, record) for one in before if (record := _normal(shape, one.written))}
            await _refuse_dangling(
                connection,
                actor,
                noun,
                list(wanted.values()),
                shape.references,
                [old[key][1] if key in old else None for key in wanted],
                listed=True,
            )
            gone = [one for key, (one, _) in old.items() if key not in wanted]
            await enrolled.strike_off(connection, noun, gone, now=now)
            await save(connection, noun, list(wanted.values()), now=now)
            await audit.record(
                connection,
                actor.id,
                "change",
                anchor[0].value,
                [anchor[1]],
                now=now,
                detail={"list": noun.value, "struck_off": len(gone), "kept_or_new": len(wanted)},
            )
            after = await _hanging(connection, actor, noun, anchor)
        exchange.stands_at(tag_of_content([one.written for one in after]))
        return [shape.model_validate(one.written) for one in after]

    async def say_where(
        self, actor: Actor, code: str, state: ResidentState, until: datetime | None, exchange: Exchange
    ) -> Resident:
        """Say where a resident is. Whoever says it last is believed, so no version is asked for."""
        async with self._services.database.transaction() as connection:
            before = await _only(connection, actor, Noun.RESIDENTS, code)
            if before.retired_at is not None:
                raise Conflict(f"resident {code} is retired; a PUT takes her back into use")
            await enrolled.set_resident_state(connection, code, state, until=until)
            now = self._services.clock.now()
            await audit.record(
                connection, actor.id, "change", Noun.RESIDENTS.value, [code], now=now, detail={"fields": ["state"]}
            )
            after = await _only(connection, actor, Noun.RESIDENTS, code)
        exchange.stands_at(_tag(after))
        return _shaped(Resident, after)

    async def _audit_view(self, connection: Connection, actor: Actor, noun: Noun, codes: Sequence[str]) -> None:
        if noun in _PERSONAL and codes:
            await audit.record(connection, actor.id, "view", noun.value, codes, now=self._services.clock.now())


async def _any(connection: Connection, actor: Actor, noun: Noun, code: str) -> enrolled.Stored | None:
    """The record, or None if there is none. Raises :class:`NotFound` for one that the actor may not see."""
    everywhere = await enrolled.read(connection, noun, within=None, codes=[code], retired=None)
    return None if not everywhere else await _only(connection, actor, noun, code)


async def _only(connection: Connection, actor: Actor, noun: Noun, code: str) -> enrolled.Stored:
    found = await enrolled.read(connection, noun, within=actor.organisation_id, codes=[code], retired=None)
    if not found:
        raise NotFound(f"there is no {code!r} among the {noun.value.replace('_', ' ')} here")
    return found[0]


async def _hanging(connection: Connection, actor: Actor, noun: Noun, anchor: tuple[Noun, str]) -> list[enrolled.Stored]:
    """Everything of ``noun`` that hangs on ``anchor``, and not on another record that bears the same code."""
    found = await enrolled.read(connection, noun, within=actor.organisation_id, codes=[anchor[1]], retired=None)
    return [one for one in found if one.written[_side(anchor[0])] == anchor[1]]


def _side(noun: Noun) -> str:
    """The field in which relations name what they hang on."""
    return noun.value.removesuffix("s")


def _refuse_strangers(records: Sequence[Mapping[str, Any]], anchor: tuple[Noun, str]) -> None:
    field = _side(anchor[0])
    faults = [
        FieldFault(field=f"body.{index}.{field}", value=record[field], limit=f"{anchor[1]}, as in the path")
        for index, record in enumerate(records)
        if record[field] != anchor[1]
    ]
    if faults:
        raise NotUnderstood("the list names another record than the path", errors=faults)


async def _refuse_dangling(
    connection: Connection,
    actor: Actor,
    noun: Noun,
    records: Sequence[Mapping[str, Any]],
    references: Mapping[str, str],
    before: Sequence[Mapping[str, Any] | None],
    *,
    listed: bool = False,
) -> None:
    found = await dangling(connection, noun, records, references, within=actor.organisation_id, before=before)
    if found:
        raise NotUnderstood(
            "this names what is not there",
            errors=[
                FieldFault(
                    field=f"body.{one.index}.{one.field}" if listed else f"body.{one.field}",
                    value=one.value,
                    limit=one.allowed,
                )
                for one in found
            ],
        )


def _tag(stored: enrolled.Stored) -> str:
    return tag_of_content(stored.written) if stored.version is None else tag_of_version(stored.version)


def _shaped(shape: type[K], stored: enrolled.Stored) -> K:
    return shape.model_validate({**stored.written, "version": stored.version, "retired_at": stored.retired_at})


def _normal(shape: type[Form], written: Mapping[str, Any]) -> dict[str, Any]:
    """What was written, as the form writes it today."""
    return shape.model_validate(written).record()


def _key(shape: type[Form], record: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(record[field] for field in shape.key)


def _changed(before: Mapping[str, Any] | None, record: Mapping[str, Any]) -> list[str]:
    return [field for field, value in record.items() if before is None or before[field] != value]
