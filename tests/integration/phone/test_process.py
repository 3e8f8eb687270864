"""The stand-in as a process, known by its header and scripted from another one."""

import asyncio
import socket

import httpx
import pytest
from fixtures.phone import ACCOUNT, OFFICE, Platform
from twilio.rest import Client

from simulator.clock import AcceleratedClock
from simulator.errors import Refused
from simulator.phone.books import LineKind, OwnNumber
from simulator.phone.faults import Fault, FaultKind, Mischief
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import Answers, Person, Texting
from simulator.phone.remote import RemotePhone
from simulator.phone.server import STAND_IN_HEADER, PhoneConfig, PhoneServer, run

DAUGHTER = "+441632960001"


async def test_every_answer_says_that_it_comes_from_a_stand_in(server: PhoneServer, network: PhoneNetwork) -> None:
    network.faults.append(Fault(kind=FaultKind.SERVER_ERROR))
    async with httpx.AsyncClient(base_url=server.url) as client:
        paths = ["/", "/health", "/nowhere", f"/2010-04-01/Accounts/{ACCOUNT.sid}/Calls.json"]
        answers = [await client.get(path) for path in paths]
    assert [answer.headers[STAND_IN_HEADER] for answer in answers] == ["phone"] * 4
    assert [answer.status_code for answer in answers] == [200, 200, 404, 500]
    assert answers[0].json() == {"stand_in": "phone", "account_sid": ACCOUNT.sid}


async def test_it_serves_until_it_is_told_to_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop = asyncio.Event()
    running = asyncio.create_task(run(PhoneConfig(account=ACCOUNT, port=port), AcceleratedClock(), stop))
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=5)) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/health")
    assert answer.json() == {"status": "ok"}
    stop.set()
    await running
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = PhoneServer(PhoneNetwork(account=ACCOUNT), port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await server.__aenter__()


async def test_another_process_plays_a_call(server: PhoneServer, twilio: Client, platform: Platform) -> None:
    platform.twiml("/key", "<Hangup/>")
    url = platform.twiml("/ask", '<Gather numDigits="1" action="/key"><Say>Press 1.</Say></Gather>')
    async with RemotePhone(server.url) as phone:
        await phone.register(Person(number=DAUGHTER, name="Ann"))
        await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
        [ringing] = await phone.calls(to=DAUGHTER)
        assert (await phone.answer(ringing.sid)).status == "in-progress"
        await phone.press(ringing.sid, "1")
        await server.network.books.calls[ringing.sid].ended()
        with pytest.raises(Refused, match="cannot hang up"):
            await phone.hang_up(ringing.sid)
        lines = await phone.transcript(after=1)
        assert [line.text for line in lines if line.kind is not LineKind.STATUS] == ["Press 1.", "1"]
        assert await phone.surprises() == []


async def test_another_process_rejects_a_call_and_writes_texts(
    server: PhoneServer, twilio: Client, platform: Platform
) -> None:
    async with RemotePhone(server.url) as phone:
        await phone.register(Person(number=DAUGHTER))
        await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, twiml="<Response/>")
        [call] = await phone.calls()
        assert (await phone.decline(call.sid)).status == "busy"
        await phone.own(OwnNumber(number="+441632960009", sms_url=platform.url + "/other"))
        written = await phone.text(from_=DAUGHTER, to="+441632960009", body="1 12")
        assert [one.sid for one in await phone.messages(to="+441632960009")] == [written.sid]
    assert platform.at("/other")[0].form["Body"] == "1 12"


async def test_another_process_sets_people_faults_and_mischief(server: PhoneServer, network: PhoneNetwork) -> None:
    daughter = Person(number=DAUGHTER, temper=Answers(keys=("1",)), texting=Texting(replies=("1 12",)))
    async with RemotePhone(server.url) as phone:
        await phone.register(daughter)
        assert await phone.people() == [daughter]
        await phone.set_faults([Fault(kind=FaultKind.SILENT, times=3)])
        await phone.set_mischief(Mischief(repeats=2))
        await phone.forget(DAUGHTER)
        assert await phone.people() == []
        with pytest.raises(Refused, match="not found"):
            await phone.answer("CA" + "0" * 32)
    assert network.faults == [Fault(kind=FaultKind.SILENT, times=3)]
    assert network.mischief == Mischief(repeats=2)


async def test_nonsense_is_refused_with_what_is_wrong_with_it(server: PhoneServer) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        path = f"/stand-in/people/{DAUGHTER}"
        wrong = await client.put(path, json={"number": DAUGHTER, "temper": {"kind": "angry"}})
        other = await client.put(path, json={"number": "+441632960002"})
    assert (wrong.status_code, other.status_code) == (400, 400)
    assert "angry" in wrong.json()["message"]
    assert "+441632960002" in other.json()["message"]
