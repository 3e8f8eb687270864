"""What judging costs: a reading in a lane with every shipped rule, memory per device, what the rules add to a
wristband's message, and a look at 100,000 homes.

Without I/O: the readings are there, nothing is stored. One core, one thread.
"""

import gc
import random
import resource
import sys
import time
from datetime import UTC, datetime
from statistics import median

import msgspec

from alerting.rulebook import Rulebook, default_rules
from alerting.rules import kinds
from alerting.rules.frame import Observation, Rule
from alerting.rules.inactivity import InactivityRule
from alerting.rules.spec import write_rule
from devices import native
from devices.model import DeviceKind, Hazard, Protocol, Reading
from domain.people import Mode
from ingest.packing import digest_of, quantities, row
from ingest.ruling import Ruling
from ingest.states import States
from store.devices import Device
from store.rules import RuleHome, RuleOrganisation, RuleScope, StoredRule

DEVICES = 10_000
BANDS = 2_000
HOMES = 100_000
ROUNDS = 30
_START = 1_786_000_000.0


def _rss_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fleet() -> list[Device]:
    """Two wristbands, an infrared sensor, a door sensor and a smoke alarm to every two homes."""
    places = (DeviceKind.WRISTBAND, DeviceKind.WRISTBAND, DeviceKind.INFRARED_SENSOR, DeviceKind.DOOR_SENSOR,
              DeviceKind.SMOKE_ALARM)  # fmt: skip
    return [
        Device(
            key=n,
            device_id=f"d{n}",
            cell="c",
            address=None,
            kind=places[n % len(places)],
            protocol=Protocol.NATIVE,
            silent_after_s=90_000,
            retired=False,
            mode=Mode.LIVE,
            organisation_id=1,
            household_id=n // 3,
            resident_id=n,
        )
        for n in range(DEVICES)
    ]


def said(device: Device, draw: random.Random) -> Reading:
    """What such a device says, mostly nothing alarming."""
    if device.kind is DeviceKind.WRISTBAND:
        return Reading(
            lat=36 + draw.gauss(0, 1e-4),
            lon=114 + draw.gauss(0, 1e-4),
            accuracy_m=12,
            heart_rate_bpm=draw.gauss(72, 8),
            spo2_pct=97,
            steps=draw.randrange(9000),
            battery_pct=80,
            worn=True,
        )
    if device.kind is DeviceKind.INFRARED_SENSOR:
        return Reading(motion=True, temperature_c=21, battery_pct=90)
    if device.kind is DeviceKind.DOOR_SENSOR:
        return Reading(contact_open=draw.random() < 0.5, battery_pct=90)
    return Reading(smoke_level=0, temperature_c=21, battery_pct=90)


def book(*, on: bool) -> Rulebook:
    """The shipped rules as they are stored, or all switched off."""
    rules = (one if on else msgspec.structs.replace(one, enabled=False) for one in default_rules())
    stored = [
        StoredRule(name=one.name, scope=RuleScope.EVERYONE, scope_id=0, version=1, rule=write_rule(one))
        for one in rules
    ]
    return Rulebook(stored, {1: RuleOrganisation(path=(1,), timezone="Asia/Shanghai")}, 1)


