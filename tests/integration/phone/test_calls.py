"""Calls over Twilio's interface, with people played by hand and by script."""

from datetime import timedelta

import pytest
from fastapi.responses import Response
from fixtures.phone import ACCOUNT, OFFICE, START, Platform, silent_server
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from simulator.clock import HandSetClock
from simulator.phone.books import OwnNumber
from simulator.phone.call import CallRequest, CallStatus, Script
from simulator.phone.conversation import APOLOGY
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import Answers, LetsItRing, Person, Voicemail
from simulator.phone.timing import INSTANT

DAUGHTER, MOTHER = "+441632960001", "+441632960002"
ALL = ["initiated", "ringing", "answered", "completed"]
ASK = '<Gather numDigits="1" timeout="10" action="/key"><Say language="en-GB">Press 1 to go.</Say></Gather>'


async def test_a_call_is_answered_listens_to_a_key_and_ends_with_every_progress_told_in_order(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    platform.twiml("/key", '<Say language="en-GB">Thank you.</Say><Pause length="4"/><Hangup/><Say>Never.</Say>')
    created = await twilio.calls.create_async(
        to=DAUGHTER,
        from_=OFFICE,
        url=platform.twiml("/ask", ASK),
        status_callback=platform.url + "/progress",
        status_callback_event=ALL,
    )
    assert (created.status, created.direction, created.start_time) == ("queued", "outbound-api", None)
    call = await daughter.next_call()
    await clock.advance(timedelta(seconds=7))
    await call.answer()
    await call.press("1")
    await call.hears("Thank you.")
    await clock.advance(timedelta(seconds=10))
    assert call.status is CallStatus.COMPLETED

    progress = await platform.gets("/progress", 4)
    assert [one.form["CallStatus"] for one in progress] == ["initiated", "ringing", "in-progress", "completed"]
    assert [one.form["SequenceNumber"] for one in progress] == ["0", "1", "2", "3"]
    assert (progress[3].form["CallDuration"], progress[3].form["Duration"]) == ("4", "1")
    assert progress[3].form["Timestamp"] == "Sat, 01 Aug 2026 09:14:11 +0000"
    [asked], [key] = platform.at("/ask"), platform.at("/key")
    standard = {"CallSid": call.sid, "AccountSid": ACCOUNT.sid, "From": OFFICE, "To": DAUGHTER}
    assert asked.form == standard | {
        "Caller": OFFICE,
        "Called": DAUGHTER,
        "CallStatus": "in-progress",
        "ApiVersion": "2010-04-01",
        "Direction": "outbound-api",
    }
    assert key.form == asked.form | {"Digits": "1"}
    assert all(one.genuine for one in platform.received)
    assert call.spoken == ["Press 1 to go.", "Thank you."]
    fetched = await twilio.calls(call.sid).fetch_async()
    assert (fetched.status, fetched.duration) == ("completed", "4")
    assert (fetched.start_time, fetched.end_time) == (START, START + timedelta(seconds=11))
    network.check()


async def test_only_the_end_is_told_when_no_event_is_asked_for(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=LetsItRing()))
    await twilio.calls.create_async(
        to=DAUGHTER, from_=OFFICE, twiml="<Response/>", status_callback=platform.url + "/progress", timeout=25
    )
    await clock.advance(timedelta(seconds=60))
    [told] = platform.at("/progress")
    assert (told.form["CallStatus"], told.form["CallDuration"]) == ("no-answer", "0")


@pytest.mark.parametrize(
    ("gather", "keys", "digits"),
    [
        ('numDigits="2"', "12", "12"),
        ("", "123#", "123"),
        ('finishOnKey="*"', "1#*", "1#"),
        ('finishOnKey="" numDigits="3"', "1#*", "1#*"),
    ],
)
async def test_keys_are_gathered_to_their_number_or_to_the_finishing_key(
    twilio: Client, network: PhoneNetwork, platform: Platform, gather: str, keys: str, digits: str
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    platform.twiml("/key", "<Hangup/>")
    url = platform.twiml("/ask", f'<Gather {gather} action="/key"/>')
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    call = await daughter.next_call()
    await call.answer()
    await call.press(keys)
    [key] = await platform.gets("/key", 1)
    assert key.form["Digits"] == digits


async def test_keys_that_stop_coming_are_sent_after_the_timeout(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    platform.twiml("/key", "<Hangup/>")
    url = platform.twiml("/ask", '<Gather timeout="5" action="/key"/>')
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    call = await daughter.next_call()
    await call.answer()
    await call.press("4")
    await clock.advance(timedelta(seconds=4))
    assert platform.at("/key") == []
    await clock.advance(timedelta(seconds=1))
    assert [one.form["Digits"] for one in platform.at("/key")] == ["4"]


async def test_no_key_at_all_is_told_only_to_an_action_that_wants_to_know(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    network.register(Person(number=MOTHER, temper=Answers(after_s=0)))
    platform.twiml("/key", "<Hangup/>")
    wants = platform.twiml("/wants", '<Gather action="/key?n=1" actionOnEmptyResult="true"/><Say>Unreached.</Say>')
    passes = platform.twiml("/passes", '<Gather action="/key?n=2"/><Say>Goodbye.</Say>')
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=wants)
    await twilio.calls.create_async(to=MOTHER, from_=OFFICE, url=passes)
    await clock.advance(timedelta(seconds=5))
    assert [(one.query, one.form["Digits"]) for one in platform.at("/key")] == [("n=1", "")]
    assert network.calls_to(MOTHER)[0].spoken == ["Goodbye."]


async def test_a_scripted_person_hears_it_again_and_then_accepts(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=4, keys=("9", "1"))))
    url = platform.twiml("/ask", ASK)
    platform.answers["/key"] = lambda webhook: Response(
        {"9": f"<Response><Redirect>{url}</Redirect></Response>", "1": "<Response><Hangup/></Response>"}[
            webhook.form["Digits"]
        ]
    )
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    await clock.advance(timedelta(seconds=30))
    assert [one.form["Digits"] for one in platform.at("/key")] == ["9", "1"]
    assert len(platform.at("/ask")) == 2
    network.check()


