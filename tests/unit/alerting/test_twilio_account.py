"""The account's settings, and what the provider's refusals mean."""

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from pydantic import ValidationError
from twilio.base.exceptions import TwilioException, TwilioRestException

from alerting.channels.twilio_account import TwilioConfig, is_loopback, mapping
from alerting.errors import ChannelError, Refusal

_TO_PROVIDER = ConnectionKey("api.twilio.com", 443, True, True, None, None, None)
STATED = {
    "account_sid": "AC" + "0" * 32,
    "auth_token": "a real token",
    "voice_number": "+441632960000",
    "public_url": "https://care.example.org",
}


def test_the_present_and_the_previous_token_count() -> None:
    """While the token is being changed, call-backs are signed with either."""
    config = TwilioConfig.model_validate(STATED | {"previous_auth_token": "the old one"})
    assert config.tokens == ("a real token", "the old one")
    assert "a real token" not in repr(config)


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth_token": "changeme"},
        {"auth_token": " YOUR_AUTH_TOKEN "},
        {"account_sid": "AC12"},
        {"voice_number": "119"},
        {"public_url": "https://care.example.org/"},
        {"calls_per_s": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    """Before anything is sent."""
    with pytest.raises(ValidationError):
        TwilioConfig.model_validate(STATED | wrong)


@pytest.mark.parametrize(
    ("error", "reason", "retryable", "maybe_taken"),
    [
        (TwilioRestException(400, "/", code=21211), Refusal.INVALID_NUMBER, False, False),
        (TwilioRestException(400, "/", code=21610), Refusal.UNSUBSCRIBED, False, False),
        (TwilioRestException(400, "/", code=21614), Refusal.NOT_REACHABLE, False, False),
        (TwilioRestException(400, "/", code=21215), Refusal.NOT_PERMITTED, False, False),
        (TwilioRestException(401, "/", code=20003), Refusal.BAD_ACCOUNT, False, False),
        (TwilioRestException(400, "/", code=99999), Refusal.BAD_REQUEST, False, False),
        (TwilioRestException(429, "/", code=20429), Refusal.TOO_FAST, True, False),
        (TwilioRestException(400, "/", code=21611), Refusal.TOO_FAST, True, False),
        (TwilioRestException(503, "/"), Refusal.OUT_OF_ORDER, True, False),
        (TwilioRestException(500, "/", code=20500), Refusal.OUT_OF_ORDER, True, True),
        (aiohttp.ClientConnectorError(_TO_PROVIDER, OSError("refused")), Refusal.NO_CONNECTION, True, False),
        (aiohttp.ConnectionTimeoutError("slow"), Refusal.NO_CONNECTION, True, False),
        (aiohttp.SocketTimeoutError("silent"), Refusal.NO_RESPONSE, True, True),
        (aiohttp.ServerDisconnectedError("broken"), Refusal.NO_RESPONSE, True, True),
        (TimeoutError("dribbling"), Refusal.NO_RESPONSE, True, True),
        (TwilioException("no record"), Refusal.OUT_OF_ORDER, True, True),
        (ValueError("not JSON"), Refusal.OUT_OF_ORDER, True, True),
    ],
)
def test_every_refusal_says_whether_to_try_again_and_whether_it_may_have_been_taken(
    error: Exception, reason: Refusal, retryable: bool, maybe_taken: bool
) -> None:
    """A second call is worse than a look at the provider, and a lost one is worse than both."""
    with pytest.raises(ChannelError) as caught, mapping():
        raise error
    assert (caught.value.reason, caught.value.retryable, caught.value.maybe_taken) == (reason, retryable, maybe_taken)
    assert caught.value.__cause__ is error


def test_only_addresses_that_need_no_name_server_are_this_machine() -> None:
    """A name can be made to lead anywhere."""
    assert is_loopback("http://127.0.0.1:8080/x")
    assert is_loopback("http://[::1]:8080")
    for url in ("http://localhost", "http://127.0.0.1.example.org", "https://api.twilio.com", "http://10.0.0.1", "x"):
        assert not is_loopback(url)
