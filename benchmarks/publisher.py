"""Devices that speak as fast as they are told to: ``python -P -m benchmarks.publisher <order as JSON>``.

One connection speaks for many devices, with QoS 1 and a bounded number of messages in flight. When everything has been
acknowledged by the broker it prints how much processor time it has taken, in seconds.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import cast

import msgspec
import uvloop

from devices.wire import mqtt

_TICK_S = 0.005
"""How often an order with a rate sends what is due."""


class Order(msgspec.Struct, kw_only=True):
    """What to publish: ``messages``, but none after ``for_s`` seconds. ``rate`` 0: as fast as the broker takes it."""

    port: int
    name: str
    messages: int
    devices: int
    first_device: int = 1
    rate: float = 0.0
    for_s: float | None = None
    in_flight: int = 500
    topic: str = "care/town/device-{}/telemetry"
    smoke: bool = False
    """Speak as a smoke alarm behind Zigbee2MQTT: its whole state, in which nothing is wrong."""


class Publisher(asyncio.Protocol):
    """Keeps the connection busy until all is acknowledged."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._left = order.messages
        self._session = mqtt.ClientSession(mqtt.Connect(client_id=order.name))
        self._messages = messages(order)
        self._begun_s = 0.0
        self._sent = self._acknowledged = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._session.output())

    def data_received(self, data: bytes) -> None:
        """Send more as soon as the broker has taken some."""
        for packet in self._session.receive(data):
            if isinstance(packet, mqtt.ConnAck):
                self._begun_s = time.monotonic()
                if self._order.rate:
                    self._tick()
            elif isinstance(packet, mqtt.PubAck):
                self._acknowledged += 1
        self._send(0 if self._order.rate else self._order.messages)

    def _tick(self) -> None:
        """Send what is due by now."""
        order = self._order
        self._send(min(order.messages, int((time.monotonic() - self._begun_s) * order.rate) + 1))
        if self._left:
            asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _send(self, due: int) -> None:
        if self._order.for_s is not None and time.monotonic() - self._begun_s > self._order.for_s:
            self._left = 0
        room = self._order.in_flight - (self._sent - self._acknowledged)
        for _ in range(min(room, due - self._sent, self._left)):
            self._session.publish(*next(self._messages), qos=1)
            self._sent += 1
            self._left -= 1
        self._transport.write(self._session.output())
        if not self._left and self._acknowledged == self._sent and not self.done.done():
            self.done.set_result(None)


def messages(order: Order) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads, each reading with a time of its own."""
    draw = random.Random(order.name)
    topics = [order.topic.format(order.first_device + n) for n in range(order.devices)]
    for number in range(order.messages):
        now = time.time()
        topic = topics[number % order.devices]
        if order.smoke:
            yield topic, b'{"smoke":false,"battery":90,"linkquality":%d,"voltage":3000}' % (number % 250)
        else:
            yield (
                topic,
                (
                    b'{"at":%.6f,"seq":%d,"lat":%.6f,"lon":%.6f,"accuracy_m":12.5,"heart_rate_bpm":%d,"battery_pct":%d,'
                    b'"worn":true}' % (now, number, 36 + draw.random() / 1e5, 114.0, draw.randrange(60, 90), 80)
                ),
            )


async def main(order: Order) -> None:
    """Publish it all."""
    _, publisher = await asyncio.get_running_loop().create_connection(lambda: Publisher(order), "127.0.0.1", order.port)
    await publisher.done
    sys.stdout.write(f"{time.process_time():.3f}\n")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(msgspec.convert(json.loads(sys.argv[1]), Order)))
