"""Thousands of malformed messages: every one is in quarantine, and the next alarm is raised."""

import json
import random
from collections.abc import Iterator

import pytest
from fixtures.clocks import HandClock
from fixtures.lanes import device, lane_config, rows, running, until_rows
from fixtures.town import NOON

from devices.errors import Undecodable
from devices.model import Hazard, Protocol, Reading
from devices.native import encode_alarm, encode_telemetry
from devices.protocols.registry import decode
from ingest.config import LaneName
from store.pool import Database

pytestmark = pytest.mark.usefixtures("town")

MESSAGES = 5_000
GOOD = [
    encode_alarm(event_id="e1", hazard=Hazard.SOS, at=NOON.timestamp()),
    b'{"at": 1772596800, "heart_rate_bpm": 70, "lat": 36.1, "lon": 114.2}',
    b'{"online": true, "session": "s"}',
]
ODD = [
    b"",
    b"null",
    b"0",
    b"[]",
    b'"sos"',
    b"\xff\xfe",
    b"{" * 400,
    b"[" * 5_000,
    b"\0" * 30,
    "求救".encode("gbk"),
    b"{}",
]


def mutated(draw: random.Random) -> bytes:
    """A good message cut, flipped, doubled or filled with noise; or nothing like one."""
    payload = bytearray(draw.choice(GOOD))
    match draw.randrange(6):
        case 0:
            return bytes(payload[: draw.randrange(len(payload))])
        case 1:
            for _ in range(draw.randrange(1, 6)):
                payload[draw.randrange(len(payload))] = draw.randrange(256)
            return bytes(payload)
        case 2:
            return bytes(draw.randrange(256) for _ in range(draw.randrange(200)))
        case 3:
            return draw.choice(ODD)
        case 4:
            return json.dumps(draw.choice([[], 7, "x", [1, 2], None, {"hazard": {"a": []}}])).encode()
        case _:
            place = draw.randrange(len(payload))
            return bytes(payload[:place]) + bytes(draw.randrange(256) for _ in range(9)) + bytes(payload[place:])


def undecodable(topic: str, payload: bytes) -> bool:
    """True if nothing of it can be understood."""
    try:
        decode(Protocol.NATIVE, topic, payload)
    except Undecodable:
        return True
    return False


def malformed(draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of messages that cannot be understood."""
    while True:
        name = f"{draw.choice(['button', 'band', 'smoke'])}-{draw.randrange(1, 4)}"
        channel = draw.choices(["telemetry", "status", "alarm"], weights=[8, 4, 1])[0]
        topic, payload = f"care/qinghe/{name}/{channel}", mutated(draw)
        if undecodable(topic, payload):
            yield topic, payload


async def test_five_thousand_malformed_messages_are_in_quarantine_and_the_next_alarm_is_raised(
    database: Database, dsn: str, broker_url: str, clock: HandClock
) -> None:
    """Both lanes go on; where a message may have been an alarm the duty desk was told, once for each source."""
    draw = random.Random(20260304)
    sent = [message for message, _ in zip(malformed(draw), range(MESSAGES), strict=False)]
    alarms = [topic for topic, _ in sent if topic.endswith("/alarm")]
    async with (
        running(lane_config(dsn, broker_url, LaneName.ALARM), clock),
        running(lane_config(dsn, broker_url, LaneName.TELEMETRY), clock),
        device(broker_url, "vandal") as vandal,
    ):
        for topic, payload in sent:
            await vandal.publish(topic, payload, qos=1)
        await vandal.publish("care/qinghe/button-1/alarm", GOOD[0], qos=1)
        await vandal.publish("care/qinghe/band-1/telemetry", encode_telemetry(Reading(heart_rate_bpm=70.0)), qos=1)
        await until_rows(database, "SELECT count(*) FROM incidents WHERE hazard = 'sos'", [(1,)])
        await until_rows(database, "SELECT count(*) FROM readings WHERE heart_rate_bpm = 70", [(1,)])
        await until_rows(
            database,
            "SELECT count(*), sum(alarms)::int FROM incidents WHERE hazard = 'unclear'",
            [(len(set(alarms)), len(alarms))],
        )
        # A broker that waits long for an acknowledgement sends a message again: then it is counted again.
        await until_rows(database, f"SELECT sum(times) >= {MESSAGES} FROM quarantine", [(True,)])
    assert await rows(database, "SELECT count(*) FROM quarantine WHERE length(payload) <> size_bytes") == [(0,)]
