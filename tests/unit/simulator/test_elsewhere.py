"""On which running systems one may simulate: only where no phone is real, and care time as fast as the scenario's."""

from datetime import UTC, datetime

import pytest

from simulator.elsewhere import refuse
from simulator.errors import UnfitSystem
from simulator.platform import Deployed
from simulator.scenario import Scenario, load

URL, PHONE = "http://127.0.0.1:8080", "http://127.0.0.1:8090"


def _told(deployment: str = "simulation", speed: float = 1.0, phone: str | None = PHONE) -> Deployed:
    return Deployed(deployment=deployment, at=datetime(2026, 3, 4, tzinfo=UTC), care_speed=speed, phone=phone)


def _scenario(name: str = "quiet-day", speed: float = 1.0) -> Scenario:
    return load(name).changed(speed=speed)


def test_a_system_of_made_up_homes_at_the_same_speed_is_taken_with_its_phone_network() -> None:
    assert refuse(URL, _told(), _scenario()) == PHONE
    assert refuse(URL, _told("demo", speed=30), _scenario(speed=30)) == PHONE


@pytest.mark.parametrize(
    ("told", "scenario", "why"),
    [
        (_told("production"), _scenario(), "it is in production: its homes are real"),
        (_told("production", phone=None), _scenario(), "it is in production"),
        (_told(phone=None), _scenario(), "it has no phone network"),
        (_told(), _scenario(speed=120), "runs at speed 1, and 120 was asked for"),
        (_told(speed=120), _scenario(), "runs at speed 120, and 1 was asked for"),
        (_told(), _scenario("city-load"), "city-load is a load"),
    ],
)
def test_what_would_do_harm_or_prove_nothing_is_refused_with_its_reason(
    told: Deployed, scenario: Scenario, why: str
) -> None:
    with pytest.raises(UnfitSystem, match=why):
        refuse(URL, told, scenario)


def test_a_scenario_that_kills_processes_is_refused() -> None:
    harming = _scenario().changed(troubles=[{"kind": "process", "at_h": 1, "process": "postgres"}])
    with pytest.raises(UnfitSystem, match="kills postgres"):
        refuse(URL, _told(), harming)
