"""A key of one town sees nothing of another, over every route that the interface has."""

import itertools
from typing import Any

import httpx
import pytest
from fixtures.town import NOON
from fixtures.web import Web

from api.app import build_app
from api.services import Services, WebConfig
from devices.model import Hazard
from domain.health import Health
from domain.incident import SubjectKind
from domain.people import Language, Mode
from domain.permissions import Role, Scope
from store.accounts import add_user
from store.incidents import OwnAlarm, raise_own
from store.pool import Database

OWN = {
    "organisations": "town",
    "households": "home-1",
    "residents": "zhang-1",
    "responders": "daughter",
    "devices": "band-1",
    "users": "li",
}
"""What lives in the one town, by the noun in the path; numbers are found out."""

SHARED = {"/api/v1/device-models", "/api/v1/device-models/{model}"}
"""Device models belong to everybody."""

SECRETS = ("home-1", "home-2", "zhang-", "daughter", "button-1", "band-1", "heping", "三组", "+8613900000001", '"li"')
"""What of the one town no other may read in any answer."""

BODIES: dict[str, Any] = {
    "Organisation": {"code": "town", "kind": "town", "name": "mine now", "parent": "baisha"},
    "Household": {"code": "home-1", "organisation": "baisha", "community": "x", "address": "x"},
    "Resident": {"code": "zhang-1", "household": "home-1", "surname": "x"},
    "Responder": {"code": "daughter", "organisation": "baisha", "name": "x"},
    "Device": {"device_id": "band-1", "cell": "baisha", "model": "test-band"},
    "Whereabouts": {"state": "moved"},
    "Difference": {"trial": True},
    "PlanBody": {"steps": [{"circle": "children"}]},
    "InstructionBody": {"zh": "x", "en": "x"},
    "Said": {"responder": "daughter"},
    "Ended": {"outcome": "false_alarm"},
    "Written": {"text": "x"},
    "NewKey": {"name": "x", "organisation": "town", "scopes": ["manage"]},
    "NewUser": {"name": "wang", "organisation": "town", "role": "operator", "password": "eleven wild geese"},
}
"""A body for each form, that would change the one town if it could."""


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    services = Services(None, None, WebConfig(dsn=""), Health())  # type: ignore[arg-type]  # only described, never run
    paths = build_app(services).openapi()["paths"]
    return [
        (method, path, operation)
        for path, item in paths.items()
        for method, operation in item.items()
        if path.startswith("/api/v1/") and path not in SHARED
    ]


