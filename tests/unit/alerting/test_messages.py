"""The catalogues, and what is said of an incident before and after acceptance, at home and through providers abroad."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerting.errors import CatalogueFault
from alerting.messages import catalogue, fields_of, say
from alerting.wording import (
    others_going,
    spoken_details,
    spoken_matter,
    spoken_menu,
    spoken_time,
    text_details,
    text_line,
    text_of,
)
from devices.model import Hazard
from domain.notification import Purpose
from domain.people import Language
from store.matters import Matter

EN, ZH = Language.EN, Language.ZH
AT = datetime(2026, 3, 4, 1, 14, tzinfo=UTC)  # 9:14 in China

ZHANG = Matter(
    incident_id=1,
    number=12,
    mode="live",
    hazard="sos",
    severity=2,
    state="open",
    opened_at=AT,
    last_alarm_at=AT,
    organisation="清河镇",
    timezone="Asia/Shanghai",
    community="和平村",
    address="三组十二号",
    access_notes="钥匙在东邻李家",
    surname="张",
    sex="female",
    phone=None,
    overseas_consent=False,
    going=[],
    going_ids=[],
)


def test_every_language_has_the_same_words_with_the_same_fields() -> None:
    """A missing word would be silence on a call."""
    zh, en = catalogue(ZH), catalogue(EN)
    assert zh.keys() == en.keys()
    assert {key: fields_of(words) for key, words in zh.items()} == {key: fields_of(words) for key, words in en.items()}


@pytest.mark.parametrize("hazard", list(Hazard))
def test_every_hazard_has_words(hazard: Hazard) -> None:
    """For speech and for writing, in both languages."""
    for language in Language:
        assert say(language, f"did.{hazard}")
        assert say(language, f"what.{hazard}")


def test_an_unknown_key_and_a_missing_field_are_faults() -> None:
    """Neither is passed over in silence."""
    with pytest.raises(CatalogueFault, match="nonsense"):
        say(EN, "speech.nonsense")
    with pytest.raises(CatalogueFault, match="count"):
        say(EN, "speech.going_count")


def test_before_acceptance_surname_hazard_community_and_time_are_said_and_no_more() -> None:
    """As WORDS has it, in both languages."""
    chinese = spoken_matter(ZHANG, ZH, purpose=Purpose.ASK, overseas=False)
    english = spoken_matter(ZHANG, EN, purpose=Purpose.ASK, overseas=False)
    assert chinese == "和平村张老人按下了呼救按钮，九点十四分。"
    assert english == "Mrs 张 of 和平村 pressed the call button at 9:14."


def test_after_acceptance_address_and_access_notes_are_said() -> None:
    """Without notes, no empty words for them."""
    assert spoken_details(ZHANG, ZH, overseas=False) == "地址是和平村三组十二号，钥匙在东邻李家。"
    assert spoken_details(replace(ZHANG, access_notes=""), ZH, overseas=False) == "地址是和平村三组十二号。"
    assert text_details(ZHANG, EN, overseas=False) == "Thank you. Address: 三组十二号, 和平村; 钥匙在东邻李家."


@pytest.mark.parametrize("hazard", ["sos", "vitals"])
@pytest.mark.parametrize("language", list(Language))
def test_a_provider_abroad_hears_no_name_no_address_and_nothing_of_health(hazard: str, language: Language) -> None:
    """Whatever is said or written: only community, time, and a hazard that tells nothing of anybody's health."""
    matter = replace(ZHANG, hazard=hazard, going=["王芳"], going_ids=[3])
    everything = [
        spoken_matter(matter, language, purpose=Purpose.ASK, overseas=True),
        spoken_details(matter, language, overseas=True),
        others_going(matter, matter.going, language, overseas=True),
        text_details(matter, language, overseas=True),
        text_line(matter, language, overseas=True),
        *(
            text_of(matter, language, purpose=purpose, address=address, overseas=True, link="https://x")
            for purpose in Purpose
            for address in ("+8613900000001", "+441632960001")
        ),
    ]
    health = [say(language, f"{form}.vitals") for form in ("did", "what")]
    for words in everything:
        assert not [secret for secret in ("张", "三组", "李家", "王芳", *health) if secret in words]
    assert "和平村" in everything[0]


def test_with_consent_a_provider_abroad_is_told_what_one_at_home_is() -> None:
    """The resident, or her guardian, has said so."""
    matter = replace(ZHANG, overseas_consent=True, hazard="vitals")
    for overseas in (True, False):
        assert "张老人体征异常" in spoken_matter(matter, ZH, purpose=Purpose.ASK, overseas=overseas)


def test_what_happened_in_no_home_names_the_place() -> None:
    """A platform fault has no resident."""
    matter = replace(ZHANG, hazard="platform", community=None, address=None, surname=None)
    assert spoken_matter(matter, ZH, purpose=Purpose.ASK, overseas=False) == "清河镇：平台故障，九点十四分。"
    assert spoken_details(matter, ZH, overseas=False) == ""


def test_texts_to_mainland_china_ask_for_no_reply_and_hold_no_link() -> None:
    """Its carriers would lose both; elsewhere both are there, with the number of the incident."""
    at_home = text_of(ZHANG, ZH, purpose=Purpose.ASK, address="+8613900000001", overseas=False, link="https://x")
    abroad = text_of(ZHANG, EN, purpose=Purpose.ASK, address="+441632960001", overseas=False, link="https://x")
    assert at_home == "【守望】和平村张老人 09:14 呼救，请接听随后的来电并按键确认。"
    assert abroad == "CareWatch #12: Mrs 张, 和平村, SOS 09:14. Going? Reply 1 12. Cannot? 2 12. https://x"


@pytest.mark.parametrize(
    ("minute", "spoken"),
    [(0, "九点整"), (5, "九点零五分"), (10, "九点十分"), (14, "九点十四分"), (20, "九点二十分"), (59, "九点五十九分")],
)
def test_times_are_spoken_in_chinese(minute: int, spoken: str) -> None:
    """And as digits in English, local to the organisation."""
    moment = AT.replace(minute=minute)
    assert spoken_time(moment, "Asia/Shanghai", ZH) == spoken
    assert spoken_time(moment, "Europe/London", EN) == f"1:{minute:02}"


def test_the_menu_offers_talking_only_where_there_is_somebody_to_talk_to() -> None:
    """And nothing where no answer is expected."""
    assert "3" in spoken_menu(ZHANG, EN, purpose=Purpose.ASK, can_talk=True)
    assert "3" not in spoken_menu(ZHANG, EN, purpose=Purpose.ASK, can_talk=False)
    assert spoken_menu(ZHANG, EN, purpose=Purpose.INFORM, can_talk=False) == ""
