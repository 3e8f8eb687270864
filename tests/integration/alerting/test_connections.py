"""Connections to a provider that falls silent for a while."""

import asyncio
from collections import Counter

import pytest
from pydantic import SecretStr
from twilio.rest import Client

from alerting.channels.twilio_account import TwilioConfig, mapping, open_account
from alerting.errors import ChannelError

_AT_ONCE = 300
_TIMEOUT_S = 1.0


class _Provider:
    """Takes requests, and answers them while ``speaking`` is set."""

    def __init__(self) -> None:
        self.speaking = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                await self.speaking.wait()
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _outcomes(client: Client, url: str) -> Counter[str]:
    """What became of many requests at once."""

    async def ask() -> str:
        try:
            with mapping():
                answer = await client.http_client.request("POST", url, data={"To": "+441632960000"})
        except ChannelError as error:
            return str(error.reason)
        return str(answer.status_code)

    return Counter(await asyncio.gather(*(ask() for _ in range(_AT_ONCE))))


async def test_a_provider_that_was_silent_is_reached_again_however_many_gave_up_meanwhile() -> None:
    """No request that has given up keeps a place that others need."""
    provider = _Provider()
    async with await asyncio.start_server(provider.serve, "127.0.0.1", 0, backlog=_AT_ONCE) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        config = TwilioConfig(
            account_sid="AC" + "0" * 32,
            auth_token=SecretStr("a real token"),
            voice_number="+441632960000",
            public_url="https://care.example.org",
            base_url=url,
            timeout_s=_TIMEOUT_S,
        )
        async with open_account(config) as client:
            for _ in range(4):
                assert not (await _outcomes(client, url)).keys() & {"201"}
            provider.speaking.set()
            assert await _outcomes(client, url) == {"201": _AT_ONCE}


async def test_a_provider_that_is_not_there_has_taken_nothing() -> None:
    """It may be tried again at once, without asking whether it was taken."""
    async with await asyncio.start_server(_Provider().serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    config = TwilioConfig(
        account_sid="AC" + "0" * 32,
        auth_token=SecretStr("a real token"),
        voice_number="+441632960000",
        public_url="https://care.example.org",
        base_url=f"http://127.0.0.1:{port}",
    )
    async with open_account(config) as client:
        with pytest.raises(ChannelError) as caught, mapping():
            await client.http_client.request("GET", config.base_url)
    assert (caught.value.reason, caught.value.maybe_taken) == ("no_connection", False)
