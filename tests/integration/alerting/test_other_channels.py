"""Webhooks, the operators' console, and receipts to devices."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import pytest
from fastapi import FastAPI, Request, Response
from fixtures.switchboard import Switchboard, serving

from alerting.channels.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from alerting.delivery import seen
from alerting.sender import SenderConfig
from carewatch.embedded.nats import NatsServer
from devices.native import Receipt, Stage, decode_receipt
from domain.notification import AnswerKind

SECRET = "a secret of sixteen"


@dataclass(slots=True)
class Receiver:
    """Another system: answers with the ``statuses`` one after the other, then 200, and keeps what is signed rightly."""

    url: str
    statuses: list[int] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        body = await request.body()
        timestamp = request.headers[TIMESTAMP_HEADER]
        if request.headers[SIGNATURE_HEADER] != sign(SECRET.encode(), timestamp, body):
            return Response(status_code=401)
        self.taken.append(json.loads(body))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def receiver(switchboard: Switchboard) -> AsyncIterator[Receiver]:
    """The desk's own system, on this machine."""
    bound = socket.create_server(("127.0.0.1", 0))
    receiver = Receiver(url=f"http://127.0.0.1:{bound.getsockname()[1]}/hook")
    app = FastAPI(openapi_url=None)
    app.add_api_route("/hook", receiver.handle, methods=["POST"])
    await _contact(switchboard, "webhook", receiver.url)
    async with serving(app, bound):
        yield receiver


async def _contact(switchboard: Switchboard, channel: str, address: str) -> None:
    await switchboard.night.query(
        "INSERT INTO contacts (responder_id, channel, address) SELECT id, %s, %s FROM responders WHERE code = 'desk'",
        *(channel, address),
    )


def _with_webhook(switchboard: Switchboard) -> dict[str, Any]:
    stated = {"dsn": switchboard.config.dsn, "webhook": {"secret": SECRET, "timeout_s": 3}}
    return {"webhook": SenderConfig.model_validate(stated).webhook}


async def test_a_webhook_is_signed_and_its_answer_is_the_receipt(switchboard: Switchboard, receiver: Receiver) -> None:
    """Before acceptance it holds what a call would say, and the link."""
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "desk", channel="webhook", language="zh-CN")
    await switchboard.start(**_with_webhook(switchboard))
    await switchboard.becomes(asked, "delivered")
    (taken,) = receiver.taken
    assert taken["text"].startswith("【守望】1号事件：和平村张老人呼救，12:00。")
    assert taken["link"] == f"{switchboard.config.public_url}/r/{taken['id']}"
    assert (taken["incident"], taken["hazard"], taken["severity"], taken["purpose"]) == (1, "sos", 2, "ask")
    assert "三组" not in json.dumps(taken, ensure_ascii=False)


async def test_a_webhook_is_tried_again_under_the_same_id(switchboard: Switchboard, receiver: Receiver) -> None:
    """So that a receiver that had it may pass it over."""
    receiver.statuses = [503, 429]
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "desk", channel="webhook")
    await switchboard.start(**_with_webhook(switchboard))
    for tries, back_off_s in ((1, 1), (2, 2)):
        await switchboard.tried(asked, tries)
        await switchboard.forward(back_off_s)
    await switchboard.becomes(asked, "delivered")
    assert len({taken["id"] for taken in receiver.taken}) == 1
    assert len(receiver.taken) == 3


async def test_a_webhook_that_is_refused_fails_at_once(switchboard: Switchboard, receiver: Receiver) -> None:
    """Its status is kept."""
    receiver.statuses = [410]
    asked = await switchboard.ask(await switchboard.night.raises(), "desk", channel="webhook")
    await switchboard.start(**_with_webhook(switchboard))
    await switchboard.becomes(asked, "failed", "refused_by_provider")
    errors = await switchboard.night.query("SELECT provider_error FROM notifications WHERE id = %s", asked)
    assert errors == [("bad_request 410",)]