async def test_instructions_fetched_with_get_are_signed_over_their_query(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    url = platform.twiml("/ask", "<Hangup/>") + "?n=12"
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url, method="GET")
    await clock.advance(timedelta(seconds=1))
    [asked] = platform.at("/ask")
    assert (asked.method, asked.genuine, asked.form) == ("GET", True, {})
    assert asked.query.startswith("n=12&CallSid=CA")


async def test_an_address_in_chinese_is_signed_as_it_is_sent(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    url = platform.twiml("/ask", "<Hangup/>") + "?community=和平村"
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    await clock.advance(timedelta(seconds=1))
    assert [one.genuine for one in platform.at("/ask")] == [True]


async def test_instructions_that_go_in_a_circle_end_the_call_and_are_a_surprise(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    url = platform.twiml("/ask", "<Redirect>/ask</Redirect>")
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    await clock.advance(timedelta(seconds=1))
    assert network.calls_to(DAUGHTER)[0].status is CallStatus.COMPLETED
    [surprise] = network.surprises()
    assert "instructions in a circle" in surprise


async def test_the_platform_learns_with_the_first_request_that_a_machine_answered(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Voicemail(after_s=5)))
    url = platform.twiml("/ask", "<Hangup/>")
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url, machine_detection="Enable")
    await clock.advance(timedelta(seconds=10))
    assert [one.form["AnsweredBy"] for one in platform.at("/ask")] == ["machine_start"]


async def test_asynchronous_detection_is_told_apart_while_the_call_goes_on(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Voicemail(after_s=5)))
    await twilio.calls.create_async(
        to=DAUGHTER,
        from_=OFFICE,
        url=platform.twiml("/ask", '<Pause length="20"/>'),
        machine_detection="DetectMessageEnd",
        async_amd="true",
        async_amd_status_callback=platform.url + "/detected",
    )
    await clock.advance(timedelta(seconds=10))
    assert "AnsweredBy" not in platform.at("/ask")[0].form
    [detected] = platform.at("/detected")
    assert (detected.form["AnsweredBy"], detected.genuine) == ("machine_end_beep", True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(status_code=500), 11200),
        (Response("<html/>"), 12100),
        (Response("not xml"), 12100),
    ],
)
async def test_instructions_that_cannot_be_had_end_the_call_with_an_apology_and_a_notification(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock, answer: Response, code: int
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    platform.answers["/ask"] = lambda _webhook: answer
    created = await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=platform.url + "/ask")
    await clock.advance(timedelta(seconds=1))
    [call] = network.calls_to(DAUGHTER)
    assert (call.status, call.spoken) == (CallStatus.COMPLETED, [APOLOGY])
    [notification] = await twilio.calls(created.sid).notifications.list_async()
    assert (notification.error_code, notification.request_url) == (str(code), platform.url + "/ask")


async def test_a_platform_that_does_not_answer_in_time_ends_the_call_as_11205(clock: HandSetClock) -> None:
    numbers = [OwnNumber(number=OFFICE)]
    network = PhoneNetwork(account=ACCOUNT, own_numbers=numbers, clock=clock, timing=INSTANT, reply_within_s=0.2)
    async with silent_server() as url, network:
        daughter = network.register(Person(number=DAUGHTER))
        network.create_call(CallRequest(to=DAUGHTER, from_=OFFICE, script=Script(url=url + "/ask")))
        call = await daughter.next_call()
        await call.answer()
        await call.ended()
    assert call.spoken == [APOLOGY]
    assert [notification.code for notification in call.notifications] == [11205]


