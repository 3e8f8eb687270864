"""Everyday mishaps of devices: short losses of connection, and messages that mean nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

from simulator.fleet.deeds import Babbles, Deed, Vanishes
from simulator.fleet.outfit import Outfit
from simulator.lives.draws import Draws, draws, moments
from simulator.scenario import Fleet

_RUBBISH: Final = (
    b"",
    b"\xff\xfe\x00\x01",
    b"null",
    b"[1, 2, 3]",
    b'{"heart_rate_bpm": ',
    b"AT+CSQ\r\nOK\r\n",
    b'{"hazard": "boredom"}',
    b"\x00" * 64,
)
_ALARMING: Final = 0.2
"""Share of the rubbish that goes to the alarm topic, where the duty desk has to look."""


def mishaps(outfits: Sequence[Outfit], fleet: Fleet, start: float, end: float, seed: int) -> list[Deed]:
    """The mishaps of a fleet between two moments, in order; the same for the same arguments."""
    found: list[Deed] = []
    for outfit in outfits:
        draw = draws(seed, "mishaps", outfit.home.code)
        found += _flaps(draw, outfit, fleet, start, end)
        found += _babble(draw, outfit, fleet, start, end)
    return sorted(found, key=lambda deed: (deed.at, deed.device))


def _flaps(draw: Draws, outfit: Outfit, fleet: Fleet, start: float, end: float) -> Iterator[Vanishes]:
    able = [one for one in outfit.devices if one.speaks_through == one.device_id and not one.model.sleeps]
    for at in moments(draw, start, end, fleet.flaps_a_day / 24).tolist():
        device = able[int(draw.integers(len(able)))]
        yield Vanishes(at, device.device_id, round(float(draw.uniform(5, 90)), 1))


def _babble(draw: Draws, outfit: Outfit, fleet: Fleet, start: float, end: float) -> Iterator[Babbles]:
    for at in moments(draw, start, end, fleet.garbage_a_day / 24).tolist():
        device = outfit.devices[int(draw.integers(len(outfit.devices)))]
        payload = _RUBBISH[int(draw.integers(len(_RUBBISH)))]
        yield Babbles(at, device.device_id, payload, bool(draw.random() < _ALARMING))
