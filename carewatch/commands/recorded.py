"""Histories of homes in the database, with the rules that hold for them."""

from datetime import UTC, datetime

import typer

from alerting.absence import member_of
from alerting.rulebook import load_rulebook
from alerting.rules.frame import Observation, Rule
from carewatch.commands.connecting import with_database
from store import rule_states, rules
from store.pool import Database

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def stored_home(
    context: typer.Context, household: str, start: float | None, until: float | None
) -> tuple[list[Observation], tuple[Rule, ...]]:
    """What the devices of a home said (times in epoch seconds; None: from the first, to the last), and its rules."""
    since = _EARLIEST if start is None else datetime.fromtimestamp(start, UTC)

    async def work(database: Database, now: datetime) -> tuple[list[Observation], tuple[Rule, ...]]:
        end = now if until is None else datetime.fromtimestamp(until, UTC)
        async with database.transaction() as connection:
            number = await rule_states.household(connection, household)
            if number is None:
                raise typer.BadParameter(f"there is no household {household!r}", param_hint="--household")
            devices = {one.key: one for one in await rule_states.devices(connection, households=[number])}
            said = await rule_states.history(connection, list(devices), start=since, until=end)
            rulebook = await load_rulebook(connection)
            place = (await rules.homes(connection, [number])).get(number)
        heard = [Observation(at, devices[key].device_id, devices[key].kind, reading) for key, at, reading in said]
        by_name: dict[str, Rule] = {}
        for device in devices.values():
            for rule in rulebook.rules_for(device.organisation_id, member_of(device), place):
                by_name.setdefault(rule.name, rule)
        return heard, tuple(by_name.values())

    return with_database(context, "backtest", work)
