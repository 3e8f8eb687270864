"""Incidents through the interface: looking, answering, following live."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fixtures.web import Web

from api.app import run
from api.services import WebConfig
from devices.model import Hazard
from domain.health import Health
from domain.incident import SubjectKind
from domain.people import Mode
from domain.permissions import Scope
from store.incidents import OwnAlarm, raise_own
from store.timeline import append


async def _raised(web: Web, home: int = 1, hazard: Hazard = Hazard.SOS) -> int:
    async with web.services.database.transaction() as connection:
        raised = await raise_own(
            connection,
            OwnAlarm(
                source=f"button-{home}",
                identity=f"{hazard}-{home}",
                hazard=hazard,
                subject_kind=SubjectKind.RESIDENT,
                subject_id=str(web.town.residents[f"zhang-{home}"]),
                organisation_id=web.town.organisations["heping"],
                mode=Mode.LIVE,
                household_id=web.town.households[f"home-{home}"],
                resident_id=web.town.residents[f"zhang-{home}"],
                device_key=web.town.devices[f"button-{home}"],
                reason=hazard.value,
                evidence={},
            ),
            now=web.clock.now(),
        )
    assert raised is not None
    return raised[0]


async def test_an_incident_is_accepted_arrived_at_and_closed(web: Web) -> None:
    """The whole life by the interface, each step on the timeline and in the audit trail."""
    number = await _raised(web)
    async with web.client(await web.key()) as client:
        path = f"/api/v1/incidents/{number}"
        accepted = await client.post(f"{path}/accept", json={"responder": "daughter", "note": "坐公交去"})
        assert accepted.json() == {"refused": None, "state": "acknowledged", "going": []}
        also = await client.post(f"{path}/accept", json={"responder": "son"})
        assert also.json()["going"] == ["daughter"]
        assert (await client.post(f"{path}/arrive", json={"responder": "son"})).json()["state"] == "on_scene"
        closed = await client.post(f"{path}/close", json={"outcome": "assistance"})
        assert closed.json()["state"] == "resolved"
        late = await client.post(f"{path}/accept", json={"responder": "neighbour"})
        assert late.json()["refused"] == "already_resolved"
        whole = (await client.get(path)).json()
        trail = (await client.get("/api/v1/audit", params={"noun": "incidents"})).json()["items"]
    assert whole["outcome"] == "assistance"
    assert whole["resolved_by"].startswith("key:")
    assert {one["responder"] for one in whole["participations"]} >= {"daughter", "son"}
    assert [one["body"] for one in whole["notes"]] == ["坐公交去"]
    assert "坐公交去" not in json.dumps(whole["timeline"], ensure_ascii=False)
    assert {"accepted", "arrived", "resolved"} <= {one["kind"] for one in whole["timeline"]}
    assert [one["action"] for one in reversed(trail)] == ["accept", "accept", "arrive", "close", "accept", "view"]


async def test_the_same_said_twice_is_no_error(web: Web) -> None:
    """Actions are idempotent."""
    number = await _raised(web)
    async with web.client(await web.key()) as client:
        for refused in (None, "already_given"):
            answer = await client.post(f"/api/v1/incidents/{number}/accept", json={"responder": "daughter"})
            assert (answer.status_code, answer.json()["refused"]) == (200, refused)


async def test_an_operator_takes_it_writes_a_note_and_hands_it_over(web: Web) -> None:
    """Community to town to county, and no further."""
    number = await _raised(web)
    async with web.client(await web.key()) as client:
        path = f"/api/v1/incidents/{number}"
        await client.post(f"{path}/take")
        assert (await client.get(path)).json()["taken_until"] == "2026-03-04T04:03:00Z"
        assert (await client.post(f"{path}/note", json={"text": "called back"})).status_code == 204
        before = (await client.get(path)).json()["level"]
        levels = []
        while (answer := await client.post(f"{path}/hand-over")).status_code == 204:
            levels.append((await client.get(path)).json()["level"])
    assert (before, levels) == ("heping", ["town", "county"])
    assert answer.status_code == 409


async def test_who_goes_must_be_somebody_whom_the_key_may_see(web: Web) -> None:
    """And the system's own outcome is nobody's to say."""
    number = await _raised(web)
    async with web.client(await web.key()) as client:
        stranger = await client.post(f"/api/v1/incidents/{number}/accept", json={"responder": "nobody"})
        recovered = await client.post(f"/api/v1/incidents/{number}/close", json={"outcome": "recovered"})
    assert stranger.json()["errors"][0]["field"] == "body.responder"
    assert recovered.json()["errors"][0]["field"] == "body.outcome"


async def test_to_act_takes_the_scope_to_act(web: Web) -> None:
    """Who may read may not accept for others."""
    number = await _raised(web)
    async with web.client(await web.key(scopes={Scope.READ})) as client:
        assert (await client.get(f"/api/v1/incidents/{number}")).status_code == 200
        refused = await client.post(f"/api/v1/incidents/{number}/take")
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [3, 2, 1]),
        ({"state": "open"}, [3, 2]),
        ({"state": ["open", "acknowledged"]}, [3, 2, 1]),
        ({"hazard": "vitals"}, [3]),
        ({"severity": 2}, [2, 1]),
        ({"household": "home-2"}, [2]),
        ({"organisation": "town"}, [3, 2, 1]),
        ({"organisation": "baisha"}, []),
        ({"since": "2026-03-04T04:30:00Z"}, [3]),
        ({"until": "2026-03-04T04:30:00Z"}, [2, 1]),
        ({"mode": "drill"}, []),
        ({"limit": 1}, [3]),
    ],
)
async def test_lists_of_incidents_can_be_narrowed(web: Web, asked: dict[str, Any], found: list[int]) -> None:
    """By state, hazard, severity, home, organisation and time; the newest first."""
    numbers = [await _raised(web), await _raised(web, home=2)]
    web.clock.forward(timedelta(hours=1))
    numbers.append(await _raised(web, hazard=Hazard.VITALS))
    async with web.client(await web.key()) as client:
        await client.post(f"/api/v1/incidents/{numbers[0]}/accept", json={"responder": "daughter"})
        listed = (await client.get("/api/v1/incidents", params=asked)).json()
        assert [numbers.index(one["id"]) + 1 for one in listed["items"]] == found
        if listed["next"]:
            rest = (await client.get("/api/v1/incidents", params={"cursor": listed["next"]})).json()
            assert [numbers.index(one["id"]) + 1 for one in rest["items"]] == [2, 1]


async def test_a_plan_of_ones_own_goes_before_an_inherited_one(web: Web) -> None:
    """Every change is a new version; the village has the town's until it has its own."""
    plan = {"steps": [{"circle": "children"}, {"circle": "duty_desk", "manner": "all", "wait_s": 60}]}
    async with web.client(await web.key()) as client:
        assert (await client.get("/api/v1/organisations/heping/plans/sos")).status_code == 404
        made = await client.put("/api/v1/organisations/town/plans/sos", json=plan)
        assert made.status_code == 201, made.text
        inherited = await client.get("/api/v1/organisations/heping/plans/sos")
        assert (inherited.json()["organisation"], inherited.json()["version"]) == ("town", 1)
        assert inherited.json()["steps"][0]["channels"] == ["voice", "sms"]
        own = await client.put(
            "/api/v1/organisations/heping/plans/sos",
            json=plan | {"needed": 2},
            headers={"If-Match": inherited.headers["etag"]},
        )
        assert (own.json()["organisation"], own.json()["needed"]) == ("heping", 2)
        again = await client.put("/api/v1/organisations/town/plans/sos", json=plan, headers={"If-Match": "*"})
        assert again.json()["version"] == 2
        assert [one["organisation"] for one in (await client.get("/api/v1/organisations/heping/plans")).json()] == [
            "heping"
        ]


