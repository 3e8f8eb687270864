"""One account with Twilio: settings, a client on our own HTTP connections, and what its refusals mean."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, Field, SecretStr, field_validator
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from alerting.channels.connections import open_connections
from alerting.errors import ChannelError, Refusal

API_URL: Final = "https://api.twilio.com"
CLOCK_SKEW: Final = timedelta(seconds=5)
"""Our clock and Twilio's may differ by so much; and Twilio writes times to the second."""

_PLACEHOLDERS: Final = frozenset({"", "changeme", "change-me", "secret", "token", "your_auth_token", "xxx"})

_Phone = Annotated[str, Field(pattern=r"^\+[0-9]{7,15}$")]


class TwilioConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of the account. ``public_url`` is how Twilio reaches our web process; no slash at its end."""

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", description="The account")
    auth_token: SecretStr = Field(description="Its secret, which signs call-backs as well")
    previous_auth_token: SecretStr | None = Field(
        default=None, description="Still accepted as signature of call-backs while the token is being changed"
    )
    voice_number: _Phone = Field(description="Whom people see calling; a number of the account")
    sms_number: _Phone | None = Field(default=None, description="By default the voice number")
    base_url: str = Field(default=API_URL, description="Where the provider is; a stand-in is elsewhere")
    public_url: str = Field(pattern=r"^https?://[^\s]+[^/\s]$")
    overseas: bool = Field(default=True, description="It stands abroad: no name, address or health without consent")
    calls_per_s: float = Field(default=1.0, gt=0, description="Calls a second and process; Twilio's default is 1")
    messages_per_s: float = Field(default=1.0, gt=0, description="Texts a second and process")
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="How long a request may take")
    ring_s: int = Field(default=30, ge=5, le=600, description="Longer finds more voicemail than people")
    voices: dict[str, str] = Field(default_factory=dict, description="Twilio voice by language; else its default")

    @field_validator("auth_token", "previous_auth_token")
    @classmethod
    def _no_placeholder(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and token.get_secret_value().strip().lower() in _PLACEHOLDERS:
            raise ValueError("a placeholder is no secret: put in the account's auth token")
        return token

    @property
    def tokens(self) -> tuple[str, ...]:
        """The auth tokens that a call-back may be signed with."""
        both = (self.auth_token, self.previous_auth_token)
        return tuple(token.get_secret_value() for token in both if token is not None)


@asynccontextmanager
async def open_account(config: TwilioConfig) -> AsyncIterator[Client]:
    """Twilio's client library on kept-alive connections to ``config.base_url``."""
    async with open_connections(config.timeout_s, outside=not is_loopback(config.base_url)) as connections:
        client = Client(
            config.account_sid,
            config.auth_token.get_secret_value(),
            http_client=_Connections(connections),
            environment={},
        )
        client.api.base_url = config.base_url
        yield client


def is_loopback(url: str) -> bool:
    """True if ``url`` can only lead to this machine itself, by an address that no name server is asked for."""
    return urlsplit(url).hostname in ("127.0.0.1", "::1")


class _Connections(AsyncHttpClient):  # type: ignore[misc]  # twilio has no types
    """Twilio's own asynchronous client rests on deprecated parts of aiohttp, and logs every request; this one does
    neither.
    """

    def __init__(self, connections: aiohttp.ClientSession) -> None:
        super().__init__(None, True)
        self._connections = connections

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """See twilio.http.AsyncHttpClient."""
        signed = {"Authorization": aiohttp.encode_basic_auth(*auth)} if auth is not None else {}
        asking = self._connections.request(
            method,
            uri,
            params=params,
            data=data,
            headers={**(headers or {}), **signed},
            allow_redirects=allow_redirects,
        )
        async with asking as answer:
            return Response(answer.status, await answer.text(), answer.headers)


# Whoever is refused for one of these is not to be tried again through this channel.
# Source: Twilio's error and warning dictionary (www.twilio.com/docs/api/errors), Calls and Messages resources.
_REFUSALS: Final = {
    10001: Refusal.BAD_ACCOUNT,  # account is not active
    13223: Refusal.INVALID_NUMBER,  # dial: invalid phone number format
    13224: Refusal.INVALID_NUMBER,  # dial: invalid phone number
    20003: Refusal.BAD_ACCOUNT,  # authentication failed
    21201: Refusal.INVALID_NUMBER,  # no number to call
    21211: Refusal.INVALID_NUMBER,  # invalid 'To' phone number
    21214: Refusal.NOT_REACHABLE,  # 'To' phone number cannot be reached
    21215: Refusal.NOT_PERMITTED,  # account not authorised to call there
    21216: Refusal.NOT_PERMITTED,  # account not allowed to call that number
    21217: Refusal.INVALID_NUMBER,  # phone number does not appear to be valid
    21219: Refusal.NOT_PERMITTED,  # 'To' phone number not verified
    21408: Refusal.NOT_PERMITTED,  # no permission to send messages to that region
    21604: Refusal.INVALID_NUMBER,  # 'To' is required for a message
    21608: Refusal.NOT_PERMITTED,  # 'To' number not verified
    21610: Refusal.UNSUBSCRIBED,  # the recipient has sent STOP
    21612: Refusal.NOT_REACHABLE,  # cannot be reached with this combination of 'To' and 'From'
    21614: Refusal.NOT_REACHABLE,  # 'To' is not a mobile number
}
# Later may do. Source: as above.
_TOO_FAST: Final = frozenset({10004, 14107, 20429, 21611})  # concurrent calls, message rate, requests, queue is full


@contextmanager
def mapping() -> Iterator[None]:
    """Turn whatever Twilio's client raises into :class:`ChannelError`, chained."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise ChannelError(Refusal.NO_CONNECTION, repr(error), retryable=True) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ChannelError(Refusal.NO_RESPONSE, repr(error), retryable=True, maybe_taken=True) from error
    except (TwilioRestException, TwilioServiceException) as error:
        raise _refused(int(error.status), int(error.code or 0), str(error)) from error
    except (TwilioException, ValueError) as error:  # an answer that is not what Twilio documents
        raise ChannelError(Refusal.OUT_OF_ORDER, repr(error), retryable=True, maybe_taken=True) from error


def _refused(status: int, code: int, detail: str) -> ChannelError:
    shown = str(code or status)
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in _TOO_FAST:
        return ChannelError(Refusal.TOO_FAST, detail, retryable=True, provider_code=shown)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ChannelError(Refusal.OUT_OF_ORDER, detail, retryable=True, provider_code=shown)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ChannelError(Refusal.OUT_OF_ORDER, detail, retryable=True, maybe_taken=True, provider_code=shown)
    return ChannelError(_REFUSALS.get(code, Refusal.BAD_REQUEST), detail, provider_code=shown)
