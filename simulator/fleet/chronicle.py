"""From a day of a home to the deeds of its devices."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from devices.model import DeviceKind, Protocol
from simulator.fleet.deeds import Quantities, Tells
from simulator.fleet.outfit import Device, Outfit
from simulator.lives.draws import Draws, draws
from simulator.lives.home_day import Body, HomeDay, Interval
from simulator.lives.vitals import Sample

_TOGETHER_S: Final = 3600.0
"""A health band sends what it has measured in this time, and sleeps on."""
_OCCUPIED_S: Final = 90.0
"""So long after the last movement a Zigbee sensor says that nobody is there."""

Muted = dict[str, list[Interval]]
"""Devices that measure something else at times, because of an emergency."""


def chronicle(day: HomeDay, outfit: Outfit, seed: int, muted: Muted | None = None) -> list[Tells]:
    """Everything that the devices of a home do on a quiet day, in order."""
    start = day.bodies[0].day.episodes[0].start
    bodies = {body.day.resident.code: body for body in day.bodies}
    found: list[Tells] = []
    for device in outfit.devices:
        draw = draws(seed, "device", device.device_id, int(start))
        body = bodies.get(device.resident or "")
        deeds = [*_heartbeats(draw, device, start), *_NOTICES.get(device.model.kind, _nothing)(draw, device, day, body)]
        gaps = (muted or {}).get(device.device_id, [])
        found += [deed for deed in deeds if not any(gap.holds(deed.at) for gap in gaps)]
    return sorted(found, key=lambda deed: (deed.at, deed.device))


def battery_pct(device: Device, at: float, since: float) -> float:
    """What is left at ``at``; what drains by a fifth or more a day is charged every night at three."""
    drained = device.model.drains_pct_day * (at - since) / 86400
    if device.model.drains_pct_day >= 20:
        since_three = ((at - since) / 86400 - 3 / 24) % 1.0
        return round(100 - device.model.drains_pct_day * since_three, 1)
    return round(max(1.0, device.battery_pct - drained), 1)


def _heartbeats(draw: Draws, device: Device, start: float) -> Iterator[Tells]:
    every_s = device.model.heartbeat_s
    for at in np.arange(start + draw.uniform(0, every_s), start + 86400, every_s).tolist():
        quantities: Quantities = {"rssi_dbm": round(float(draw.normal(-68, 5)))}
        if not device.model.mains:
            quantities["battery_pct"] = battery_pct(device, at, start)
        yield Tells(at, device.device_id, quantities)


def _nothing(draw: Draws, device: Device, day: HomeDay, body: Body | None) -> Iterable[Tells]:
    return ()


def _movements(draw: Draws, device: Device, day: HomeDay, body: Body | None) -> Iterator[Tells]:
    fired = day.movements[device.room].tolist()
    for index, at in enumerate(fired):
        yield Tells(at, device.device_id, {"motion": True})
        quiet = at + _OCCUPIED_S
        if device.model.protocol is Protocol.ZIGBEE2MQTT and (index + 1 == len(fired) or fired[index + 1] > quiet):
            yield Tells(quiet, device.device_id, {"motion": False})


def _passages(draw: Draws, device: Device, day: HomeDay, body: Body | None) -> Iterator[Tells]:
    for passage in day.passages:
        yield Tells(passage.opens, device.device_id, {"contact_open": True})
        yield Tells(passage.closes, device.device_id, {"contact_open": False})


def _band(draw: Draws, device: Device, day: HomeDay, body: Body | None) -> Iterator[Tells]:
    if body is None:
        return
    for sample in body.samples:
        yield Tells(sample.at, device.device_id, {**_measured(sample), "worn": True})
    for pressure in body.pressures:
        cuff: Quantities = {"systolic_mmhg": pressure.systolic_mmhg, "diastolic_mmhg": pressure.diastolic_mmhg}
        yield Tells(pressure.at, device.device_id, cuff)
    yield from _track(device, body)


def _track(device: Device, body: Body) -> Iterator[Tells]:
    for fix in body.fixes:
        position: Quantities = {
            "lat": fix.place.lat,
            "lon": fix.place.lon,
            "accuracy_m": fix.accuracy_m,
            "speed_mps": fix.speed_mps,
        }
        yield Tells(fix.at, device.device_id, position)


def _health_band(draw: Draws, device: Device, day: HomeDay, body: Body | None) -> Iterator[Tells]:
    if body is None or not body.samples:
        return
    kept: list[Sample] = []
    for sample in body.samples:
        kept.append(sample)
        if sample.at - kept[0].at >= _TOGETHER_S:
            *earlier, last = kept
            history = tuple((one.at, _measured(one)) for one in earlier)
            yield Tells(last.at, device.device_id, _measured(last), history)
            kept = []


def _phone(draw: Draws, device: Device, day: HomeDay, body: Body | None) -> Iterator[Tells]:
    """It lies at home, seen by Wi-Fi, unless she takes it along: nine times out of ten."""
    if body is None:
        return
    taken_along = bool(draw.random() < 0.9)
    if taken_along:
        yield from _track(device, body)
    start = body.day.episodes[0].start
    for at in np.arange(start + draw.uniform(0, 1800), start + 86400, 1800).tolist():
        away = body.day.at(at).room is None or (taken_along and any(gap.holds(at) for gap in body.strayed))
        if not away:
            place = day.home.place
            yield Tells(at, device.device_id, {"lat": place.lat, "lon": place.lon, "accuracy_m": 40.0})


def _measured(sample: Sample) -> Quantities:
    return {
        "heart_rate_bpm": sample.heart_rate_bpm,
        "spo2_pct": sample.spo2_pct,
        "temperature_c": sample.temperature_c,
        "steps": sample.steps,
    }


_NOTICES: Final[dict[DeviceKind, Callable[[Draws, Device, HomeDay, Body | None], Iterable[Tells]]]] = {
    DeviceKind.INFRARED_SENSOR: _movements,
    DeviceKind.DOOR_SENSOR: _passages,
    DeviceKind.WRISTBAND: _band,
    DeviceKind.HEALTH_BAND: _health_band,
    DeviceKind.PHONE: _phone,
}
