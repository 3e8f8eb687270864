"""A simulated fleet against a real broker: what it says arrives, and it comes back from every loss."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiomqtt
import msgspec
import pytest

from carewatch.embedded.nats import NatsServer
from devices.model import DeviceKind, Hazard, Protocol
from devices.native import Receipt, Stage
from devices.topics import Channel, Topic
from simulator.clock import AcceleratedClock
from simulator.fleet.deeds import Alarms, Deed, Tells, Vanishes
from simulator.fleet.fleet import Fleet, Manners
from simulator.fleet.link import LinkState
from simulator.fleet.outfit import CELL, Device, Shares, equip
from simulator.fleet.player import Lag, play
from simulator.lives.people import Life
from simulator.lives.village import settle
from simulator.load.crowd import generate_all
from simulator.load.generator import Job, connectable
from simulator.scenario import Phase

SPEED = 60.0
OUTFITS = [
    equip(home, 9, Shares(zigbee2mqtt=0.4, owntracks=0.5, wrong_clock=0.0))
    for home in settle(9, 8, {Life.LIVING_ALONE: 1.0})
]
DEVICES = [device for outfit in OUTFITS for device in outfit.devices]


def _device(kind: DeviceKind, protocol: Protocol = Protocol.NATIVE) -> Device:
    return next(one for one in DEVICES if one.model.kind is kind and one.model.protocol is protocol)


@dataclass
class Listener:
    """Hears everything, and sends receipts while it is told to."""

    heard: list[tuple[str, bytes]] = field(default_factory=list)
    answers: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, topic: str) -> list[bytes]:
        return [payload for heard, payload in self.heard if heard == topic]

    async def run(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            topic = str(message.topic)
            self.heard.append((topic, message.payload))
            if topic.endswith("/alarm") and self.answers:
                said = msgspec.json.decode(message.payload)
                receipt = Receipt(id=said["id"], stage=Stage.STORED)
                down = Topic(CELL, topic.split("/")[2], Channel.RECEIPT)
                await client.publish(str(down), msgspec.json.encode(receipt))
            self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                self.changed.clear()
                try:
                    async with asyncio.timeout(0.1):
                        await self.changed.wait()
                except TimeoutError:
                    continue


@pytest.fixture
async def listener(broker: NatsServer) -> AsyncIterator[Listener]:
    heard = Listener()
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, identifier="sim-listener", protocol=aiomqtt.ProtocolVersion.V311
    ) as client:
        for topic in (f"care/{CELL}/#", "zigbee2mqtt/#", "owntracks/#"):
            await client.subscribe(topic, qos=1)
        running = asyncio.create_task(heard.run(client))
        yield heard
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def clock() -> AcceleratedClock:
    return AcceleratedClock(SPEED)


@pytest.fixture
async def fleet(broker: NatsServer, listener: Listener, clock: AcceleratedClock) -> AsyncIterator[Fleet]:
    async with Fleet(DEVICES, host="127.0.0.1", port=broker.port, clock=clock) as opened:
        await opened.connect(per_s=500)
        yield opened


def _status(device: Device) -> str:
    return str(Topic(CELL, device.device_id, Channel.STATUS))


async def test_everybody_who_stays_connected_says_that_it_is_online(fleet: Fleet, listener: Listener) -> None:
    staying = [one for one in DEVICES if one.model.protocol is Protocol.NATIVE and not one.model.sleeps]
    assert fleet.up == fleet.staying > 30
    await listener.until(lambda: all(b'"online":true' in b"".join(listener.at(_status(one))) for one in staying))


async def test_an_alarm_is_acknowledged_and_its_receipt_is_heard(
    fleet: Fleet, listener: Listener, clock: AcceleratedClock
) -> None:
    device = _device(DeviceKind.EMERGENCY_CALLER)
    fleet.do(Alarms(clock.now().timestamp(), device.device_id, Hazard.SOS, event="e-1"))
    journey = fleet.witness.journeys[f"{device.device_id}/e-1"]
    await listener.until(lambda: Stage.STORED in journey.receipts)
    assert journey.sendings == 1
    assert journey.sent is not None
    assert journey.planned <= journey.sent <= (journey.acknowledged or 0)


async def test_an_alarm_without_a_receipt_is_sent_again_under_the_same_id(
    fleet: Fleet, listener: Listener, clock: AcceleratedClock
) -> None:
    listener.answers = False
    device = _device(DeviceKind.EMERGENCY_CALLER)
    topic = str(Topic(CELL, device.device_id, Channel.ALARM))
    fleet.do(Alarms(clock.now().timestamp(), device.device_id, Hazard.SOS, event="e-2"))
    await listener.until(lambda: len(listener.at(topic)) == 2)
    assert listener.at(topic)[0] == listener.at(topic)[1]
    listener.answers = True
    await listener.until(lambda: Stage.STORED in fleet.witness.journeys[f"{device.device_id}/e-2"].receipts)


async def test_a_sleeping_device_connects_to_speak_and_leaves_without_a_will(
    fleet: Fleet, listener: Listener, clock: AcceleratedClock
) -> None:
    device = _device(DeviceKind.CALL_BUTTON)
    link = next(link for link in fleet.links if link.identity.client_id == device.device_id)
    assert link.state is LinkState.DOWN
    fleet.do(Alarms(clock.now().timestamp(), device.device_id, Hazard.SOS, event="e-3"))
    await listener.until(lambda: Stage.STORED in fleet.witness.journeys[f"{device.device_id}/e-3"].receipts)
    await listener.until(lambda: link.state is LinkState.DOWN)
    assert not [payload for payload in listener.at(_status(device)) if b"false" in payload]


async def test_a_lost_connection_tells_the_will_and_what_was_measured_is_told_afterwards(
    fleet: Fleet, listener: Listener, clock: AcceleratedClock
) -> None:
    device = _device(DeviceKind.WRISTBAND)
    now = clock.now().timestamp()
    telemetry = str(Topic(CELL, device.device_id, Channel.TELEMETRY))
    fleet.do(Vanishes(now, device.device_id, for_s=3 * SPEED))
    for step in range(4):
        fleet.do(Tells(now + step, device.device_id, {"steps": step}))
    await listener.until(lambda: any(b'"online":false' in one for one in listener.at(_status(device))))
    assert listener.at(telemetry) == []
    await listener.until(lambda: len(listener.at(telemetry)) == 1)
    assert [one["steps"] for one in msgspec.json.decode(listener.at(telemetry)[0])] == [0, 1, 2, 3]


async def test_without_power_nothing_is_measured_nor_told(
    fleet: Fleet, listener: Listener, clock: AcceleratedClock
) -> None:
    device = _device(DeviceKind.GAS_ALARM)
    now = clock.now().timestamp()
    fleet.do(Vanishes(now, device.device_id, for_s=2 * SPEED, powerless=True))
    fleet.do(Tells(now + 1, device.device_id, {"rssi_dbm": -60}))
    link = next(link for link in fleet.links if link.identity.client_id == device.device_id)
    await listener.until(lambda: link.state is LinkState.UP)
    assert listener.at(str(Topic(CELL, device.device_id, Channel.TELEMETRY))) == []


async def test_after_a_storm_everybody_comes_back(fleet: Fleet, listener: Listener) -> None:
    assert fleet.storm(1.0, back_within_s=0.5) == fleet.staying
    await listener.until(lambda: fleet.up == fleet.staying and fleet.witness.counts.connections == 2 * fleet.staying)


async def test_a_link_that_is_cut_while_it_connects_comes_back_once_when_it_is_opened(
    broker: NatsServer, clock: AcceleratedClock
) -> None:
    device = _device(DeviceKind.GAS_ALARM)
    async with Fleet([device], host="127.0.0.1", port=broker.port, clock=clock) as fleet:
        [link] = fleet.links
        link.open()
        link.cut()
        link.open()
        await Listener().until(lambda: link.state is LinkState.UP)
        assert fleet.witness.counts.connections == 1


async def test_nothing_is_lost_when_the_broker_dies(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = NatsServer(tmp_path_factory.mktemp("mortal-broker"))
    await server.start()
    try:
        devices = [device for device in DEVICES if device.model.kind is DeviceKind.WRISTBAND]
        clock = AcceleratedClock()
        async with Fleet(devices, host="127.0.0.1", port=server.port, clock=clock) as fleet:
            await fleet.connect(per_s=500)
            await server.stop()
            for device in devices:
                fleet.do(Alarms(clock.now().timestamp(), device.device_id, Hazard.FALL, event="f-1"))
            await server.start()
            journeys = fleet.witness.journeys
            await Listener().until(lambda: all(one.acknowledged is not None for one in journeys.values()))
            assert len(journeys) == len(devices) > 2
    finally:
        await server.stop()


async def test_deeds_are_played_in_order_and_twice_or_late_where_the_scenario_says_so(
    broker: NatsServer, listener: Listener, clock: AcceleratedClock
) -> None:
    device = _device(DeviceKind.INFRARED_SENSOR)
    topic = str(Topic(CELL, device.device_id, Channel.TELEMETRY))
    start = clock.now().timestamp()
    deeds: list[Deed] = [Tells(start + 2 * step, device.device_id, {"motion": True}) for step in range(60)]
    lag = Lag()
    manners = Manners(duplicates=0.3, reordered=0.3)
    async with Fleet([device], host="127.0.0.1", port=broker.port, clock=clock, manners=manners, seed=4) as fleet:
        await fleet.connect(per_s=100)
        await play(deeds, fleet, clock, lag)
        await listener.until(lambda: len({msgspec.json.decode(one)["seq"] for one in listener.at(topic)}) == 60)
    numbers = [msgspec.json.decode(payload)["seq"] for payload in listener.at(topic)]
    assert len(numbers) > 66
    assert numbers != sorted(numbers)
    assert len(lag.late_s) == 60


async def test_a_load_counts_every_alarm_from_its_plan_to_its_receipt_over_two_processes(
    broker: NatsServer, listener: Listener
) -> None:
    phases = (
        Phase(kind="ramp_up", for_s=1, telemetry_per_s=100),
        Phase(kind="steady", for_s=2, telemetry_per_s=100, alarms_per_s=5),
    )
    job = Job(
        devices=tuple(connectable(DEVICES)),
        host="127.0.0.1",
        port=broker.port,
        passwords={},
        connects_per_s=200,
        phases=phases,
        share=1.0,
        seed=1,
    )
    report = await generate_all(job, processes=2)
    ramp, steady = report.phases
    assert (report.processes, report.devices, report.connections_lost) == (2, len(job.devices), 0)
    assert (ramp.sent, steady.sent, steady.unanswered) == (50, 210, 0)
    assert steady.stored is not None
    assert steady.stored.count == 10
    assert steady.acknowledged is not None
    assert steady.acknowledged.count == 200
    assert steady.stored.p50_ms > 0