async def test_the_fallback_is_asked_when_the_instructions_cannot_be_had(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    platform.answers["/ask"] = lambda _webhook: Response(status_code=503)
    fallback = platform.twiml("/fallback", "<Say>Please look at your texts.</Say>")
    url = platform.url + "/ask"
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url, fallback_url=fallback)
    await clock.advance(timedelta(seconds=1))
    [asked] = platform.at("/fallback")
    assert (asked.form["ErrorCode"], asked.form["ErrorUrl"]) == ("11200", url)
    assert network.calls_to(DAUGHTER)[0].spoken == ["Please look at your texts."]


async def test_a_live_call_is_given_new_instructions_and_is_hung_up_over_rest(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    url = platform.twiml("/ask", ASK)
    created = await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    call = await daughter.next_call()
    await call.answer()
    await call.hears("Press 1")
    news = '<Response><Say>Your brother is going.</Say><Pause length="60"/></Response>'
    await twilio.calls(created.sid).update_async(twiml=news)
    await call.hears("Your brother is going.")
    await clock.advance(timedelta(seconds=2))
    assert (await twilio.calls(created.sid).update_async(status="canceled")).status == "in-progress"
    await twilio.calls(created.sid).update_async(status="completed")
    assert await call.ended() is CallStatus.COMPLETED
    with pytest.raises(TwilioRestException) as refused:
        await twilio.calls(created.sid).update_async(status="completed")
    assert (refused.value.status, refused.value.code) == (400, 21220)


async def test_a_ringing_call_is_canceled_over_rest(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    created = await twilio.calls.create_async(
        to=DAUGHTER, from_=OFFICE, twiml="<Response/>", status_callback=platform.url + "/progress"
    )
    call = await daughter.next_call()
    await call.until(CallStatus.RINGING)
    await twilio.calls(created.sid).update_async(status="canceled")
    assert await call.ended() is CallStatus.CANCELED
    [told] = await platform.gets("/progress", 1)
    assert told.form["CallStatus"] == "canceled"


async def test_a_responder_talks_to_the_resident_and_the_platform_hears_how_it_went(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    network.register(Person(number=MOTHER, temper=Answers(after_s=4, talks_s=30)))
    platform.twiml("/talked", "<Say>Goodbye.</Say>")
    url = platform.twiml("/ask", f'<Dial action="/talked" callerId="{OFFICE}"><Number>{MOTHER}</Number></Dial>')
    created = await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, url=url)
    await clock.advance(timedelta(seconds=60))
    [talked] = platform.at("/talked")
    [leg] = await twilio.calls.list_async(parent_call_sid=created.sid)
    assert (leg.to, leg._from, leg.direction, leg.status) == (MOTHER, OFFICE, "outbound-dial", "completed")
    outcome = {name: value for name, value in talked.form.items() if name.startswith("Dial")}
    assert outcome == {"DialCallStatus": "completed", "DialCallSid": leg.sid, "DialCallDuration": "30"}


async def test_calls_are_listed_newest_first_by_number_status_and_day(
    twilio: Client, network: PhoneNetwork, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    network.register(Person(number=MOTHER, temper=LetsItRing()))
    made = []
    for to in (DAUGHTER, MOTHER, DAUGHTER):
        made.append((await twilio.calls.create_async(to=to, from_=OFFICE, twiml="<Response/>")).sid)
        await clock.advance(timedelta(days=1))

    async def listed(**filters: object) -> list[int]:
        return [made.index(call.sid) for call in await twilio.calls.list_async(**filters)]

    assert await listed() == [2, 1, 0]
    assert await listed(to=DAUGHTER) == [2, 0]
    assert await listed(from_=MOTHER) == []
    assert await listed(status="no-answer") == [1]
    assert await listed(start_time=START.date()) == [0]
    assert await listed(start_time_after=START + timedelta(days=1)) == [2, 1]
    assert await listed(start_time_before=START.date() + timedelta(days=1)) == [0]
    assert await listed(page_size=1) == [2, 1, 0]
    assert await listed(limit=2) == [2, 1]
    await twilio.calls(made[0]).delete_async()
    assert await listed(to=DAUGHTER) == [2]
    with pytest.raises(TwilioRestException) as refused:
        await twilio.calls(made[0]).fetch_async()
    assert (refused.value.status, refused.value.code) == (404, 20404)


async def test_a_parameter_that_the_stand_in_does_not_obey_is_a_surprise(
    twilio: Client, network: PhoneNetwork, clock: HandSetClock
) -> None:
    network.register(Person(number=DAUGHTER, temper=Answers(after_s=0)))
    await twilio.calls.create_async(to=DAUGHTER, from_=OFFICE, twiml="<Response/>", record=True)
    await clock.advance(timedelta(seconds=1))
    [surprise] = network.surprises()
    assert "the parameter Record, which this stand-in does not obey" in surprise


async def test_there_are_no_conferences(twilio: Client) -> None:
    assert await twilio.conferences.list_async() == []
    with pytest.raises(TwilioRestException) as refused:
        await twilio.conferences("CF" + "0" * 32).fetch_async()
    assert (refused.value.status, refused.value.code) == (404, 20404)
