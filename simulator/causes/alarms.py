"""Emergencies that a device asserts: presses, falls, smoke, fire, gas, water, tampering."""

from collections.abc import Iterable
from typing import Final

from devices.model import DeviceKind, Hazard, Protocol, SignalState
from simulator.causes.truth import Cause, CauseKind, Expectation, subject_of
from simulator.fleet.deeds import Alarms, Deed, Quantities, Tells
from simulator.fleet.outfit import Device, Outfit
from simulator.lives.draws import Draws

_CALLS: Final = (DeviceKind.CALL_BUTTON, DeviceKind.EMERGENCY_CALLER, DeviceKind.WRISTBAND)
_REPEAT_EVERY_S: Final = 30.0
"""An alarm that goes on is asserted again. Source: common smoke alarms, once in half a minute."""


def press(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """A key is pressed; one in four presses it again at once."""
    device = _pick(draw, outfit.of(*_CALLS))
    if device is None:
        return None
    deeds = [_alarm(device, Hazard.SOS, at, f"{name}-1")]
    if draw.random() < 0.25:
        deeds.append(_alarm(device, Hazard.SOS, at + float(draw.uniform(0.8, 6)), f"{name}-2"))
    return _cause(name, CauseKind.PRESS, at, outfit, device, deeds)


def press_cancelled(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """Pressed by accident and taken back: help is called all the same, and hears that all is well."""
    device = _pick(draw, [one for one in outfit.of(*_CALLS) if one.model.protocol is Protocol.NATIVE])
    if device is None:
        return None
    back = at + float(draw.uniform(6, 25))
    deeds = [
        _alarm(device, Hazard.SOS, at, f"{name}-1"),
        _alarm(device, Hazard.SOS, back, f"{name}-2", SignalState.CLEARED),
    ]
    return _cause(name, CauseKind.PRESS_CANCELLED, at, outfit, device, deeds)


def fall(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """The wristband feels a fall."""
    return _fall(draw, at, outfit, name, pressed=False)


def fall_pressed(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """The wristband feels a fall, and she presses its key when she has come to herself."""
    return _fall(draw, at, outfit, name, pressed=True)


def _fall(draw: Draws, at: float, outfit: Outfit, name: str, *, pressed: bool) -> Cause | None:
    device = _pick(draw, outfit.of(DeviceKind.WRISTBAND))
    if device is None:
        return None
    deeds: list[Deed] = [_alarm(device, Hazard.FALL, at, f"{name}-1", quantities={"heart_rate_bpm": 104})]
    expected = [_expected(device, Hazard.FALL, deeds)]
    if pressed:
        later_s = float(draw.uniform(15, 90))
        presses = [_alarm(device, Hazard.SOS, at + later_s, f"{name}-2")]
        deeds += presses
        expected.append(_expected(device, Hazard.SOS, presses, after_s=later_s))
    kind = CauseKind.FALL_PRESSED if pressed else CauseKind.FALL
    return _caused(name, kind, at, outfit, device, deeds, expected)


def smoke_cooking(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """Something burns in the pan: smoke for some minutes, asserted again and again, then the window is opened."""
    device = _pick(draw, outfit.of(DeviceKind.SMOKE_ALARM))
    if device is None:
        return None
    ends = at + float(draw.uniform(120, 420))
    deeds = _lasting(device, Hazard.SMOKE, at, ends, name, {"smoke_level": 18.0})
    return _cause(name, CauseKind.SMOKE_COOKING, at, outfit, device, deeds)


def fire(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """A fire that grows: smoke, then heat, and it gets hotter until the devices fall silent or somebody puts it out."""
    smoke = _pick(draw, outfit.of(DeviceKind.SMOKE_ALARM))
    heat = _pick(draw, outfit.of(DeviceKind.HEAT_ALARM))
    if smoke is None or heat is None:
        return None
    later_s, ends = float(draw.uniform(60, 200)), at + 900
    deeds = _lasting(smoke, Hazard.SMOKE, at, ends, name, {"smoke_level": 60.0})
    hot = _lasting(heat, Hazard.HEAT, at + later_s, ends, f"{name}-heat", {"temperature_c": 68.0})
    warming = [
        Tells(at + later_s * share, heat.device_id, {"temperature_c": round(24 + 40 * share, 1)})
        for share in (0.3, 0.6, 0.9)
    ]
    expected = [
        _expected(smoke, Hazard.SMOKE, deeds),
        _expected(heat, Hazard.HEAT, hot, after_s=later_s),
    ]
    return _caused(name, CauseKind.FIRE, at, outfit, smoke, [*deeds, *hot, *warming], expected)


def gas(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """The stove goes out and the tap stays open."""
    return _leaking(draw, at, outfit, name, CauseKind.GAS, DeviceKind.GAS_ALARM, Hazard.GAS)


def carbon_monoxide(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """The coal stove in the bedroom."""
    return _leaking(draw, at, outfit, name, CauseKind.CO, DeviceKind.CO_ALARM, Hazard.CO)


def leak(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """Water on the floor."""
    return _leaking(draw, at, outfit, name, CauseKind.LEAK, DeviceKind.LEAK_SENSOR, Hazard.WATER)


def tamper(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """Somebody takes the smoke alarm off the ceiling."""
    return _leaking(draw, at, outfit, name, CauseKind.TAMPER, DeviceKind.SMOKE_ALARM, Hazard.TAMPER)


def _leaking(
    draw: Draws, at: float, outfit: Outfit, name: str, kind: CauseKind, of: DeviceKind, hazard: Hazard
) -> Cause | None:
    device = _pick(draw, outfit.of(of))
    if device is None:
        return None
    deeds = _lasting(device, hazard, at, at + float(draw.uniform(180, 600)), name, {})
    return _cause(name, kind, at, outfit, device, deeds)


def _lasting(device: Device, hazard: Hazard, at: float, ends: float, name: str, quantities: Quantities) -> list[Deed]:
    """Asserted, repeated while it lasts, then withdrawn. Each repeat of a native device is an event of its own."""
    count = max(1, min(8, int((ends - at) / _REPEAT_EVERY_S)))
    deeds: list[Deed] = [
        _alarm(device, hazard, at + index * _REPEAT_EVERY_S, f"{name}-{index + 1}", quantities=quantities)
        for index in range(count)
    ]
    return [*deeds, _alarm(device, hazard, ends, f"{name}-{count + 1}", SignalState.CLEARED)]


def _alarm(
    device: Device,
    hazard: Hazard,
    at: float,
    event: str,
    state: SignalState = SignalState.RAISED,
    quantities: Quantities | None = None,
) -> Alarms:
    named = event if device.model.protocol is Protocol.NATIVE else ""
    return Alarms(at, device.device_id, hazard, state, named, quantities or {})


def _pick(draw: Draws, devices: list[Device]) -> Device | None:
    return devices[int(draw.integers(len(devices)))] if devices else None


def _cause(name: str, kind: CauseKind, at: float, outfit: Outfit, device: Device, deeds: Iterable[Deed]) -> Cause:
    deeds = list(deeds)
    hazard = next(deed.hazard for deed in deeds if isinstance(deed, Alarms))
    return _caused(name, kind, at, outfit, device, deeds, [_expected(device, hazard, deeds)])


def _caused(
    name: str,
    kind: CauseKind,
    at: float,
    outfit: Outfit,
    device: Device,
    deeds: list[Deed],
    expected: list[Expectation],
) -> Cause:
    return Cause(
        id=name,
        kind=kind,
        at=at,
        home=outfit.home.code,
        resident=device.resident,
        deeds=tuple(sorted(deeds, key=lambda deed: deed.at)),
        expectations=tuple(expected),
    )


def _expected(device: Device, hazard: Hazard, deeds: Iterable[Deed], after_s: float = 0.0) -> Expectation:
    raised = [
        f"{deed.device}/{deed.event}"
        for deed in deeds
        if isinstance(deed, Alarms) and deed.hazard is hazard and deed.state is SignalState.RAISED and deed.event
    ]
    return Expectation(
        hazard=hazard,
        subject=subject_of(device.model.kind, device.home, device.resident),
        home=device.home,
        after_s=round(after_s, 3),
        events=tuple(raised),
    )