def _body(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    if schema.get("type") == "array":
        return []
    return BODIES[schema["$ref"].rpartition("/")[2]]


async def _dump(database: Database) -> dict[str, Any]:
    """Everything that a route might change, but for keys and the audit trail."""
    tables = (
        "organisations households residents consents responders contacts circle_members shifts roster_overrides devices"
        " plans rules instructions incidents timeline notes participations users"
    )
    async with database.transaction() as connection:
        return {
            table: await (
                await connection.execute(f"SELECT to_jsonb(t) FROM {table} t ORDER BY id".encode())
                if table != "participations"
                else await connection.execute("SELECT to_jsonb(t) FROM participations t")
            ).fetchall()
            for table in tables.split()
        }


async def _filled(web: Web) -> dict[str, str]:
    """Fill the one town with one of everything, and return the numbers by parameter."""
    async with web.services.database.transaction() as connection:
        raised = await raise_own(
            connection,
            OwnAlarm(
                source="button-1",
                identity="1",
                hazard=Hazard.SOS,
                subject_kind=SubjectKind.RESIDENT,
                subject_id=str(web.town.residents["zhang-1"]),
                organisation_id=web.town.organisations["heping"],
                mode=Mode.LIVE,
                household_id=web.town.households["home-1"],
                resident_id=web.town.residents["zhang-1"],
                device_key=web.town.devices["button-1"],
                reason="sos",
                evidence={},
            ),
            now=NOON,
        )
        await add_user(
            connection, name="li", organisation="town", role=Role.OPERATOR, language=Language.ZH, password_hash="x"
        )
        await connection.execute(
            """INSERT INTO quarantine (reason, topic, digest, cell, detail, payload, size_bytes, first_at, last_at)
               VALUES ('bad_json', 'care/qinghe/button-1/alarm', 1, 'qinghe', 'x', 'abc', 3, %(at)s, %(at)s)""",
            {"at": NOON},
        )
    await web.key("town")
    assert raised is not None
    async with web.services.database.transaction() as connection:
        row = await (
            await connection.execute(
                "SELECT max(k.id) FROM api_keys k JOIN organisations o ON o.id = organisation_id WHERE o.code = 'town'"
            )
        ).fetchone()
    assert row is not None
    return {"incident_id": str(raised[0]), "number": str(row[0]), "hazard": "sos", "rule": "heart_rate"}


async def _ask(client: httpx.AsyncClient, method: str, path: str, operation: dict[str, Any]) -> httpx.Response:
    return await client.request(method, path, json=_body(operation), headers={"If-Match": "*"})


@pytest.mark.parametrize("organisation", ["baisha", "heping"])
async def test_no_route_shows_or_changes_anything_of_another_town(web: Web, organisation: str) -> None:
    """404 for what is elsewhere, as if it were not there; nothing of it in any list; nothing changed. Also upwards: the
    key of a village does not reach its town.
    """
    numbers = await _filled(web)
    before = await _dump(web.services.database)
    async with web.client(await web.key(organisation, frozenset(Scope))) as client:
        for method, pattern, operation in _operations():
            if pattern == "/api/v1/stream":
                continue  # it has no end; its own test reads it
            noun = pattern.split("/")[3]
            values = numbers | {"code": OWN.get(noun, ""), "device_id": OWN["devices"], "name": OWN["users"]}
            path = pattern.format_map(values)
            if organisation == "heping" and noun not in ("organisations", "keys", "users"):
                continue  # the village is where the rest lives
            answer = await _ask(client, method, path, operation)
            where = f"{method} {path}: {answer.status_code} {answer.text[:200]}"
            if "{" in pattern:
                assert answer.status_code == 404, where
                continue
            assert answer.status_code in (200, 422), where
            if organisation == "baisha" and method == "get":
                assert not [secret for secret in SECRETS if secret in answer.text], where
    assert await _dump(web.services.database) == before


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("organisations/new", {"code": "new", "kind": "grid", "name": "x", "parent": "heping"}, "parent"),
        ("organisations/new", {"code": "new", "kind": "city", "name": "x"}, "parent"),
        ("organisations/new", {"code": "new", "kind": "town", "name": "x", "parent": "baisha"}, "parent"),
        ("households/new", BODIES["Household"] | {"code": "new", "organisation": "heping"}, "organisation"),
        ("residents/new", BODIES["Resident"] | {"code": "new"}, "household"),
        ("responders/new", BODIES["Responder"] | {"code": "new", "organisation": "town"}, "organisation"),
        ("devices/new", BODIES["Device"] | {"device_id": "new", "cell": "qinghe"}, "cell"),
        ("devices/new", BODIES["Device"] | {"device_id": "new", "household": "home-1"}, "household"),
        (
            "organisations/baisha/circles",
            [{"organisation": "baisha", "circle": "duty_desk", "responder": "daughter"}],
            "0.responder",
        ),
    ],
)
async def test_nothing_is_placed_in_another_town_nor_tied_to_what_lives_there(
    web: Web, path: str, body: Any, field: str
) -> None:
    """The same words as for what does not exist at all."""
    before = await _dump(web.services.database)
    async with web.client(await web.key("baisha")) as client:
        answer = await client.put(
            f"/api/v1/{path}", json=body, headers={"If-Match": "*"} if path.endswith("circles") else {}
        )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [f"body.{field}"]
    assert await _dump(web.services.database) == before


async def test_every_route_refuses_who_comes_without_a_key(web: Web) -> None:
    """There is no way in but the key."""
    numbers = await _filled(web)
    async with web.client() as client:
        for method, pattern, operation in _operations():
            values = numbers | {"code": "home-1", "device_id": "band-1", "name": "li"}
            answer = await _ask(client, method, pattern.format_map(values), operation)
            assert answer.status_code == 401, f"{method} {pattern}: {answer.status_code}"


async def test_every_route_takes_a_scope(web: Web) -> None:
    """A key with one scope reaches what that scope opens; a route that none opens, or all open, would be a mistake."""
    numbers = await _filled(web)
    opened: dict[str, set[str]] = {}
    for scope in Scope:
        async with web.client(await web.key("baisha", {scope})) as client:
            for method, pattern, operation in _operations():
                if pattern == "/api/v1/stream":
                    continue
                values = numbers | {"code": "home-1", "device_id": "band-1", "name": "li"}
                answer = await _ask(client, method, pattern.format_map(values), operation)
                opened.setdefault(f"{method} {pattern}", set())
                if answer.status_code != 403:
                    opened[f"{method} {pattern}"].add(scope.value)
    assert {route: scopes for route, scopes in opened.items() if len(scopes) != 1} == {}
    changing = [route for route in opened if not route.startswith("get ")]
    assert set(itertools.chain(*(opened[route] for route in changing))) == {"manage", "act"}
