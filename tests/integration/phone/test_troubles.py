"""What goes wrong at the provider: refusals, faults, and call-backs that cannot be trusted to come well."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.responses import Response
from fixtures.phone import ACCOUNT, OFFICE, Platform
from fixtures.waiting import wait_until
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from simulator.clock import HandSetClock
from simulator.phone.faults import Fault, FaultKind, Mischief, RateLimit, Resource
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import LetsItRing, Person, Texting
from simulator.phone.server import PhoneServer

DAUGHTER = "+441632960001"
CALL = {"To": DAUGHTER, "From": OFFICE, "Twiml": "<Response/>"}
TEXT = {"To": DAUGHTER, "From": OFFICE, "Body": "Going?"}
WALK = ["queued", "sending", "sent", "delivered"]


async def _post(server: PhoneServer, resource: str, form: dict[str, str], **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=more.pop("timeout", 30)) as client:
        auth = more.pop("auth", (ACCOUNT.sid, ACCOUNT.auth_token))
        url = f"{server.url}/2010-04-01/Accounts/{ACCOUNT.sid}/{resource}.json"
        return await client.post(url, data=form, auth=auth)


@pytest.mark.parametrize(
    ("resource", "form", "code"),
    [
        ("Calls", CALL | {"To": ""}, 21201),
        ("Calls", CALL | {"From": ""}, 21213),
        ("Calls", CALL | {"To": "110"}, 21211),
        ("Calls", CALL | {"To": "+44 1632 960001"}, 21211),
        ("Calls", CALL | {"From": "desk"}, 21212),
        ("Calls", CALL | {"From": "+441632960009"}, 21210),
        ("Calls", CALL | {"Twiml": ""}, 21205),
        ("Calls", CALL | {"Url": "/ask"}, 21205),
        ("Calls", CALL | {"Twiml": "x" * 4001}, 21626),
        ("Calls", CALL | {"StatusCallback": "progress"}, 21609),
        ("Messages", TEXT | {"To": ""}, 21604),
        ("Messages", TEXT | {"From": ""}, 21603),
        ("Messages", TEXT | {"Body": ""}, 21602),
        ("Messages", TEXT | {"To": "120"}, 21211),
        ("Messages", TEXT | {"From": "desk"}, 21212),
        ("Messages", TEXT | {"From": "+441632960009"}, 21606),
        ("Messages", TEXT | {"To": OFFICE}, 21266),
        ("Messages", TEXT | {"Body": "x" * 1601}, 21617),
        ("Messages", TEXT | {"StatusCallback": "texted"}, 21609),
    ],
)
async def test_what_twilio_would_not_take_is_refused_with_its_code(
    server: PhoneServer, resource: str, form: dict[str, str], code: int
) -> None:
    response = await _post(server, resource, form)
    assert response.status_code == 400
    body = response.json()
    assert (body["code"], body["status"]) == (code, 400)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert body["message"]


@pytest.mark.parametrize("auth", [None, (ACCOUNT.sid, "wrong"), ("AC" + "f" * 32, ACCOUNT.auth_token)])
async def test_without_the_accounts_credentials_nothing_is_answered(
    server: PhoneServer, auth: tuple[str, str] | None
) -> None:
    response = await _post(server, "Calls", CALL, auth=auth)
    assert (response.status_code, response.json()["code"]) == (401, 20003)
    assert server.network.books.calls == {}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault(kind=FaultKind.RATE_LIMITED, times=1), 429, 20429),
        (Fault(kind=FaultKind.SERVER_ERROR, times=1), 500, 20500),
        (Fault(kind=FaultKind.SERVER_ERROR, times=1, status=503), 503, 20500),
    ],
)
async def test_a_refusing_provider_does_nothing_and_recovers(
    twilio: Client, network: PhoneNetwork, clock: HandSetClock, fault: Fault, status: int, code: int
) -> None:
    network.register(Person(number=DAUGHTER, texting=Texting()))
    network.faults.append(fault)
    with pytest.raises(TwilioRestException) as refused:
        await twilio.messages.create_async(to=DAUGHTER, from_=OFFICE, body="Going?")
    assert (refused.value.status, refused.value.code) == (status, code)
    assert network.messages_to(DAUGHTER) == []
    await twilio.messages.create_async(to=DAUGHTER, from_=OFFICE, body="Going?")
    assert len(network.messages_to(DAUGHTER)) == 1


async def test_a_silent_provider_takes_the_request_and_neither_does_nor_answers_anything(
    server: PhoneServer, network: PhoneNetwork
) -> None:
    network.register(Person(number=DAUGHTER, temper=LetsItRing(), texting=Texting()))
    network.faults.append(Fault(kind=FaultKind.SILENT, on=Resource.CALLS))
    with pytest.raises(httpx.ReadTimeout):
        await _post(server, "Calls", CALL, timeout=0.3)
    assert network.calls_to(DAUGHTER) == []
    assert (await _post(server, "Messages", TEXT)).status_code == 201


async def test_silent_requests_do_not_keep_the_stand_in_from_closing(network: PhoneNetwork) -> None:
    fault = Fault(kind=FaultKind.SILENT, times=1)
    network.faults.append(fault)
    async with PhoneServer(network) as server:
        waiting = asyncio.create_task(_post(server, "Calls", CALL))
        await asyncio.to_thread(wait_until, lambda: fault.times == 0)
    with pytest.raises(httpx.HTTPError):
        await waiting


async def test_a_lost_answer_leaves_a_call_that_the_caller_can_find_again(
    twilio: Client, server: PhoneServer, network: PhoneNetwork
) -> None:
    network.register(Person(number=DAUGHTER, temper=LetsItRing()))
    network.faults.append(Fault(kind=FaultKind.ANSWER_LOST, times=1))
    with pytest.raises(httpx.RemoteProtocolError):
        await _post(server, "Calls", CALL)
    [call] = network.calls_to(DAUGHTER)
    [found] = await twilio.calls.list_async(to=DAUGHTER, from_=OFFICE)
    assert found.sid == call.sid


async def test_a_slow_provider_answers_late(server: PhoneServer, network: PhoneNetwork) -> None:
    network.register(Person(number=DAUGHTER, temper=LetsItRing()))
    network.faults.append(Fault(kind=FaultKind.SLOW, delay_s=0.2, times=1))
    begun_s = time.monotonic()
    assert (await _post(server, "Calls", CALL)).status_code == 201
    assert time.monotonic() - begun_s >= 0.2


async def test_an_account_that_asks_too_fast_is_told_so(server: PhoneServer, network: PhoneNetwork) -> None:
    network.register(Person(number=DAUGHTER, temper=LetsItRing(), texting=Texting()))
    network.rate_limit = RateLimit(per_s=1 / 3600, burst=2)
    statuses = [(await _post(server, "Messages", TEXT)).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]


async def _told(twilio: Client, network: PhoneNetwork, platform: Platform) -> None:
    network.register(Person(number=DAUGHTER, texting=Texting()))
    await twilio.messages.create_async(
        to=DAUGHTER, from_=OFFICE, body="Going?", status_callback=platform.url + "/texted"
    )


def _statuses(platform: Platform) -> list[str]:
    return [one.form["MessageStatus"] for one in platform.at("/texted")]


async def test_call_backs_are_repeated(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.mischief = Mischief(repeats=1)
    await _told(twilio, network, platform)
    await clock.advance(timedelta(seconds=1))
    assert _statuses(platform) == [status for status in WALK for _ in range(2)]


async def test_call_backs_come_in_the_wrong_order(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.mischief = Mischief(reverse=True)
    await _told(twilio, network, platform)
    await clock.advance(timedelta(seconds=1))
    assert _statuses(platform) == WALK[::-1]


async def test_call_backs_come_late(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.mischief = Mischief(late_s=600)
    await _told(twilio, network, platform)
    await clock.advance(timedelta(seconds=599))
    assert _statuses(platform) == []
    await clock.advance(timedelta(seconds=1))
    assert sorted(_statuses(platform)) == sorted(WALK)


async def test_call_backs_are_forged_and_a_platform_that_checks_sees_it(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.mischief = Mischief(forged=True)
    await _told(twilio, network, platform)
    await clock.advance(timedelta(seconds=1))
    forged = [one for one in platform.at("/texted") if not one.genuine]
    assert [one.form["MessageStatus"] for one in forged] == ["delivered"] * len(WALK)
    assert [one.status for one in network.posted if one.forged] == [403] * len(WALK)
    assert await network.forge(platform.url + "/key", {"Digits": "1"}) == 403


async def test_call_backs_are_lost(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.mischief = Mischief(lost=True)
    await _told(twilio, network, platform)
    await clock.advance(timedelta(seconds=1))
    assert _statuses(platform) == []


async def test_a_call_back_that_the_platform_fails_to_take_is_tried_once_more_and_then_given_up(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    platform.answers["/texted"] = lambda _webhook: Response(status_code=500)
    await _told(twilio, network, platform)
    await clock.advance(timedelta(seconds=1))
    assert _statuses(platform) == [status for status in WALK for _ in range(2)]
    assert [one.status for one in network.posted] == [500] * 8
