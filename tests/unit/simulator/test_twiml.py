"""Reading TwiML."""

import pytest
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from simulator.errors import NotTwiml
from simulator.phone.twiml import Dial, Gather, Hangup, Message, Pause, Play, Redirect, Say, parse


def test_a_document_made_by_twilios_own_library_is_understood_whole() -> None:
    response = VoiceResponse()
    gather = response.gather(
        num_digits=1, action="/key?n=1", timeout=8, finish_on_key="", action_on_empty_result=True, input="dtmf"
    )
    gather.say("这里是守望值守台。", language="zh-CN")
    gather.pause(length=2)
    gather.play("https://sounds.example/menu.mp3")
    response.redirect("/again", method="GET")
    response.dial("+441632960003", timeout=20, caller_id="+441632960000", action="/after", time_limit=600)
    response.hangup()

    document = parse(str(response))

    assert document.oddities == ()
    assert document.verbs == (
        Gather(
            prompt=(
                Say(text="这里是守望值守台。", language="zh-CN"),
                Pause(length_s=2),
                Play(url="https://sounds.example/menu.mp3"),
            ),
            action="/key?n=1",
            timeout_s=8,
            num_digits=1,
            finish_on_key="",
            action_on_empty_result=True,
        ),
        Redirect(url="/again", method="GET"),
        Dial(numbers=("+441632960003",), action="/after", timeout_s=20, caller_id="+441632960000", time_limit_s=600),
        Hangup(),
    )


def test_a_dial_with_several_numbers_rings_them_all() -> None:
    response = VoiceResponse()
    dial = response.dial()
    dial.number("+441632960003")
    dial.number("+441632960004")
    assert parse(str(response)).verbs == (Dial(numbers=("+441632960003", "+441632960004")),)


def test_a_messaging_document_answers_with_a_text() -> None:
    response = MessagingResponse()
    response.message("Thank you.")
    assert parse(str(response)).verbs == (Message(body="Thank you."),)


@pytest.mark.parametrize(
    ("body", "oddity"),
    [
        ("<Sing/>", "unknown verb <Sing>"),
        ("<Dial><Conference>room</Conference></Dial>", "unknown noun <Conference> in <Dial>"),
        ('<Gather nmDigits="1"/>', "unknown attribute nmDigits of <Gather>"),
        ('<Gather timeout="soon"/>', "timeout='soon' of <Gather> is not a whole number"),
        ('<Gather input="speech"/>', "input='speech' of <Gather>: only dtmf is heard here"),
        ("<Gather><Dial>1</Dial></Gather>", "<Dial> does not belong in <Gather>"),
    ],
)
def test_what_is_not_known_is_named_and_the_rest_is_followed(body: str, oddity: str) -> None:
    document = parse(f"<Response>{body}<Hangup/></Response>")
    assert document.oddities == (oddity,)
    assert document.verbs[-1] == Hangup()


@pytest.mark.parametrize("text", ["", "hello", "<Response>", "<html/>", "<Response/><Response/>"])
def test_what_is_not_twiml_is_a_parse_failure_by_twilios_code(text: str) -> None:
    with pytest.raises(NotTwiml) as caught:
        parse(text)
    assert caught.value.code == 12100
