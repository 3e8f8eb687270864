"""Devices at the real brokers: each speaks for itself, hears what is meant for it, and nothing else."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from fixtures.waiting import wait_until

from carewatch.embedded.nats import NatsServer
from carewatch.embedded.ports import RememberedPorts
from carewatch.embedded.processes import ChildProcess, dying_with_parent
from carewatch.importing.broker_files import PlatformUser, write_mosquitto_users, write_nats_users
from devices.model import Protocol
from store.credentials import BrokerUser, Credential, new_credential

PLATFORM = PlatformUser("carewatch", "the platform itself")

Client = Callable[[str, str], aiomqtt.Client]


def _users() -> tuple[list[BrokerUser], dict[str, Credential]]:
    made = {name: new_credential(name) for name in ("button-1", "button-2", "gateway-1")}
    devices = [
        BrokerUser(
            name,
            "qinghe",
            Protocol.ZIGBEE2MQTT if name.startswith("gateway") else Protocol.NATIVE,
            "zigbee2mqtt" if name.startswith("gateway") else None,
            one.bcrypt,
            one.pbkdf2,
        )
        for name, one in made.items()
    ]
    return devices, made


def _client(port: int) -> Client:
    def connect(name: str, password: str) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            port,
            identifier=name,
            username=name,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=60,
        )

    return connect


@asynccontextmanager
async def _nats(folder: Path, devices: list[BrokerUser]) -> AsyncIterator[Client]:
    users = folder / "users.conf"
    write_nats_users(users, devices, PLATFORM)
    server = NatsServer(folder / "broker", users=users, credentials=(PLATFORM.name, PLATFORM.password))
    async with server:
        yield _client(server.port)


@asynccontextmanager
async def _mosquitto(folder: Path, devices: list[BrokerUser]) -> AsyncIterator[Client]:
    binary = shutil.which("mosquitto", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    assert binary is not None, "mosquitto is one of the packages that `make system` installs"
    write_mosquitto_users(folder / "passwords", folder / "acl", devices, PLATFORM)
    log = folder / "mosquitto.log"
    with RememberedPorts(folder / "ports.json", {"mqtt": 0}).reserved() as ports:
        port = ports["mqtt"]
    (folder / "mosquitto.conf").write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous false\nlog_dest stderr\n"
        f"password_file {folder / 'passwords'}\nacl_file {folder / 'acl'}\n"
    )
    process = ChildProcess.spawn(
        [*dying_with_parent(signal.SIGTERM), binary, "-c", str(folder / "mosquitto.conf")], log=log
    )
    try:
        await asyncio.to_thread(wait_until, lambda: "running" in log.read_text())
        yield _client(port)
    finally:
        await process.end((signal.SIGTERM, 20.0))


BROKERS = {"nats": _nats, "mosquitto": _mosquitto}


async def _heard(client: aiomqtt.Client, ends: int) -> list[tuple[str, bytes]]:
    """What comes until ``end`` has come on so many topics; a broker keeps the order of each topic only."""
    heard: list[tuple[str, bytes]] = []
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        if message.payload == b"end":
            ends -= 1
            if ends == 0:
                return heard
            continue
        heard.append((str(message.topic), message.payload))
    raise AssertionError("the broker hung up")


@pytest.mark.parametrize("broker", list(BROKERS))
async def test_a_device_speaks_for_itself_and_for_nobody_else(tmp_path: Path, broker: str) -> None:
    """What it says in the name of another never arrives; the platform hears everything else."""
    devices, made = _users()
    async with (
        asyncio.timeout(100),
        BROKERS[broker](tmp_path, devices) as connect,
        connect(PLATFORM.name, PLATFORM.password) as platform,
    ):
        await platform.subscribe("#", qos=1)
        async with connect("button-1", made["button-1"].password) as button:
            for topic in ("care/qinghe/button-2/alarm", "care/baisha/button-1/alarm", "care/qinghe/button-1/receipt"):
                await button.publish(topic, b"forged", qos=1)
            for channel in ("alarm", "telemetry", "status"):
                await button.publish(f"care/qinghe/button-1/{channel}", channel.encode(), qos=1)
        async with connect("gateway-1", made["gateway-1"].password) as gateway:
            await gateway.publish("care/qinghe/button-1/alarm", b"forged", qos=1)
            await gateway.publish("zigbee2mqtt/smoke/availability", b"online", qos=1)
        await platform.publish("care/end", b"end", qos=1)
        assert sorted(await _heard(platform, 1)) == [
            ("care/qinghe/button-1/alarm", b"alarm"),
            ("care/qinghe/button-1/status", b"status"),
            ("care/qinghe/button-1/telemetry", b"telemetry"),
            ("zigbee2mqtt/smoke/availability", b"online"),
        ]


@pytest.mark.parametrize("broker", list(BROKERS))
async def test_a_device_hears_what_is_meant_for_it_and_nothing_else(tmp_path: Path, broker: str) -> None:
    """Receipts and commands of its own; neither its neighbour's nor everything."""
    devices, made = _users()
    async with (
        asyncio.timeout(100),
        BROKERS[broker](tmp_path, devices) as connect,
        connect(PLATFORM.name, PLATFORM.password) as platform,
        connect("button-1", made["button-1"].password) as button,
    ):
        for topic in ("#", "care/qinghe/+/receipt", "care/qinghe/button-2/receipt", "care/qinghe/button-2/alarm"):
            await button.subscribe(topic, qos=1)  # refused, or granted and never served
        await button.subscribe("care/qinghe/button-1/receipt", qos=1)
        await button.subscribe("care/qinghe/button-1/command", qos=1)
        await platform.publish("care/qinghe/button-2/receipt", b"not yours", qos=1)
        await platform.publish("care/qinghe/button-2/alarm", b"not yours", qos=1)
        for channel in ("command", "receipt"):
            await platform.publish(f"care/qinghe/button-1/{channel}", b"yours", qos=1)
            await platform.publish(f"care/qinghe/button-1/{channel}", b"end", qos=1)
        assert sorted(await _heard(button, 2)) == [
            ("care/qinghe/button-1/command", b"yours"),
            ("care/qinghe/button-1/receipt", b"yours"),
        ]


@pytest.mark.parametrize("broker", list(BROKERS))
async def test_nobody_comes_in_without_the_right_password(tmp_path: Path, broker: str) -> None:
    """Not with another's, not with a guess, not without any."""
    devices, made = _users()
    async with asyncio.timeout(100), BROKERS[broker](tmp_path, devices) as connect:
        for name, password in (
            ("button-1", made["button-2"].password),
            ("button-1", "guess"),
            ("button-1", ""),
            ("stranger", made["button-1"].password),
        ):
            with pytest.raises(aiomqtt.MqttError):
                async with connect(name, password):
                    pass
        async with connect("button-1", made["button-1"].password):
            pass