def lane() -> None:
    """Readings of 10,000 devices, one after the other, through the rules of a lane."""
    rulebook = book(on=True)
    devices = fleet()
    homes = {one.household_id: RuleHome(lat=36.0, lon=114.0, residents=1) for one in devices if one.household_id}
    draw = random.Random(1)
    readings = [[said(one, draw) for _ in range(3)] for one in devices]
    gc.collect()
    before = _rss_bytes()
    ruling = Ruling(rulebook, homes)
    now = datetime.fromtimestamp(_START, UTC)
    spent: list[float] = []
    for turn in range(ROUNDS):
        at_us = round((_START + 60 * turn) * 1e6)
        began = time.perf_counter()
        for device, three in zip(devices, readings, strict=True):
            ruling.hear(device, three[turn % 3], at_us, at_us)
        spent.append(time.perf_counter() - began)
        ruling.take(now)
    later = sorted(spent[1:])[: len(spent) // 2]
    each_us = sum(later) / len(later) / DEVICES * 1e6
    print(f"rules shipped and judged in a lane: {sum(kinds.reads(one) for one in default_rules()) - 3}")
    print(f"one reading, all its rules: {each_us:.2f} us; {1e6 / each_us:,.0f} readings/s a core")
    print(f"memory of the rules: {(_rss_bytes() - before) / DEVICES:,.0f} bytes a device")


def message() -> None:
    """All that a lane does with a wristband's message, from its payload to the row that is stored and the rules: by
    turns with every rule on and with all off, each turn one message of each band.
    """
    bands = [one for one in fleet() if one.kind is DeviceKind.WRISTBAND][:BANDS]
    homes = {one.household_id: RuleHome(lat=36.0, lon=114.0, residents=1) for one in bands if one.household_id}
    ways = {on: (Ruling(book(on=on), homes), States()) for on in (True, False)}
    spent: dict[bool, list[float]] = {True: [], False: []}
    draw = random.Random(3)
    for turn in range(ROUNDS):
        now_us = round((_START + 2 * turn) * 1e6)
        payloads = [
            b'{"at":%.3f,"lat":%.6f,"lon":114.0,"accuracy_m":12.5,"heart_rate_bpm":%d,"battery_pct":80,"worn":true}'
            % (now_us / 1e6, 36 + draw.random() / 1e5, draw.randrange(60, 90))
            for _ in bands
        ]
        for on in (True, False) if turn % 2 else (False, True):
            ruling, states = ways[on]
            began = time.perf_counter()
            for band, payload in zip(bands, payloads, strict=True):
                (reading,) = native.decode_telemetry(payload).readings
                states.speak(band, now_us, late=False)
                said = quantities(reading)
                row(band.key, now_us, digest_of(said), now_us, said)
                states.measure(band, reading, now_us, now_us)
                ruling.hear(band, reading, now_us, now_us)
            spent[on].append((time.perf_counter() - began) / len(bands) * 1e6)
            states.take(now_us)
            ruling.take(datetime.fromtimestamp(now_us / 1e6, UTC))
    on_us, off_us = (median(sorted(spent[on])[: ROUNDS // 2]) for on in (True, False))
    print(f"a wristband's message: {off_us:.2f} us without rules, {on_us:.2f} us with them;"
          f" the rules add {on_us - off_us:.2f} us")  # fmt: skip


def homes() -> None:
    """``expire`` for 100,000 homes with nothing due, and the size of one that is known for three months."""
    rule: Rule = next(one for one in default_rules() if isinstance(one, InactivityRule))
    kind = kinds.kind_of(rule)
    state = kind.begin(rule, "household:1")
    draw = random.Random(2)
    at = _START
    rooms = ("bedroom", "kitchen", "living", "bathroom")
    while at < _START + 95 * 86400:
        at += draw.expovariate(1 / (300 if 7 < at / 3600 % 24 < 22 else 4000))
        seen = Observation(at, draw.choice(rooms), DeviceKind.INFRARED_SENSOR, Reading(motion=True))
        state, _ = kind.expire(rule, state, at)
        state, _ = kind.step(rule, state, seen)
    began = time.perf_counter()
    for _ in range(HOMES):
        kind.expire(rule, state, at + 1)
        kind.due(rule, state)
    spent_s = time.perf_counter() - began
    print(f"a look at {HOMES:,} homes, all in memory: {spent_s:.2f} s")
    print(f"what is stored of a home after three months: {len(kinds.packed(state)):,} bytes")
    assert rule.hazard is Hazard.INACTIVITY


def main() -> int:
    """Print the figures."""
    lane()
    message()
    homes()
    return 0


if __name__ == "__main__":
    sys.exit(main())
