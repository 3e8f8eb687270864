"""Connections to a provider that is slow, or not there."""

import asyncio
from collections import Counter

import pytest
from pydantic import SecretStr

from alerting.channels.twilio_account import TwilioConfig, mapping, open_account
from alerting.errors import ChannelError

_AT_ONCE = 300


def _config(port: int) -> TwilioConfig:
    return TwilioConfig(
        account_sid="AC" + "0" * 32,
        auth_token=SecretStr("a real token"),
        voice_number="+441632960000",
        public_url="https://care.example.org",
        base_url=f"http://127.0.0.1:{port}",
    )


class _Provider:
    """Answers nobody before everybody has asked."""

    def __init__(self) -> None:
        self._asked = asyncio.Barrier(_AT_ONCE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        await self._asked.wait()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()


async def test_no_request_waits_for_others_to_be_answered() -> None:
    """Who waits for a place and gives up may lose it for everybody, for good: so nobody waits for one."""
    async with await asyncio.start_server(_Provider().serve, "127.0.0.1", 0, backlog=_AT_ONCE) as server:
        config = _config(server.sockets[0].getsockname()[1])
        async with open_account(config) as client:

            async def ask() -> int:
                with mapping():
                    answer = await client.http_client.request("POST", config.base_url, data={"To": "+441632960000"})
                return int(answer.status_code)

            assert Counter(await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))) == {201: _AT_ONCE}


async def test_a_provider_that_is_not_there_has_taken_nothing() -> None:
    """It may be tried again at once, without asking whether it was taken."""
    async with await asyncio.start_server(_Provider().serve, "127.0.0.1", 0) as server:
        config = _config(server.sockets[0].getsockname()[1])
    async with open_account(config) as client:
        with pytest.raises(ChannelError) as caught, mapping():
            await client.http_client.request("GET", config.base_url)
    assert (caught.value.reason, caught.value.maybe_taken) == ("no_connection", False)
