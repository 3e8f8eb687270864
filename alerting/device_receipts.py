"""Receipts to devices over MQTT: she pressed the button, and it says that somebody comes."""

import asyncio
import secrets
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from prometheus_client import Counter

from devices.native import Receipt, Stage, encode_receipt
from devices.topics import Channel, Topic
from domain.clock import Clock
from domain.health import Health
from store import receipts
from store.errors import StoreError
from store.pool import Database
from store.receipts import Unsent

log = structlog.get_logger(__name__)

PUBLISHED = Counter("carewatch_receipts_published_total", "Receipts that the broker has taken for devices", ["stage"])

_BATCH: Final = 100
_TIMEOUT_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


async def publish_forever(broker_url: str, database: Database, clock: Clock, health: Health, *, poll_s: float) -> None:
    """Publish what devices are to be told, until cancelled. A broker or database that is away is waited for: nothing is
    marked sent that the broker has not acknowledged.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            async with _client(broker_url) as client:
                pause_s = _FIRST_PAUSE_S
                while True:
                    while await _publish(client, database, clock) == _BATCH:
                        pass
                    health.well("receipts", clock.now())
                    await _rest(client, poll_s)
        except (aiomqtt.MqttError, OSError) as error:
            health.unwell("receipts", f"{error}; is the broker running, and is its URL right?", clock.now())
            log.warning("devices cannot be told: no broker", error=str(error))
        except StoreError as error:
            health.unwell("receipts", str(error), clock.now())
            log.warning("devices cannot be told: no database", error=str(error))
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


async def _rest(client: aiomqtt.Client, for_s: float) -> None:
    """Return after so long. Raises MqttError as soon as the connection ends: nobody else would notice before there is
    something to tell. It listens to nothing, so no message comes.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(for_s):
            await anext(client.messages)


async def _publish(client: aiomqtt.Client, database: Database, clock: Clock) -> int:
    """Publish a batch and return its size. The rows stay locked meanwhile, so that no other sender tells it again;
    nobody else touches them, and a device bears being told twice.
    """
    async with database.transaction() as connection:
        batch = await receipts.unsent(connection, most=_BATCH)
        for one in batch:
            await client.publish(_topic(one), _payload(one), qos=1, timeout=_TIMEOUT_S)
            PUBLISHED.labels(one.stage).inc()
        if batch:
            await receipts.sent(connection, [one.id for one in batch], now=clock.now())
    return len(batch)


def _topic(one: Unsent) -> str:
    return str(Topic(one.cell, one.device_id, Channel.RECEIPT))


def _payload(one: Unsent) -> bytes:
    receipt = Receipt(id=one.event_id, stage=Stage(one.stage), by=one.by or None, at=one.at.timestamp())
    return encode_receipt(receipt)


def _client(url: str) -> aiomqtt.Client:
    parts = urlsplit(url)
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or _PORTS.get(parts.scheme, _PORTS["mqtt"]),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        identifier=f"sender-receipts-{secrets.token_hex(4)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=_TIMEOUT_S,
        tls_params=aiomqtt.TLSParameters() if parts.scheme == "mqtts" else None,
    )
