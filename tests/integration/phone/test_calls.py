"""Calls over Twilio's interface, with people played by hand and by script."""

from datetime import timedelta

from fixtures.phone import OFFICE, Platform
from twilio.rest import Client

from simulator.clock import HandSetClock
from simulator.phone.call import CallStatus
from simulator.phone.network import PhoneNetwork
from simulator.phone.people import Person

DAUGHTER = "+441632960001"
ALL = ["initiated", "ringing", "answered", "completed"]
ASK = '<Gather numDigits="1" timeout="10" action="/key"><Say language="en-GB">Press 1 to go.</Say></Gather>'


async def test_a_call_is_answered_listens_to_a_key_and_ends_with_every_progress_told_in_order(
    twilio: Client, network: PhoneNetwork, platform: Platform, clock: HandSetClock
) -> None:
    daughter = network.register(Person(number=DAUGHTER))
    platform.twiml("/key", '<Say language="en-GB">Thank you.</Say><Hangup/>')
    created = await twilio.calls.create_async(
        to=DAUGHTER,
        from_=OFFICE,
        url=platform.twiml("/ask", ASK),
        status_callback=platform.url + "/progress",
        status_callback_event=ALL,
    )
    assert created.status == "queued"
    call = await daughter.next_call()
    await clock.advance(timedelta(seconds=7))
    await call.answer()
    await call.press("1")
    assert await call.ended() is CallStatus.COMPLETED

    progress = await platform.gets("/progress", 4)
    assert [one.form["CallStatus"] for one in progress] == ["initiated", "ringing", "in-progress", "completed"]
    assert [one.form["SequenceNumber"] for one in progress] == ["0", "1", "2", "3"]
    assert all(one.genuine for one in platform.received)
    assert [one.form["Digits"] for one in platform.at("/key")] == ["1"]
    assert call.spoken == ["Press 1 to go.", "Thank you."]
    network.check()
