"""The web process: it serves, refuses what is too large, answers errors as problems, and ends when told."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request
from fixtures.clocks import HandClock
from fixtures.town import NOON

from api.app import build_app, run
from api.limits import MAX_BODY_BYTES
from api.services import Services, WebConfig
from domain.health import Health
from store.pool import Database


def _client(services: Services) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(build_app(services)), base_url="http://test")


@pytest.fixture
def services(database: Database, dsn: str) -> Services:
    """What routes are given, on this test's own database."""
    return Services(database, HandClock(NOON), WebConfig(dsn=dsn), Health())


async def test_the_process_serves_on_a_free_port_and_ends_when_told(dsn: str) -> None:
    """Health turns well once the database has answered; stopping is orderly."""
    stop = asyncio.Event()
    health = Health()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(run(WebConfig(dsn=dsn, port=0), HandClock(NOON), stop, health, listening=url.set_result))
        async with httpx.AsyncClient(base_url=await url) as client:
            while not (answer := await client.get("/health")).json()["components"]:
                assert answer.status_code == 200
            metrics = await client.get("/metrics")
        stop.set()
    assert answer.status_code == 200
    assert answer.json()["components"]["database"]["ok"] is True
    assert "process_cpu_seconds_total" in metrics.text


async def test_a_process_that_is_unwell_says_so_with_the_reason(services: Services) -> None:
    """A load balancer sees 503, a person sees what to do."""
    services.health.unwell("database", "start PostgreSQL", NOON)
    async with _client(services) as client:
        answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["components"]["database"]["reason"] == "start PostgreSQL"


async def test_an_unknown_path_is_a_problem(services: Services) -> None:
    """Errors of HTTP itself are written as RFC 9457 says, too."""
    async with _client(services) as client:
        answer = await client.get("/nowhere")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "Not Found",
        "errors": [],
    }


async def test_every_answer_carries_the_security_headers(services: Services) -> None:
    """Also those that are errors."""
    async with _client(services) as client:
        answers = [await client.get("/health"), await client.get("/nowhere")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_body_beyond_the_limit_is_refused_whatever_it_announces(services: Services) -> None:
    """Announced in Content-Length, or found out while reading."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (MAX_BODY_BYTES // 2)

    app = build_app(services)

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        announced = await client.post("/echo", content=b"x" * (MAX_BODY_BYTES + 1))
        streamed = await client.post("/echo", content=pieces())
        small = await client.post("/echo", content=b"x" * MAX_BODY_BYTES)
    assert (announced.status_code, streamed.status_code, small.status_code) == (413, 413, 200)
    assert streamed.json()["type"] == "/problems/too-large"