async def test_a_synthetic_home_tells_no_webhook_outside_this_machine(switchboard: Switchboard) -> None:
    """However it is spelt."""
    incident = await switchboard.night.raises()
    await _contact(switchboard, "webhook", "https://127.0.0.1.example.org/hook")
    asked = await switchboard.ask(incident, "desk", channel="webhook")
    await switchboard.start(**_with_webhook(switchboard))
    await switchboard.becomes(asked, "failed", "refused_by_provider")


async def test_the_console_is_a_channel_whose_receipt_is_being_seen(switchboard: Switchboard) -> None:
    """On show at once; seen, or given up on after a minute."""
    await _contact(switchboard, "console", "desk")
    first, second = await switchboard.night.raises(home=1), await switchboard.night.raises(home=2)
    looked_at, missed = [await switchboard.ask(one, "desk", channel="console") for one in (first, second)]
    await switchboard.start()
    for asked in (looked_at, missed):
        await switchboard.becomes(asked, "sent")
    async with switchboard.night.database.transaction() as connection:
        assert await seen(connection, first, now=switchboard.clock.now())
        assert not await seen(connection, first, now=switchboard.clock.now())
    await switchboard.becomes(looked_at, "delivered")
    await switchboard.forward(61)
    await switchboard.becomes(missed, "failed", "no_receipt")


async def test_the_device_hears_that_somebody_comes_also_when_the_broker_was_away(
    switchboard: Switchboard, tmp_path: Any
) -> None:
    """Nothing is marked as sent before the broker has it."""
    server = NatsServer(tmp_path)
    await server.start()
    url = server.url
    await server.stop()
    incident = await switchboard.night.raises()
    await switchboard.night.says("daughter", AnswerKind.ACCEPT, incident)
    await switchboard.start(broker_url=url)
    await switchboard.until(lambda: _receipts_are(False, switchboard), "the receipts being unwell")
    assert await switchboard.night.query("SELECT count(*) FROM receipts WHERE sent_at IS NULL") == [(1,)]
    await server.start()
    try:
        assert await _heard(switchboard, server.url) == Receipt(
            id="1", stage=Stage.ACCEPTED, by="daughter", at=switchboard.clock.now().timestamp()
        )
        await switchboard.until(lambda: _all_sent(switchboard), "all receipts sent")
    finally:
        await switchboard.close()
        await server.stop()


async def test_a_broker_that_goes_while_nothing_is_to_be_told_is_shown_and_found_again(
    switchboard: Switchboard, tmp_path: Any
) -> None:
    """Else health would call it well until the next receipt, which would come late."""
    server = NatsServer(tmp_path)
    await server.start()
    await switchboard.start(broker_url=server.url)
    try:
        await switchboard.until(lambda: _receipts_are(True, switchboard), "the receipts being well")
        await server.stop()
        await switchboard.until(lambda: _receipts_are(False, switchboard), "the receipts being unwell")
        await server.start()
        await switchboard.until(lambda: _receipts_are(True, switchboard), "the receipts being well again")
    finally:
        await switchboard.close()
        await server.stop()


async def _heard(switchboard: Switchboard, url: str) -> Receipt:
    """What the button hears; it may come before the button listens, and is then told once more."""
    host, port = url.removeprefix("mqtt://").split(":")
    async with aiomqtt.Client(host, int(port), identifier="button-1") as button, asyncio.timeout(60):
        await button.subscribe("care/qinghe/button-1/receipt", qos=1)
        await switchboard.night.query("UPDATE receipts SET sent_at = NULL")
        async for message in button.messages:
            assert isinstance(message.payload, bytes)
            return decode_receipt(message.payload)
    raise AssertionError("the connection ended")


async def _receipts_are(well: bool, switchboard: Switchboard) -> bool:
    condition = switchboard.health.conditions.get("receipts")
    return condition is not None and condition.ok is well


async def _all_sent(switchboard: Switchboard) -> bool:
    return await switchboard.night.query("SELECT count(*) FROM receipts WHERE sent_at IS NULL") == [(0,)]
