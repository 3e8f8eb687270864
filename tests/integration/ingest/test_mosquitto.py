"""The lanes on another broker, over TLS and with a password: mosquitto."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import lane_config, rows, running, until, until_rows
from fixtures.town import NOON
from fixtures.waiting import wait_until

from carewatch.embedded.ports import RememberedPorts
from devices.model import Hazard
from devices.native import encode_alarm
from ingest.config import IngestConfig, LaneName
from ingest.session import BrokerSession, connect
from store.pool import Database

pytestmark = pytest.mark.usefixtures("town")


def tool(name: str) -> str:
    """Where a program of Debian's is."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert found is not None, f"{name} is missing: make system"
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that vouches for itself, with its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    request = "req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([tool("openssl"), *request.split(), *files], check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[str]:
    """The address of a mosquitto that wants TLS and a password."""
    folder = tmp_path_factory.mktemp("mosquitto")
    passwords, log = folder / "passwords", folder / "log"
    subprocess.run([tool("mosquitto_passwd"), "-b", "-c", str(passwords), "ingest", "pass@word"], check=True)
    with RememberedPorts(folder / "ports.json", {"mqtt": 0}).reserved() as ports:
        port = ports["mqtt"]
    (folder / "mosquitto.conf").write_text(
        f"user root\nlistener {port} 127.0.0.1\ncertfile {authority}\nkeyfile {authority.with_name('key.pem')}\n"
        f"allow_anonymous false\npassword_file {passwords}\nmax_queued_messages 0\n"
    )
    with log.open("wb") as written:
        process = subprocess.Popen([tool("mosquitto"), "-c", str(folder / "mosquitto.conf")], stderr=written)
    try:
        wait_until(lambda: b"running" in log.read_bytes())
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait()


async def speaker(config: IngestConfig) -> BrokerSession:
    """Somebody who publishes."""
    return await connect(config.broker, "speaker", lambda *_: None, clean=True, keep_alive_s=60)


async def test_both_lanes_serve_over_tls_with_a_password_and_go_on_where_they_left(
    database: Database, dsn: str, mosquitto: str, authority: Path, clock: HandClock
) -> None:
    """What came while a lane was away is there when it returns."""
    url = f"mqtts://ingest:pass%40word@{mosquitto}"
    alarm, telemetry = (lane_config(dsn, url, lane, ca_file=authority) for lane in LaneName)
    async with running(alarm, clock), running(telemetry, clock):
        session = await speaker(alarm)
    for number in range(20):
        payload = encode_alarm(event_id=f"e{number}", hazard=Hazard.SOS)
        await session.publish_surely("care/qinghe/button-1/alarm", payload)
        reading = json.dumps({"at": NOON.timestamp() - number, "steps": 1}).encode()
        await session.publish_surely("care/qinghe/band-1/telemetry", reading)
    await session.leave()
    assert await rows(database, "SELECT count(*) FROM alarms") == [(0,)]
    async with running(alarm, clock), running(telemetry, clock):
        await until_rows(database, "SELECT alarms FROM incidents", [(20,)])
        await until_rows(database, "SELECT count(*) FROM readings", [(20,)])


@pytest.mark.parametrize(
    ("credentials", "trusting", "reason"),
    [("ingest:wrong@", True, "this user may not connect"), ("ingest:pass%40word@", False, "certificate verify failed")],
)
async def test_a_broker_that_lets_us_not_in_is_named_with_the_way_to_mend_it(
    dsn: str, mosquitto: str, authority: Path, clock: HandClock, credentials: str, trusting: bool, reason: str
) -> None:
    """A wrong password, an authority that we do not trust."""
    url = f"mqtts://{credentials}{mosquitto}"
    config = lane_config(dsn, url, LaneName.ALARM, ca_file=authority if trusting else None)
    async with running(config, clock, standby=True) as lane:
        await until(lambda: "broker" in lane.health.conditions)
        assert reason in lane.health.conditions["broker"].reason
