"""The shipped instructions."""

import re

import pytest

from alerting.instructions import shipped
from devices.model import Hazard
from domain.people import Language

_CALLS = {
    Hazard.SMOKE: {"119"},
    Hazard.GAS: {"119", "120"},
    Hazard.CO: {"119", "120"},
    Hazard.HEAT: {"119", "120"},
    Hazard.SOS: {"120"},
    Hazard.FALL: {"120"},
    Hazard.VITALS: {"120"},
    Hazard.INTRUSION: {"110"},
    Hazard.WANDER: {"110", "120"},
}


@pytest.mark.parametrize("hazard", Hazard)
def test_every_hazard_has_steps_in_both_languages(hazard: Hazard) -> None:
    """As many steps in each, short enough to be read on the telephone, and with the same emergency numbers."""
    chinese, english = (shipped()[hazard][language].splitlines() for language in (Language.ZH, Language.EN))
    assert len(chinese) == len(english) >= 3
    assert max(map(len, english)) <= 200
    assert all(line == line.strip() != "" for line in (*chinese, *english))
    numbers = [set(re.findall(r"1[12][09]", " ".join(steps))) for steps in (chinese, english)]
    assert numbers[0] == numbers[1] >= _CALLS.get(hazard, set())
