"""An embedded broker serves MQTT, and keeps what it acknowledged."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt
import httpx
import pytest

from carewatch.embedded import ports
from carewatch.embedded.nats import NatsServer
from carewatch.errors import FolderInUse, ServerDidNotStart


def client(url: str, name: str, *, clean: bool = True, user: str | None = None) -> aiomqtt.Client:
    where = urlsplit(url)
    assert where.hostname is not None
    assert where.port is not None
    return aiomqtt.Client(
        where.hostname,
        where.port,
        identifier=name,
        clean_session=clean,
        username=user,
        password=user,
        protocol=aiomqtt.ProtocolVersion.V311,
    )


async def collect(subscriber: aiomqtt.Client, count: int) -> set[bytes]:
    payloads: set[bytes] = set()
    async with asyncio.timeout(60):
        async for message in subscriber.messages:
            assert isinstance(message.payload, bytes)
            payloads.add(message.payload)
            if len(payloads) == count:
                break
    return payloads


def kill(server: NatsServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)


async def test_the_session_broker_passes_messages_on(broker_url: str) -> None:
    """The shared broker delivers what one client publishes to another."""
    async with client(broker_url, "hears") as hears, client(broker_url, "says") as says:
        await hears.subscribe("care/embedded/session", qos=1)
        await says.publish("care/embedded/session", b"hello", qos=1)
        assert await collect(hears, 1) == {b"hello"}


async def test_an_acknowledged_message_outlives_the_death_of_the_broker(tmp_path: Path) -> None:
    """What was acknowledged for a persistent session before kill -9 is delivered after the restart, at the same URL."""
    sent = {b"%d" % number for number in range(100)}
    async with NatsServer(tmp_path / "broker") as server:
        url = server.url
        async with client(url, "keeper", clean=False) as keeper:
            await keeper.subscribe("care/+/+/alarm", qos=1)
        async with client(url, "sender") as sender:
            for payload in sorted(sent):
                await sender.publish("care/town/device/alarm", payload, qos=1)
        kill(server)
        assert await server.wait() == -signal.SIGKILL
        await server.start()
        assert server.url == url
        async with client(url, "keeper", clean=False) as keeper:
            assert await collect(keeper, len(sent)) == sent


async def test_a_new_launcher_finds_the_port_of_the_former(tmp_path: Path) -> None:
    """Devices know the port; it stays the same from one launcher to the next."""
    async with NatsServer(tmp_path / "broker") as first:
        url = first.url
    async with NatsServer(tmp_path / "broker") as second:
        assert second.url == url


async def test_a_port_that_somebody_takes_at_the_last_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two brokers that start at once may choose the same port; the one that comes too late chooses again."""
    reserve = ports._reserve
    with socket.create_server(("127.0.0.1", 0)) as rival:
        choices = [rival.getsockname()[1]]
        monkeypatch.setattr(ports, "_reserve", lambda free, until: choices.pop() if choices else reserve(free, until))
        async with NatsServer(tmp_path / "broker") as server:
            assert not choices
            assert server.port != rival.getsockname()[1]


async def test_a_fixed_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    """The port that devices were told is never silently replaced by another."""
    with socket.create_server(("127.0.0.1", 0)) as rival:
        server = NatsServer(tmp_path / "broker", mqtt_port=rival.getsockname()[1])
        with pytest.raises(ServerDidNotStart, match="address already in use"):
            await server.start()


async def test_users_are_asked_for_and_read_anew(tmp_path: Path) -> None:
    """With a users file strangers are refused, and a user added to it is let in without a restart."""
    users = tmp_path / "users.conf"
    users.write_text('users: [{user: "platform", password: "platform"}]\n')
    server = NatsServer(tmp_path / "broker", users=users, credentials=("platform", "platform"))
    async with server:
        pid = server.pid
        with pytest.raises(aiomqtt.MqttError):
            async with client(server.url, "button", user="button"):
                pass
        users.write_text('users: [{user: "platform", password: "platform"}, {user: "button", password: "button"}]\n')
        server.reload()
        await until_let_in(server.url, "button")
        assert server.pid == pid


async def until_let_in(url: str, user: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with client(url, user, user=user):
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)


async def test_it_tells_about_its_health(tmp_path: Path) -> None:
    """The monitoring address answers."""
    async with NatsServer(tmp_path / "broker") as server, httpx.AsyncClient() as web:
        assert (await web.get(f"{server.monitor_url}/healthz")).json() == {"status": "ok"}


async def test_a_second_launcher_is_refused(tmp_path: Path) -> None:
    """Two launchers never share a folder."""
    async with NatsServer(tmp_path / "broker"):
        with pytest.raises(FolderInUse, match=str(os.getpid())):
            await NatsServer(tmp_path / "broker").start()
