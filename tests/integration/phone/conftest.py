"""A phone network served over HTTP, a platform that it talks to, and Twilio's client library that talks to it."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fixtures.phone import ACCOUNT, OFFICE, START, AgreeingHttpClient, Platform, serving_platform, twilio_openapi
from openapi_core import OpenAPI
from twilio.rest import Client

from simulator.clock import HandSetClock
from simulator.phone.books import OwnNumber
from simulator.phone.network import PhoneNetwork
from simulator.phone.server import PhoneServer
from simulator.phone.timing import INSTANT


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with serving_platform() as platform:
        yield platform


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock(START)


@pytest.fixture
async def network(clock: HandSetClock, platform: Platform) -> PhoneNetwork:
    """On a hand-set clock, without delays of its own; texts to OFFICE go to the platform's /sms."""
    network = PhoneNetwork(
        account=ACCOUNT,
        own_numbers=[OwnNumber(number=OFFICE, sms_url=platform.url + "/sms")],
        clock=clock,
        timing=INSTANT,
    )
    clock.settle_with(network.quiet)
    return network


@pytest.fixture
async def server(network: PhoneNetwork, platform: Platform) -> AsyncIterator[PhoneServer]:
    async with PhoneServer(network) as server:
        yield server


@pytest.fixture(scope="session")
def openapi() -> OpenAPI:
    return OpenAPI.from_dict(json.loads(twilio_openapi().read_text(encoding="utf-8")))


@pytest.fixture
async def twilio(server: PhoneServer, openapi: OpenAPI) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield Client(ACCOUNT.sid, ACCOUNT.auth_token, http_client=AgreeingHttpClient(server.url, openapi, client))