@contextlib.asynccontextmanager
async def _served(web: Web) -> AsyncIterator[str]:
    """The web process on a port of its own."""
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    config = WebConfig(dsn=web.services.config.dsn, port=0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(config, web.clock, stop, Health(), listening=url.set_result))
        try:
            yield await url
        finally:
            stop.set()


async def _begun(lines: AsyncIterator[str]) -> int:
    """Wait until the stream has begun, and return where: what happens from then on is shown."""
    async for line in lines:
        if line.startswith("id: "):
            return int(line.removeprefix("id: "))
    raise AssertionError("the stream ended before it began")


async def _event(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The next event."""
    async for line in lines:
        if line.startswith("data: "):
            event: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return event
    raise AssertionError("the stream ended")


async def test_the_stream_shows_what_happens_and_resumes_behind_what_was_seen(web: Web) -> None:
    """A console that was away for a moment misses nothing; another town's console sees none of it."""
    number = await _raised(web)
    key, stranger = await web.key("town"), await web.key("baisha")
    async with asyncio.timeout(60), _served(web) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        headers = {"Authorization": f"Bearer {key}"}
        async with client.stream("GET", "/api/v1/stream", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            begun_at = await _begun(lines)
            await client.post(f"/api/v1/incidents/{number}/accept", json={"responder": "daughter"}, headers=headers)
            first = await _event(lines)
            assert (first["incident_id"], first["kind"], first["state"]) == (number, "accepted", "acknowledged")
        await client.post(f"/api/v1/incidents/{number}/arrive", json={"responder": "daughter"}, headers=headers)
        resumed = {**headers, "Last-Event-ID": str(begun_at)}
        async with client.stream("GET", "/api/v1/stream", headers=resumed) as stream:
            lines = stream.aiter_lines()
            kinds = [(await _event(lines))["kind"] for _ in range(2)]
            assert kinds == ["accepted", "arrived"]
        others = {"Authorization": f"Bearer {stranger}", "Last-Event-ID": "0"}
        async with client.stream("GET", "/api/v1/stream", headers=others) as stream:
            text = ""
            async for chunk in stream.aiter_text():
                text += chunk
                if "id: " in text:
                    break
            assert "data:" not in text


async def test_an_entry_whose_transaction_commits_late_is_not_missed(web: Web) -> None:
    """Its number is lower than one that was already shown."""
    number = await _raised(web)
    now = web.clock.now()
    headers = {"Authorization": f"Bearer {await web.key()}"}
    async with (
        asyncio.timeout(60),
        _served(web) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
        client.stream("GET", "/api/v1/stream", headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await _begun(lines)
        async with web.services.database.transaction() as slow:
            await append(slow, number, now, "late", "test")
            async with web.services.database.transaction() as quick:
                await append(quick, number, now, "early", "test")
            early = await _event(lines)
        late = await _event(lines)
    assert (early["kind"], late["kind"]) == ("early", "late")
    assert early["id"] > late["id"]
