"""Severity colours: text on them can be read, and eyes that see colour in another way tell them apart."""

import itertools
import math

import pytest

from api.palette import SEVERITY_COLOURS

Rgb = tuple[float, float, float]
Rows = tuple[Rgb, Rgb, Rgb]

# How linear light is seen without one kind of cone. Source: Machado, Oliveira, Fernandes, "A Physiologically-based
# Model for Simulation of Color Vision Deficiency", 2009, severity 1.0.
_EYES: dict[str, Rows] = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "achromatopsia": ((0.2126, 0.7152, 0.0722), (0.2126, 0.7152, 0.0722), (0.2126, 0.7152, 0.0722)),
}
# Source: CIE 15, XYZ of sRGB under D65.
_XYZ: Rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE: Rgb = (0.95047, 1.0, 1.08883)


def _linear(colour: str) -> Rgb:
    def channel(place: int) -> float:
        value = int(colour[place : place + 2], 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return channel(1), channel(3), channel(5)


def _times(rows: Rows, light: Rgb) -> Rgb:
    first, second, third = (min(max(sum(a * b for a, b in zip(row, light, strict=True)), 0.0), 2.0) for row in rows)
    return first, second, third


def _lab(light: Rgb) -> Rgb:
    def curve(value: float) -> float:
        return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116

    x, y, z = (curve(value / white) for value, white in zip(_times(_XYZ, light), _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _luminance(colour: str) -> float:
    return _times(_XYZ, _linear(colour))[1]


@pytest.mark.parametrize("severity", SEVERITY_COLOURS)
def test_text_on_a_severity_can_be_read(severity: int) -> None:
    """WCAG 2.2 asks for 4.5 : 1."""
    colour = SEVERITY_COLOURS[severity]
    low, high = sorted((_luminance(colour.surface), _luminance(colour.text)))
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("eyes", _EYES)
def test_severities_are_told_apart(eyes: str) -> None:
    """A CIE76 difference of 10 is seen at a glance (2.3 is just noticeable); grey sight included."""
    seen = {
        severity: _lab(_times(_EYES[eyes], _linear(colour.surface))) for severity, colour in SEVERITY_COLOURS.items()
    }
    for one, other in itertools.combinations(seen, 2):
        assert math.dist(seen[one], seen[other]) >= 10, (one, other)
