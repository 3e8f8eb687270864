"""A turn of a call as TwiML."""

from urllib.parse import urlencode

from fastapi import Response
from twilio.twiml.voice_response import VoiceResponse

from alerting.channels.twilio_account import TwilioConfig
from alerting.dialogue import Then, Turn
from alerting.messages import say
from alerting.reporting import Asked
from domain.people import Language

_SPOKEN = {Language.ZH: "zh-CN", Language.EN: "en-US"}
# A hold must be short of the 15 s that Twilio waits for an answer, and long enough to let a database come back.
_HOLD_S = 3
_LISTEN_S = 8


def of_turn(turn: Turn, config: TwilioConfig, token: str) -> str:
    """The document that says ``turn`` and leads on."""
    response = VoiceResponse()
    if turn.then is None:
        _speak(response, turn, config)
        response.hangup()
        return str(response)
    url = url_of(config, token, turn.then, turn.language)
    if turn.dial:
        _speak(response, turn, config)
        response.dial(turn.dial, caller_id=config.voice_number, action=url, method="POST")
    elif turn.listen_s:
        menu = response.gather(
            num_digits=1, timeout=turn.listen_s, action=url, method="POST", action_on_empty_result=True
        )
        _speak(menu, turn, config)
    else:
        _speak(response, turn, config)
        response.redirect(url, method="POST")
    return str(response)


def of_report(asked: Asked, config: TwilioConfig) -> str:
    """The document for somebody who calls us."""
    response = VoiceResponse()
    speaker = response
    if asked.about is not None:
        url = f"{config.public_url}/callbacks/twilio/incoming?about={asked.about}"
        speaker = response.gather(num_digits=1, timeout=_LISTEN_S, action=url, method="POST")
    for sentence in asked.said:
        _say(speaker, sentence, asked.language, config)
    return str(response)


def answer(document: str) -> Response:
    """The HTTP answer that carries ``document``."""
    return Response(document, media_type="text/xml")


def hold(language: Language, config: TwilioConfig, url: str) -> str:
    """Ask the person to hold on, and come back to ``url``: silence would be taken for an end."""
    response = VoiceResponse()
    _say(response, say(language, "speech.hold"), language, config)
    response.pause(length=_HOLD_S)
    response.redirect(url, method="POST")
    return str(response)


def give_up(language: Language, config: TwilioConfig) -> str:
    """Say that nothing can be done here now, and end the call."""
    response = VoiceResponse()
    _say(response, say(language, "speech.give_up"), language, config)
    response.hangup()
    return str(response)


def url_of(config: TwilioConfig, token: str, then: Then, language: Language, **more: str | int) -> str:
    """Where Twilio goes on: all that a turn needs to know stands in the address, which is signed. The language is for
    the moment in which the database cannot be asked for it.
    """
    query = {"about": then.about, "tries": then.tries, "language": language.value, **more}
    given = urlencode({name: value for name, value in query.items() if value})
    return f"{config.public_url}/callbacks/twilio/voice/{token}/{then.stage}?{given}"


def _speak(response: VoiceResponse, turn: Turn, config: TwilioConfig) -> None:
    for sentence in turn.said:
        _say(response, sentence, turn.language, config)


def _say(response: VoiceResponse, sentence: str, language: Language, config: TwilioConfig) -> None:
    response.say(sentence, language=_SPOKEN[language], voice=config.voices.get(language))
