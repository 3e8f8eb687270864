"""The colours of severities: one set for every page, told apart by colour-blind eyes, with text that can be read.

Lightness alone tells all five apart, for who sees no colour at all; 4 and 5 are the only cool ones. A number and a word
stand beside the colour. Source of the hues: Okabe and Ito, "Color Universal Design", 2008, darkened where they carry
white text.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Colour:
    """A surface and the text on it, as #rrggbb; contrast is at least 4.5 : 1 (WCAG 2.2, success criterion 1.4.3)."""

    surface: str
    text: str


SEVERITY_COLOURS: Final[dict[int, Colour]] = {
    1: Colour("#9b0039", "#ffffff"),
    2: Colour("#f59a1b", "#1a1200"),
    3: Colour("#f7dc3b", "#1a1700"),
    4: Colour("#1f6fb8", "#ffffff"),
    5: Colour("#7f8b96", "#000000"),
}
