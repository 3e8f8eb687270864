"""Texts over Twilio's interface, and the replies to them."""

from datetime import timedelta

import pytest
from fixtures.phone import ACCOUNT, OFFICE, Platform
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from simulator.clock import HandSetClock
from simulator.phone.message import MessageStatus
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import Delivery, Person, Texting

DAUGHTER, SON = "+441632960001", "+441632960003"


async def test_a_text_is_delivered_and_every_step_told_in_order(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, texting=Texting()))
    created = await twilio.messages.create_async(
        to=DAUGHTER, from_=OFFICE, body="Going? Reply 1 12.", status_callback=platform.url + "/texted"
    )
    assert (created.status, created.date_sent, created.num_segments) == ("queued", None, "1")
    await clock.advance(timedelta(seconds=1))
    told = platform.at("/texted")
    assert [one.form["MessageStatus"] for one in told] == ["queued", "sending", "sent", "delivered"]
    assert all(one.genuine for one in told)
    assert told[-1].form == {
        "MessageSid": created.sid,
        "SmsSid": created.sid,
        "AccountSid": ACCOUNT.sid,
        "From": OFFICE,
        "To": DAUGHTER,
        "MessageStatus": "delivered",
        "SmsStatus": "delivered",
        "ApiVersion": "2010-04-01",
        "RawDlrDoneDate": "2608010914",
    }
    fetched = await twilio.messages(created.sid).fetch_async()
    assert (fetched.status, fetched.body, fetched.error_code) == ("delivered", "Going? Reply 1 12.", None)
    network.check()


async def test_a_text_that_does_not_arrive_tells_why(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, texting=Texting(delivery=Delivery.UNDELIVERED, error_code=30006)))
    created = await twilio.messages.create_async(
        to=DAUGHTER, from_=OFFICE, body="Going?", status_callback=platform.url + "/texted"
    )
    await clock.advance(timedelta(seconds=1))
    last = platform.at("/texted")[-1]
    assert (last.form["MessageStatus"], last.form["ErrorCode"]) == ("undelivered", "30006")
    fetched = await twilio.messages(created.sid).fetch_async()
    assert (fetched.status, fetched.error_code) == ("undelivered", 30006)


async def test_a_played_person_replies_and_gets_the_platforms_answer(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    platform.twiml("/sms", "<Message>Thank you. Group 3, number 12.</Message>")
    await twilio.messages.create_async(to=DAUGHTER, from_=OFFICE, body="Going? Reply 1 12.")
    asked = await daughter.next_message()
    assert asked.body == "Going? Reply 1 12."
    await daughter.reply("1 12")
    [incoming] = platform.at("/sms")
    assert incoming.genuine
    assert (incoming.form["Body"], incoming.form["From"], incoming.form["To"]) == ("1 12", DAUGHTER, OFFICE)
    thanks = await daughter.next_message()
    await clock.advance(timedelta(seconds=1))
    assert (thanks.body, thanks.status) == ("Thank you. Group 3, number 12.", MessageStatus.DELIVERED)
    listed = await twilio.messages.list_async()
    assert [one.direction for one in listed] == ["outbound-reply", "inbound", "outbound-api"]
    network.check()


async def test_a_scripted_person_opens_the_link_and_replies_after_a_while(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=SON, texting=Texting(after_s=20, replies=("2 12",), opens_link=True)))
    await twilio.messages.create_async(to=SON, from_=OFFICE, body=f"张老人呼救，请看{platform.url}/r/abc，谢谢。")
    await clock.advance(timedelta(seconds=19))
    assert platform.received == []
    await clock.advance(timedelta(seconds=1))
    assert [(one.method, one.path) for one in platform.received] == [("GET", "/r/abc"), ("POST", "/sms")]
    assert platform.at("/sms")[0].form["Body"] == "2 12"


async def test_texts_are_listed_newest_first_by_number_and_day_and_can_be_redacted_and_deleted(
    twilio: Client, network: PhoneNetwork, clock: HandSetClock
) -> None:
    for number in (DAUGHTER, SON):
        network.register(Person(number=number, texting=Texting()))
    made = []
    for to in (DAUGHTER, SON, DAUGHTER):
        made.append((await twilio.messages.create_async(to=to, from_=OFFICE, body="Going?")).sid)
        await clock.advance(timedelta(days=1))
    today = clock.now().date()

    async def listed(**filters: object) -> list[int]:
        return [made.index(message.sid) for message in await twilio.messages.list_async(**filters)]

    assert await listed() == [2, 1, 0]
    assert await listed(to=DAUGHTER) == [2, 0]
    assert await listed(date_sent=today - timedelta(days=2)) == [1]
    assert await listed(date_sent_after=today - timedelta(days=2)) == [2, 1]
    assert await listed(date_sent_before=today - timedelta(days=2)) == [1, 0]
    assert (await twilio.messages(made[0]).update_async(body="")).body == ""
    await twilio.messages(made[0]).delete_async()
    assert await listed(to=DAUGHTER) == [2]
    with pytest.raises(TwilioRestException) as refused:
        await twilio.messages(made[1]).update_async(status="canceled")
    assert refused.value.status == 400
