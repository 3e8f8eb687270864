"""What a scenario makes happen is settled beforehand: in order, reproducible, and everybody can be called."""

import msgspec
import pytest

from domain.people import phone_fault
from domain.written import (
    CircleMember,
    Consent,
    Device,
    DeviceModel,
    Form,
    Household,
    Organisation,
    Resident,
    Responder,
)
from simulator.causes.truth import told
from simulator.enrolment import Record, records
from simulator.phone.people import Answers, LetsItRing
from simulator.plot import devise
from simulator.scenario import load

PLOT = devise(load("bad-night"), homes=60, seed=5)


def test_deeds_come_in_order_and_the_same_for_the_same_seed() -> None:
    deeds = list(PLOT.deeds())
    assert len(deeds) > 3000
    assert [deed.at for deed in deeds] == sorted(deed.at for deed in deeds)
    assert list(devise(load("bad-night"), homes=60, seed=5).deeds()) == deeds


def test_the_ledger_of_causes_is_the_same_to_the_byte_and_ends_before_the_run() -> None:
    again = devise(load("bad-night"), homes=60, seed=5)
    assert told(list(again.causes)) == told(list(PLOT.causes))
    assert PLOT.end >= max(cause.at for cause in PLOT.causes) + 180


def test_whoever_is_to_find_nobody_has_a_circle_that_lets_it_ring() -> None:
    silent = {cause.home for cause in PLOT.causes if cause.nobody_answers}
    assert silent
    assert all(isinstance(one.person.temper, LetsItRing) for one in PLOT.responders if one.home in silent)


def test_duty_desks_answer_and_tempers_come_in_all_kinds() -> None:
    desks = [one for one in PLOT.responders if one.circle == "duty_desk"]
    assert len(desks) == 5
    assert all(isinstance(one.person.temper, Answers) for one in desks)
    assert len({type(one.person.temper) for one in PLOT.responders}) == 6


def test_numbers_are_callable_and_nobody_shares_one() -> None:
    numbers = [one.person.number for one in PLOT.responders]
    assert [phone_fault(number) for number in numbers] == [None] * len(numbers)
    assert len(set(numbers)) == len(numbers)
    assert len({one.code for one in PLOT.responders}) == len(numbers)


_FORMS: dict[str, type[Form]] = {
    "organisations": Organisation,
    "households": Household,
    "residents": Resident,
    "responders": Responder,
    "device-models": DeviceModel,
    "devices": Device,
}


@pytest.mark.parametrize(
    "record", records(PLOT.outfits[:5], PLOT.responders[-12:], desk_may_see=True), ids=lambda record: record.path
)
def test_every_record_is_as_the_platform_wants_it_written(record: Record) -> None:
    path, body = record.path, record.body
    noun, _, rest = path.lstrip("/").partition("/")
    if rest.endswith("/circles"):
        for member in body:
            CircleMember.model_validate(member)
    elif rest.endswith("/consents"):
        for consent in body:
            Consent.model_validate(consent)
    else:
        _FORMS[noun].model_validate(body)


def test_what_the_scenario_breaks_is_known_for_each_device() -> None:
    broken = PLOT.broken()
    assert broken
    assert all(begins < ends for gaps in broken.values() for begins, ends in gaps)


def test_causes_can_be_written_as_lines_of_json() -> None:
    lines = told(list(PLOT.causes)).splitlines()
    assert len(lines) == len(PLOT.causes)
    assert msgspec.json.decode(lines[0])["expectations"]
