"""Texts from the outbox to a phone, what becomes of them, and what people write back."""

import pytest
from fixtures.phone import OFFICE
from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER, SON

from simulator.phone.faults import Fault, FaultKind, Mischief, Resource
from simulator.phone.network import Handset
from simulator.phone.people import Delivery, Person, Texting

ABROAD = "+441632960001"
HOME = "+441632960002"


@pytest.fixture
async def daughter(switchboard: Switchboard) -> Handset:
    """The daughter lives abroad, where one can write back."""
    await switchboard.night.query("UPDATE contacts SET address = %s WHERE address = %s", ABROAD, DAUGHTER)
    return switchboard.network.register(Person(number=ABROAD))


async def _texted(switchboard: Switchboard, *, home: int = 1, who: str = "daughter", language: str = "en") -> int:
    """Raise an incident, have ``who`` texted about it, and return the notification once it has arrived."""
    incident = await switchboard.night.raises(home=home)
    asked = await switchboard.ask(incident, who, channel="sms", language=language)
    if not switchboard.running:
        await switchboard.start()
    await switchboard.becomes(asked, "delivered")
    return asked


async def test_a_text_is_delivered_and_answered_with_its_number(switchboard: Switchboard, daughter: Handset) -> None:
    """The reply brings the address, which the text itself did not hold."""
    asked = await _texted(switchboard)
    text = await daughter.next_message()
    assert text.body.startswith("CareWatch #1: Mrs 张, 和平村, SOS 12:00. Going? Reply 1 1. Cannot? 2 1. http://")
    await daughter.reply(" １　1 ")
    answer = await daughter.next_message()
    assert answer.body == "CareWatch Thank you. Address: 三组1号, 和平村; 钥匙在东邻李家."
    assert await switchboard.notification(asked) == ("delivered", None, "accept")
    assert await switchboard.night.query("SELECT state FROM incidents") == [("acknowledged",)]
    confirmed = await switchboard.night.query(
        "SELECT confirmed_at IS NOT NULL FROM contacts WHERE address = %s AND channel = 'sms'", ABROAD
    )
    assert confirmed == [(True,)]


async def test_a_word_alone_accepts_when_exactly_one_is_open(switchboard: Switchboard, daughter: Handset) -> None:
    """And then nothing is open any more."""
    asked = await _texted(switchboard, language="zh-CN")
    await daughter.next_message()
    await daughter.reply("收到。")
    assert (await daughter.next_message()).body == "【守望】谢谢。地址：和平村三组1号，钥匙在东邻李家。"
    assert (await switchboard.notification(asked))[2] == "accept"
    await daughter.reply("去")
    assert (await daughter.next_message()).body == "【守望】目前没有等您回复的事。"


async def test_a_bare_reply_with_several_open_accepts_none_and_gets_the_list(
    switchboard: Switchboard, daughter: Handset
) -> None:
    """Her word would be taken for the wrong home."""
    first, second = await _texted(switchboard), await _texted(switchboard, home=2)
    for _ in range(2):
        await daughter.next_message()
    await daughter.reply("yes")
    listed = await daughter.next_message()
    assert listed.body == (
        "CareWatch Several are open for you; please add the number:"
        " 2 Mrs 张, 和平村, SOS (1 2 going, 2 2 cannot) 1 Mrs 张, 和平村, SOS (1 1 going, 2 1 cannot)"
    )  # on a real phone each stands on a line of its own; the stand-in folds white space
    assert [(await switchboard.notification(one))[2] for one in (first, second)] == [None, None]
    await daughter.reply("2 1")
    assert "ask somebody else" in (await daughter.next_message()).body
    await daughter.reply("yes")
    assert "三组2号" in (await daughter.next_message()).body
    assert [(await switchboard.notification(one))[2] for one in (first, second)] == ["decline", "accept"]


async def test_a_reply_to_what_is_over_or_was_never_hers_is_told_so(
    switchboard: Switchboard, daughter: Handset
) -> None:
    """Numbers of others' incidents tell nothing about them."""
    await _texted(switchboard)
    await daughter.next_message()
    await daughter.reply("1 99")
    assert (await daughter.next_message()).body == "CareWatch No incident 99 is waiting for your answer."
    await daughter.reply("who is it?")
    assert "did not understand" in (await daughter.next_message()).body
    await switchboard.night.query(
        """UPDATE incidents SET state = 'resolved', resolved_at = opened_at, outcome = 'false_alarm',
                                resolved_by = 'user:li', next_step_at = NULL"""
    )
    await daughter.reply("1 1")
    assert (await daughter.next_message()).body == "CareWatch #1 has been resolved; nobody needs to go."


async def test_nobody_we_know_gets_no_answer(switchboard: Switchboard) -> None:
    """Neither a reply nor a change."""
    stranger = switchboard.network.register(Person(number=HOME))
    await switchboard.night.raises()
    await switchboard.network.text(from_=HOME, to=OFFICE, body="1 1")
    assert stranger.messages == []
    assert await switchboard.night.query("SELECT state FROM incidents") == [("open",)]


