"""Rules through the interface: what holds, what an organisation states, and what is wrong with it."""

from fixtures.town import NOON
from fixtures.web import Web

from alerting.rulebook import add_default_rules
from domain.permissions import Scope

HEART = "/api/v1/organisations/{}/rules/heart_rate"


async def test_what_a_town_states_holds_in_its_villages(web: Web) -> None:
    """Whole for whoever reads it, inherited below, another version with every change; nobody overwrites unread."""
    async with web.services.database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
    async with web.client(await web.key()) as client:
        listed = await client.get("/api/v1/organisations/heping/rules")
        assert {"inactivity", "heart_rate", "fire_confirmed"} <= {one["name"] for one in listed.json()}
        before = await client.get(HEART.format("heping"))
        assert (before.json()["rule"]["high"], before.json()["stated"], before.json()["version"]) == (130, None, 0)
        assert (await client.put(HEART.format("town"), json={"high": 150})).status_code == 428
        read = await client.get(HEART.format("town"))
        put = await client.put(HEART.format("town"), json={"high": 150}, headers={"If-Match": read.headers["etag"]})
        assert (put.json()["rule"]["high"], put.json()["stated"], put.json()["version"]) == (150, {"high": 150}, 1)
        after = await client.get(HEART.format("heping"))
        assert (after.json()["rule"]["high"], after.json()["stated"]) == (150, None)
        assert after.headers["etag"] != before.headers["etag"]
        late = await client.put(HEART.format("town"), json={"high": 140}, headers={"If-Match": read.headers["etag"]})
        assert late.status_code == 412


async def test_a_rule_that_makes_no_sense_is_refused_with_field_and_what_is_allowed(web: Web) -> None:
    """Nothing is stored of it; and a key that may only read changes nothing."""
    async with web.services.database.transaction() as connection:
        await add_default_rules(connection, now=NOON)
    async with web.client(await web.key()) as client:
        path = HEART.format("town")
        for body, field, allowed in (
            ({"high": "much"}, "body.high", "float"),
            ({"highest": 150}, "body.highest", "allowed: "),
            ({"hazard": "boredom"}, "body.hazard", "vitals"),
        ):
            answer = await client.put(path, json=body, headers={"If-Match": "*"})
            assert answer.status_code == 422, answer.text
            (fault,) = answer.json()["errors"]
            assert fault["field"] == field
            assert allowed in fault["limit"]
        assert (await client.get(path)).json()["version"] == 0
        assert (await client.get("/api/v1/organisations/town/rules/no_such_rule")).status_code == 404
    async with web.client(await web.key("town", frozenset({Scope.READ}))) as client:
        assert (await client.put(path, json={"high": 150}, headers={"If-Match": "*"})).status_code == 403
