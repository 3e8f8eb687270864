"""What one PUBLISH costs to read and to write: our codec beside paho-mqtt, on the same bytes, in the same run.

paho reads and writes memory here, not a socket: the system calls that it makes for each packet (three to read, one to
write) are left out, which flatters it.
"""

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

from benchmarks.paho_wire import PahoOnMemory
from devices.wire.mqtt import (
    ClientSession,
    ConnAck,
    Connect,
    ConnectCode,
    Parser,
    Publish,
    encode,
    encode_pubacks,
    encode_publish,
)

RUNS = 9
MESSAGES = 4_000
READ_BYTES = 65_536
TOPICS = [f"care/330681/d{number:06}/telemetry" for number in range(500)]
PAYLOAD = (
    b'{"at":1786000000.123,"seq":123456,"lat":30.123456,"lon":114.123456,"accuracy_m":12.5,"speed_mps":0.8,'
    b'"heart_rate_bpm":72,"spo2_pct":97,"steps":1618,"battery_pct":88,"worn":true}'
)
ACCEPTED = encode(ConnAck(session_present=False, code=ConnectCode.ACCEPTED))


def reads(qos: int) -> list[bytes]:
    """All messages as a busy connection delivers them: in reads of 64 KiB that cut packets anywhere."""
    stream = b"".join(
        encode_publish(TOPICS[number % len(TOPICS)], PAYLOAD, qos=qos, packet_id=number + 1 if qos else 0)
        for number in range(MESSAGES)
    )
    return [stream[at : at + READ_BYTES] for at in range(0, len(stream), READ_BYTES)]


def parse(chunks: list[bytes]) -> None:
    """Our parser alone."""
    parser = Parser()
    assert sum(len(parser.feed(chunk)) for chunk in chunks) == MESSAGES


def receive(chunks: list[bytes]) -> None:
    """Our session; what a read brought is acknowledged in one write."""
    session = ClientSession(Connect(client_id="bench"))
    session.receive(ACCEPTED)
    received = 0
    for chunk in chunks:
        packet_ids = [packet.packet_id for packet in session.receive(chunk) if isinstance(packet, Publish)]
        session.acknowledge(packet_ids)
        session.output()
        received += len(packet_ids)
    assert received == MESSAGES


def paho_receive(chunks: list[bytes]) -> None:
    """paho, which acknowledges each message as it comes."""
    topics: list[str] = []
    paho = PahoOnMemory()
    paho.client.on_message = lambda _client, _userdata, message: topics.append(message.topic)
    paho.connect()
    paho.read(ACCEPTED)
    for chunk in chunks:
        paho.read(chunk)
    assert len(topics) == MESSAGES


def publish() -> None:
    """Our encoder, QoS 1."""
    for number in range(MESSAGES):
        encode_publish(TOPICS[number % len(TOPICS)], PAYLOAD, qos=1, packet_id=number + 1)


def paho_publish() -> None:
    """paho's encoder, QoS 1, without the book-keeping of its public interface."""
    paho = PahoOnMemory()
    paho.connect()
    for number in range(MESSAGES):
        paho.write_publish(TOPICS[number % len(TOPICS)], PAYLOAD, qos=1, packet_id=number + 1)


def acknowledge() -> None:
    """Our PUBACKs, 2,000 in one write as in a full batch of ingest."""
    for first in range(1, MESSAGES, 2_000):
        encode_pubacks(range(first, first + 2_000))


def paho_acknowledge() -> None:
    """paho's PUBACKs, one by one."""
    paho = PahoOnMemory(manual_ack=True)
    paho.connect()
    for packet_id in range(1, MESSAGES + 1):
        paho.client.ack(packet_id, 1)


def microseconds(work: Callable[[], None]) -> float:
    """What one message costs in one run."""
    begun = perf_counter()
    work()
    return (perf_counter() - begun) / MESSAGES * 1e6


def main() -> None:
    """Print a line for each way of handling a message: least and median of several runs, taken in turns."""
    qos_0, qos_1 = reads(0), reads(1)
    pairs: dict[str, tuple[Callable[[], None], Callable[[], None] | None]] = {
        "parse, QoS 1": (lambda: parse(qos_1), None),
        "receive, QoS 0": (lambda: receive(qos_0), lambda: paho_receive(qos_0)),
        "receive and acknowledge, QoS 1": (lambda: receive(qos_1), lambda: paho_receive(qos_1)),
        "publish, QoS 1": (publish, paho_publish),
        "acknowledge": (acknowledge, paho_acknowledge),
    }
    sys.stdout.write(f"{'us a message':<34}{'ours: min':>11}{'median':>9}{'paho: min':>11}{'median':>9}\n")
    for name, (ours, paho) in pairs.items():
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(RUNS):
            taken[0].append(microseconds(ours))
            if paho is not None:
                taken[1].append(microseconds(paho))
        line = f"{name:<34}{min(taken[0]):>11.3f}{median(taken[0]):>9.3f}"
        if taken[1]:
            line += f"{min(taken[1]):>11.2f}{median(taken[1]):>9.2f}"
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
