"""The client session holds its promises against real brokers: nats-server, which we embed, and mosquitto."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from carewatch.embedded.processes import dying_with_parent
from devices.wire.mqtt import ClientSession, ConnAck, Connect, ConnectCode, Incoming, PubAck, PubComp, Publish, SubAck

PATIENCE_S = 30.0

Dial = Callable[[], socket.socket]
"""Opens a new connection to a broker."""


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dial]:
    """A running mosquitto on a socket in the file system, so that no port has to be found."""
    folder = tmp_path_factory.mktemp("mosquitto")
    address, configuration = folder / "s", folder / "mosquitto.conf"
    configuration.write_text(f"listener 0 {address}\nallow_anonymous true\nuser root\n")
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert binary is not None, "mosquitto is missing: make system"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*dying_with_parent(signal.SIGTERM), binary, "-c", configuration], stderr=log)
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            _dial_file(address).close()
            break
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
    yield lambda: _dial_file(address)
    process.terminate()
    process.wait(PATIENCE_S)


def _dial_file(address: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_S)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


@pytest.fixture
def nats(broker_url: str) -> Dial:
    """The embedded broker of the test session."""
    address = urlsplit(broker_url)
    return lambda: socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE_S)


@pytest.fixture(params=["nats", "mosquitto"])
def dial(request: pytest.FixtureRequest) -> Dial:
    """Each broker in turn."""
    chosen: Dial = request.getfixturevalue(request.param)
    return chosen


class Line:
    """A blocking connection to the broker, spoken over by a :class:`ClientSession`."""

    def __init__(self, dial: Dial, connect: Connect, unreleased: frozenset[int] = frozenset()) -> None:
        self.socket = dial()
        self.session = ClientSession(connect, unreleased=unreleased)
        self.heard: list[Incoming] = []
        self.wait_for(lambda: bool(self.heard))
        answer = self.heard[0]
        assert isinstance(answer, ConnAck)
        assert answer.code is ConnectCode.ACCEPTED
        self.session_present = answer.session_present

    def write(self) -> None:
        self.socket.sendall(self.session.output())

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Read until the condition holds; a broker that stays silent for long fails the test with a TimeoutError."""
        self.write()
        while not condition():
            chunk = self.socket.recv(65_536)
            assert chunk, "the broker closed the connection"
            self.heard += self.session.receive(chunk)
            self.write()

    def messages(self) -> dict[bytes, Publish]:
        return {packet.payload: packet for packet in self.heard if isinstance(packet, Publish)}

    def wait_for_messages(self, *payloads: bytes) -> None:
        self.wait_for(lambda: self.messages().keys() >= set(payloads))

    def wait_for_answer(self, answer: Incoming) -> None:
        self.wait_for(lambda: answer in self.heard)

    def wait_for_broker(self) -> None:
        """Return when the broker has read all that was written before."""
        self.session.ping()
        self.wait_for(lambda: not self.session.ping_unanswered)

    def close(self) -> None:
        """Cut the connection as a crash would, without DISCONNECT."""
        self.socket.close()


def subscribed(dial: Dial, connect: Connect, topic: str, qos: int) -> Line:
    line = Line(dial, connect)
    asked = line.session.subscribe((topic, qos))
    line.wait_for_answer(SubAck(asked, (qos,)))
    return line


def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(dial: Dial) -> None:
    """A connection lost between receiving and committing loses nothing; the committed message is not repeated."""
    name = f"wire-{uuid4().hex}"
    connect = Connect(client_id=name, clean_session=False)
    topic = f"care/{name}/d1/alarm"
    with closing(Line(dial, Connect(client_id=f"device-{name}"))) as device:
        with closing(subscribed(dial, connect, topic, 1)) as line:
            for payload in (b"committed", b"not committed"):
                device.wait_for_answer(PubAck(device.session.publish(topic, payload, qos=1)))
            line.wait_for_messages(b"committed", b"not committed")
            line.session.acknowledge([line.messages()[b"committed"].packet_id])
            line.wait_for_broker()
        with closing(Line(dial, connect)) as again:
            assert again.session_present
            again.wait_for_messages(b"not committed")
            again.session.acknowledge([again.messages()[b"not committed"].packet_id])
            device.wait_for_answer(PubAck(device.session.publish(topic, b"later", qos=1)))
            again.wait_for_messages(b"later")
            assert again.messages().keys() == {b"not committed", b"later"}


def test_a_qos_2_message_committed_before_a_lost_connection_is_not_handed_over_again(mosquitto: Dial) -> None:
    """The publisher ends with PUBCOMP; the receiver hears each message once, though its PUBREC was never sent.

    Only mosquitto: nats-server refuses QoS 2 when one subscription may use all packet ids, as we have it.
    """
    name = f"wire-{uuid4().hex}"
    connect = Connect(client_id=name, clean_session=False)
    topic = f"care/{name}/d1/telemetry"
    with closing(Line(mosquitto, Connect(client_id=f"device-{name}"))) as device:
        with closing(subscribed(mosquitto, connect, topic, 2)) as line:
            device.wait_for_answer(PubComp(device.session.publish(topic, b"one", qos=2)))
            line.wait_for_messages(b"one")
            line.session.acknowledge([line.messages()[b"one"].packet_id])
        with closing(Line(mosquitto, connect, line.session.close())) as again:
            device.wait_for_answer(PubComp(device.session.publish(topic, b"two", qos=2)))
            again.wait_for_messages(b"two")
            again.session.acknowledge([again.messages()[b"two"].packet_id])
            again.wait_for_broker()
            assert again.messages().keys() == {b"two"}
        with closing(Line(mosquitto, connect, again.session.close())) as last:
            last.wait_for_broker()
            assert last.messages() == {}


def test_a_message_of_many_kilobytes_survives_the_broker(dial: Dial) -> None:
    """A payload that comes in many reads arrives whole."""
    name = f"wire-{uuid4().hex}"
    topic = f"care/{name}/d1/telemetry"
    payload = bytes(range(256)) * 2_000
    with (
        closing(subscribed(dial, Connect(client_id=name), topic, 0)) as line,
        closing(Line(dial, Connect(client_id=f"device-{name}"))) as device,
    ):
        device.session.publish(topic, payload)
        device.write()
        line.wait_for_messages(payload)
