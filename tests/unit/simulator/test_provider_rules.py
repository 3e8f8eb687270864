"""Small rules of the provider: signatures, lengths of texts, faults, speaking time, scripts as JSON."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from simulator.phone.faults import Fault, FaultKind, RateLimit, Resource
from simulator.phone.message import segments
from simulator.phone.people import AnsweredBy, Answers, IsBusy, Person, Texting, Voicemail
from simulator.phone.signature import sign
from simulator.phone.timing import INSTANT, Timing

_NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(parameters=st.dictionaries(_NAMES, st.text(min_size=1, max_size=30), max_size=8), token=st.text(min_size=1))
def test_twilios_own_validator_accepts_our_signature(parameters: dict[str, str], token: str) -> None:
    url = "https://care.example/callbacks/voice?n=12"
    signature = sign(url, parameters, token)
    assert RequestValidator(token).validate(url, parameters, signature)
    assert not RequestValidator(token + "x").validate(url, parameters, signature)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("守" * 70, 1),
        ("守" * 71, 2),
        ("守" * 135, 3),
        ("🚨" * 35, 1),
        ("🚨" * 36, 2),
    ],
)
def test_a_text_takes_as_many_sms_as_its_alphabet_allows(body: str, count: int) -> None:
    assert segments(body) == count


def test_a_fault_strikes_only_its_resource_and_method_and_only_so_often() -> None:
    fault = Fault(kind=FaultKind.SERVER_ERROR, on=Resource.CALLS, method="POST", times=2)
    calls, messages = "/2010-04-01/Accounts/AC0/Calls.json", "/2010-04-01/Accounts/AC0/Messages.json"
    assert not fault.takes(messages, "POST")
    assert not fault.takes(calls, "GET")
    assert [fault.takes(calls, "POST") for _ in range(3)] == [True, True, False]


def test_a_rate_limit_lets_a_burst_through_and_then_as_many_as_time_allows() -> None:
    machine_s = 0.0
    limit = RateLimit(2.0, burst=3, machine_s=lambda: machine_s)
    assert [limit.allows() for _ in range(4)] == [True, True, True, False]
    machine_s = 0.4
    assert not limit.allows()
    machine_s = 0.5
    assert limit.allows()
    assert not limit.allows()


def test_chinese_takes_longer_a_character_than_english_a_letter_and_nothing_when_told_so() -> None:
    timing = Timing()
    assert timing.speaking("守望值守", "zh-CN").total_seconds() == 1.0
    assert timing.speaking("fourteen long.", "en-GB").total_seconds() == 1.0
    assert INSTANT.speaking("守望" * 100, "zh-CN").total_seconds() == 0.0


@pytest.mark.parametrize(
    "person",
    [
        Person(number="+441632960001"),
        Person(number="+441632960001", name="Ann", temper=Answers(keys=("9", "1"), detected=AnsweredBy.UNKNOWN)),
        Person(number="+441632960001", temper=IsBusy(), texting=Texting(replies=("1 12",), opens_link=True)),
        Person(number="+441632960001", temper=Voicemail(after_s=1), call_waiting=True),
    ],
)
def test_a_scripted_person_survives_being_written_as_json(person: Person) -> None:
    assert msgspec.json.decode(msgspec.json.encode(person), type=Person) == person
