"""The description of the interface is true: whatever it says may be sent is answered as it says, and never with 5xx."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from fixtures.clocks import HandClock
from fixtures.databases import cloned
from fixtures.town import NOON, build_town
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import build_app, run
from api.services import Services, WebConfig
from devices.model import Hazard
from domain.health import Health
from domain.incident import SubjectKind
from domain.people import Mode
from domain.permissions import Scope
from store.accounts import add_key
from store.incidents import OwnAlarm, raise_own
from store.pool import open_database

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
"""Of each operation: some 40 operations, drawn the same way every time, take some 20 s of a free processor."""

KNOWN: dict[str, dict[str, Any]] = {
    "organisations": {"code": "heping", "hazard": "sos", "rule": "heart_rate"},
    "households": {"code": "home-1"},
    "residents": {"code": "zhang-1"},
    "responders": {"code": "daughter"},
    "devices": {"device_id": "band-1"},
    "device-models": {"model": "test-band"},
    "incidents": {"incident_id": 1},
    "keys": {},
    "users": {},
}
"""What is there: most cases should get further than 404."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where the web process is, and the key to it."""

    url: str
    key: str


async def _fill(dsn: str) -> str:
    async with open_database(dsn, "test") as database, database.transaction() as connection:
        town = await build_town(connection, homes=2)
        await raise_own(
            connection,
            OwnAlarm(
                source="button-1",
                identity="1",
                hazard=Hazard.SOS,
                subject_kind=SubjectKind.RESIDENT,
                subject_id=str(town.residents["zhang-1"]),
                organisation_id=town.organisations["heping"],
                mode=Mode.LIVE,
                household_id=town.households["home-1"],
                resident_id=town.residents["zhang-1"],
                device_key=town.devices["button-1"],
                reason="sos",
                evidence={},
            ),
            now=NOON,
        )
        made = await add_key(connection, name="test", organisation="county", scopes=frozenset(Scope), now=NOON)
        assert made is not None
        return made[1]


@pytest.fixture(scope="module")
def served(postgres_cluster: str, template_database: str) -> Iterator[Served]:
    """The web process in a thread of its own, on a town with two homes."""
    for dsn in cloned(postgres_cluster, template_database):
        key = asyncio.run(_fill(dsn))
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        ready = threading.Event()
        url: list[str] = []

        def listening(told: str, url: list[str] = url, ready: threading.Event = ready) -> None:
            url.append(told)
            ready.set()

        web = run(WebConfig(dsn=dsn, port=0), HandClock(NOON), stop, Health(), listening=listening)
        thread = threading.Thread(target=loop.run_until_complete, args=(web,))
        thread.start()
        assert ready.wait(60)
        yield Served(url[0], key)
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


def _operations() -> dict[str, Any]:
    services = Services(None, None, WebConfig(dsn=""), Health())  # type: ignore[arg-type]  # only described, never run
    schema = schemathesis.openapi.from_dict(build_app(services).openapi())
    found = [schema[path][method] for path, item in schema.raw_schema["paths"].items() for method in item]
    return {
        one.label: one
        for one in found
        if one.path.startswith("/api/v1/") and one.path != "/api/v1/stream"  # which has no end
    }


OPERATIONS = _operations()


# The server runs in a thread of this process and draws random numbers of its own, which hypothesis takes for ours.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("label", list(OPERATIONS))
def test_whatever_may_be_sent_is_answered_as_described(label: str, served: Served) -> None:
    """No 5xx; status, headers, content type and body as the description says."""
    operation = OPERATIONS[label]
    known = KNOWN.get(operation.path.split("/")[3], {})

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), there=st.integers(0, 3), etag=st.booleans())
    def probe(case: Any, there: int, etag: bool) -> None:
        if there and case.path_parameters:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        headers = {"Authorization": f"Bearer {served.key}"} | ({"If-Match": "*"} if etag else {})
        response = case.call(base_url=served.url, headers=headers)
        case.validate_response(response, checks=CHECKS)

    probe()


def test_every_form_has_an_example_that_is_accepted_as_such() -> None:
    """Who reads the description learns from something that works."""
    services = Services(None, None, WebConfig(dsn=""), Health())  # type: ignore[arg-type]  # only described, never run
    description = build_app(services).openapi()
    schemas = description["components"]["schemas"]
    forms = {
        body["schema"]["$ref"].rpartition("/")[2]
        for item in description["paths"].values()
        for operation in item.values()
        if (body := operation.get("requestBody", {}).get("content", {}).get("application/json"))
        and "$ref" in body["schema"]
    }
    assert {name for name in forms if not schemas[name].get("examples")} == set()
