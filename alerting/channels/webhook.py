"""Signed JSON to another system: a domestic gateway for texts and apps, a centre of the county, a chat robot.

A request is ``POST`` with the headers ``X-CareWatch-Timestamp`` (seconds since 1970) and ``X-CareWatch-Signature``:
``sha256=`` and the hexadecimal HMAC-SHA256, keyed with the shared secret, of the timestamp, a full stop and the body.
``id`` in the body is the same whenever the same message is sent again: whoever has taken it once may answer 200 and do
nothing. Any answer of 2xx is the receipt.
"""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, Field, SecretStr

from alerting.channels import Outgoing, Sent
from alerting.channels.connections import open_connections
from alerting.channels.twilio_account import is_loopback
from alerting.errors import ChannelError, Refusal
from domain.people import ChannelName

TIMESTAMP_HEADER: Final = "X-CareWatch-Timestamp"
SIGNATURE_HEADER: Final = "X-CareWatch-Signature"


class WebhookConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of all webhooks."""

    secret: SecretStr = Field(min_length=16, description="Shared with the receivers; at least 16 characters")
    overseas: bool = Field(default=False, description="Receivers stand abroad: no name, address or health")
    timeout_s: float = Field(default=10.0, gt=0, le=60)


class Webhook:
    """The webhook channel. ``synthetic`` confines it to this machine."""

    name = ChannelName.WEBHOOK

    def __init__(self, connections: aiohttp.ClientSession, config: WebhookConfig, *, synthetic: bool) -> None:
        self._connections = connections
        self._secret = config.secret.get_secret_value().encode()
        self._synthetic = synthetic

    async def send(self, outgoing: Outgoing) -> Sent:
        """Post it. No answer may mean that it was taken; sending it again under the same ``id`` is harmless."""
        self._refuse(outgoing.address)
        body = json.dumps({"id": outgoing.token, "text": outgoing.text, **outgoing.fields}, ensure_ascii=False).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: sign(self._secret, timestamp, body),
        }
        try:
            posting = self._connections.post(outgoing.address, data=body, headers=headers, allow_redirects=False)
            async with posting as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ChannelError(Refusal.NO_RESPONSE, repr(error), retryable=True) from error
        code = str(status)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Sent(ref=None, status=code, arrived=True)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ChannelError(Refusal.TOO_FAST, outgoing.address, retryable=True, provider_code=code)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ChannelError(Refusal.OUT_OF_ORDER, outgoing.address, retryable=True, provider_code=code)
        raise ChannelError(Refusal.BAD_REQUEST, outgoing.address, provider_code=code)

    async def look_up(self, outgoing: Outgoing, known: frozenset[str]) -> Sent | None:
        """None: a receiver cannot be asked."""
        return None

    async def poll(self, ref: str) -> Sent | None:
        """None: a receiver cannot be asked."""
        return None

    def _refuse(self, url: str) -> None:
        if is_loopback(url):
            return
        if self._synthetic:
            raise ChannelError(Refusal.NOT_PERMITTED, "a synthetic home tells nobody outside this machine")
        if urlsplit(url).scheme != "https":
            raise ChannelError(Refusal.NOT_PERMITTED, "only https leaves this machine")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of the signature header."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@asynccontextmanager
async def open_webhook(config: WebhookConfig, *, synthetic: bool) -> AsyncIterator[Webhook]:
    """The channel on kept-alive connections, which follow no redirects."""
    async with open_connections(config.timeout_s, outside=not synthetic) as connections:
        yield Webhook(connections, config, synthetic=synthetic)
