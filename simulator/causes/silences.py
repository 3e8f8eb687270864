"""Emergencies that nobody asserts: she walks off, her heart races, a device or a whole street dies."""

from datetime import datetime, timezone
from typing import Final

import numpy as np

from devices.model import DeviceKind, Hazard
from simulator.causes.truth import CONTACT_WITHIN_S, Cause, CauseKind, Expectation, Tolerance, silence_s
from simulator.fleet.deeds import Deed, Tells, Vanishes
from simulator.fleet.outfit import CELL, Device, Outfit
from simulator.lives.day import LOCAL
from simulator.lives.draws import Draws
from simulator.lives.geography import distance_m
from simulator.lives.home_day import FIX_EVERY_S, Fate, Interval
from simulator.lives.people import Life, Place
from simulator.lives.walks import Walk, fixes, stray_walk

_NIGHT_H: Final = (22.0, 5.5)
_BACK_WITHIN_S: Final = 1200.0
"""Out at night for so long is an alarm. Source: docs/rules.md, `wander`."""
_SURELY_OUT_M: Final = 250.0
"""Beyond a home's circle (150 m), the margin (50 m) and the doubt of a satellite fix."""
_FIXES_NEEDED: Final = 3
"""Two show her outside; now and then one of them is coarse and counts for nothing."""
_HEART_EVERY_S: Final = 60.0
_HEART_LASTS_S: Final = 300.0
"""So long it must race before it is an alarm. Source: docs/rules.md, `vitals`."""


def wander(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """A resident with dementia leaves and does not turn back."""
    home, resident = outfit.home, outfit.home.residents[0]
    bands = outfit.of(DeviceKind.WRISTBAND)
    if resident.life is not Life.DEMENTIA or not bands:
        return None
    walk = stray_walk(draw, home.place, at, float(draw.uniform(1.0, 2.5)) * 3600, resident.character.pace_mps)
    out_at = _out_for_good(walk, home.place)
    if walk.end < out_at + _BACK_WITHIN_S + CONTACT_WITHIN_S:
        return None
    deeds: list[Deed] = [
        Tells(
            fix.at,
            bands[0].device_id,
            {"lat": fix.place.lat, "lon": fix.place.lon, "accuracy_m": fix.accuracy_m, "speed_mps": fix.speed_mps},
        )
        for fix in fixes(draw, walk, FIX_EVERY_S)
    ]
    return Cause(
        id=name,
        kind=CauseKind.WANDER,
        at=at,
        home=home.code,
        resident=resident.code,
        deeds=tuple(deeds),
        fate=Fate(still=(), strays=(walk,)),
        muted=((bands[0].device_id, Interval(walk.start, walk.end)),),
        expectations=(
            Expectation(
                hazard=Hazard.WANDER,
                subject=f"resident:{resident.code}",
                home=home.code,
                after_s=round(out_at - at + _FIXES_NEEDED * FIX_EVERY_S + _BACK_WITHIN_S, 3),
                unjudged="" if _at_night(out_at) else "by day it begins like any outing (docs/rules.md)",
            ),
        ),
    )


def _out_for_good(walk: Walk, home: Place) -> float:
    """From when on she is never again so near to her home that a fix could place her there."""
    moments = np.arange(walk.start, walk.end, FIX_EVERY_S).tolist()
    near = [moment for moment in moments if distance_m(home, walk.where(moment)) <= _SURELY_OUT_M]
    return float(near[-1]) + FIX_EVERY_S


def _at_night(moment: float) -> bool:
    local = datetime.fromtimestamp(moment, timezone(LOCAL))
    hour = local.hour + local.minute / 60
    return hour >= _NIGHT_H[0] or hour < _NIGHT_H[1]


def heart(draw: Draws, at: float, outfit: Outfit, name: str) -> Cause | None:
    """Her heart races for half an hour while she sits still, and the oxygen falls; the band measures every minute."""
    bands = outfit.of(DeviceKind.WRISTBAND)
    if not bands:
        return None
    band, lasts_s = bands[0], 1800.0
    racing, oxygen = float(draw.uniform(148, 172)), float(draw.uniform(84, 88))
    deeds: list[Deed] = [
        Tells(
            at + second,
            band.device_id,
            {
                "heart_rate_bpm": round(racing + float(draw.normal(0, 3))),
                "spo2_pct": round(oxygen + float(draw.normal(0, 0.7))),
                "worn": True,
            },
        )
        for second in range(0, int(lasts_s), int(_HEART_EVERY_S))
    ]
    return Cause(
        id=name,
        kind=CauseKind.HEART,
        at=at,
        home=outfit.home.code,
        resident=band.resident,
        deeds=tuple(deeds),
        muted=((band.device_id, Interval(at, at + lasts_s)),),
        expectations=(
            Expectation(
                hazard=Hazard.VITALS,
                subject=f"resident:{band.resident}",
                home=outfit.home.code,
                after_s=_HEART_LASTS_S + _HEART_EVERY_S,
            ),
        ),
    )


def device_dies(draw: Draws, at: float, outfit: Outfit, name: str, until: float) -> Cause | None:
    """A smoke alarm that was connected breaks, and says nothing more until the end."""
    able = [
        device
        for device in outfit.of(DeviceKind.SMOKE_ALARM)
        if device.speaks_through == device.device_id and until - at > silence_s(device.model.silent_after_s)
    ]
    if not able:
        return None
    device = able[0]
    return Cause(
        id=name,
        kind=CauseKind.DEVICE_DIES,
        at=at,
        home=outfit.home.code,
        deeds=(Vanishes(at, device.device_id, until - at + 3600, powerless=True),),
        expectations=(
            Expectation(
                hazard=Hazard.DEVICE_OFFLINE,
                subject=f"device:{device.device_id}",
                home=outfit.home.code,
                within_s=silence_s(device.model.silent_after_s),
            ),
        ),
    )


def street_power_cut(draw: Draws, at: float, street: list[Outfit], name: str) -> Cause | None:
    """A street without power for some hours: everything on mains vanishes at once, and comes back at once."""
    lasts_s = round(float(draw.uniform(3.0, 4.0)) * 3600)
    dead = [device for outfit in street for device in outfit.devices if device.model.mains]
    noticed = [device.model.silent_after_s for device in dead if device.model.silent_after_s < lasts_s]
    if not noticed:
        return None
    longest_s = max(noticed)
    return Cause(
        id=name,
        kind=CauseKind.STREET_POWER_CUT,
        at=at,
        home=None,
        deeds=tuple(_goes_dark(draw, device, at, lasts_s) for device in dead),
        expectations=(
            Expectation(
                hazard=Hazard.AREA_OUTAGE,
                subject=f"organisation:{CELL}",
                home=None,
                within_s=silence_s(longest_s),
            ),
        ),
        tolerances=tuple(
            Tolerance(hazard=hazard, home=outfit.home.code, after_s=0.0, until_s=lasts_s + silence_s(longest_s))
            for outfit in street
            for hazard in (Hazard.DEVICE_OFFLINE, Hazard.INACTIVITY)  # nobody can be seen there
        ),
    )


def _goes_dark(draw: Draws, device: Device, at: float, lasts_s: float) -> Vanishes:
    return Vanishes(
        round(at + float(draw.uniform(0, 2)), 3), device.device_id, lasts_s + float(draw.uniform(0, 20)), powerless=True
    )