async def test_who_says_stop_gets_no_texts_until_start(switchboard: Switchboard, daughter: Handset) -> None:
    """A text that the engine wanted meanwhile fails at once, and no provider hears of it."""
    await _texted(switchboard)
    await daughter.next_message()
    await daughter.reply("STOP")
    incident = await switchboard.night.raises(home=2)
    stopped = await switchboard.ask(incident, "daughter", channel="sms")
    await switchboard.becomes(stopped, "failed", "refused_by_provider")
    await daughter.reply("START")
    await _texted(switchboard, home=3)
    await daughter.next_message()
    assert len(daughter.messages) == 2


async def test_a_text_to_mainland_china_arrives_because_it_holds_no_link(switchboard: Switchboard) -> None:
    """Its carriers filter links; it asks for no reply either."""
    son = switchboard.network.register(Person(number=SON))
    await _texted(switchboard, who="son", language="zh-CN")
    text = await son.next_message()
    assert text.body == "【守望】和平村张老人 12:00 呼救，请接听随后的来电并按键确认。"


@pytest.mark.parametrize("delivery", [Delivery.UNDELIVERED, Delivery.FAILED])
async def test_a_text_that_does_not_arrive_has_failed(switchboard: Switchboard, delivery: Delivery) -> None:
    """The provider's code is kept."""
    switchboard.network.register(Person(number=SON, texting=Texting(delivery=delivery)))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "son", channel="sms")
    await switchboard.start()
    await switchboard.becomes(asked, "failed", "undelivered")
    errors = await switchboard.night.query("SELECT provider_error FROM notifications WHERE id = %s", asked)
    assert errors == [("30003",)]


async def test_without_a_receipt_in_time_it_has_failed_and_a_late_one_still_counts(switchboard: Switchboard) -> None:
    """The next channel is tried at once; the phone that was off is switched on later."""
    switchboard.network.register(Person(number=SON, texting=Texting(delivery=Delivery.NO_RECEIPT)))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "son", channel="sms")
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    await switchboard.forward(44)
    assert (await switchboard.notification(asked))[0] == "sent"
    await switchboard.forward(2)
    await switchboard.becomes(asked, "failed", "no_receipt")
    (message,) = switchboard.network.messages_to(SON)
    late = {"MessageSid": message.sid, "MessageStatus": "delivered"}
    assert (await switchboard.call_back(message.status_callback, late)).status_code == 204
    await switchboard.becomes(asked, "delivered")


async def test_a_lost_receipt_is_asked_for(switchboard: Switchboard) -> None:
    """It had arrived all the time."""
    switchboard.network.mischief = Mischief(lost=True)
    switchboard.network.register(Person(number=SON, texting=Texting()))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "son", channel="sms")
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    await switchboard.forward(46)
    await switchboard.becomes(asked, "delivered")


@pytest.mark.parametrize("mischief", [Mischief(repeats=2), Mischief(reverse=True), Mischief(forged=True)])
async def test_receipts_in_any_order_end_in_the_truth(switchboard: Switchboard, mischief: Mischief) -> None:
    """Delivered is the best news there is, and a forged one is no news."""
    switchboard.network.mischief = mischief
    switchboard.network.register(Person(number=SON, texting=Texting()))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "son", channel="sms")
    await switchboard.start()
    await switchboard.becomes(asked, "delivered")
    timeline = await switchboard.night.timeline(incident)
    assert [line.split()[0] for line in timeline if line.split()[0] in ("texted", "delivered", "failed")] == [
        "texted",
        "delivered",
    ]


async def test_a_text_whose_answer_was_lost_is_found_and_not_doubled(switchboard: Switchboard) -> None:
    """By its words, its number and its time."""
    switchboard.network.mischief = Mischief(lost=True)
    switchboard.network.register(Person(number=SON, texting=Texting()))
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "son", channel="sms")
    fault = Fault(kind=FaultKind.ANSWER_LOST, on=Resource.MESSAGES, method="POST", times=1)
    switchboard.network.faults.append(fault)
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    assert len(switchboard.network.messages_to(SON)) == 1
    await switchboard.forward(46)
    await switchboard.becomes(asked, "delivered")


async def test_a_text_that_comes_while_the_database_is_away_is_asked_for_once_more(
    switchboard: Switchboard, daughter: Handset
) -> None:
    """Nobody must believe that her yes was heard."""
    asked = await _texted(switchboard)
    await daughter.next_message()
    await switchboard.night.query("ALTER TABLE contacts RENAME TO contacts_away")
    await daughter.reply("1 1")
    assert (await daughter.next_message()).body.startswith("CareWatch The system is busy")
    await switchboard.night.query("ALTER TABLE contacts_away RENAME TO contacts")
    await daughter.reply("1 1")
    assert "三组1号" in (await daughter.next_message()).body
    assert (await switchboard.notification(asked))[2] == "accept"
