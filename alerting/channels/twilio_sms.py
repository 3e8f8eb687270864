"""Text messages through Twilio."""

from typing import Any, Final

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from alerting.channels import Outgoing, Sent
from alerting.channels.twilio_account import CLOCK_SKEW, TwilioConfig, mapping
from domain.people import ChannelName

_NOT_FOUND: Final = 404
_PAGE: Final = 50


class TwilioSms:
    """The SMS channel on one account."""

    name = ChannelName.SMS

    def __init__(self, client: Client, config: TwilioConfig) -> None:
        self._messages = client.messages
        self._public_url = config.public_url
        self._from = config.sms_number or config.voice_number

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send the text; what becomes of it is called back."""
        with mapping():
            message = await self._messages.create_async(
                to=outgoing.address,
                from_=self._from,
                body=outgoing.text,
                status_callback=f"{self._public_url}/callbacks/twilio/message/{outgoing.token}",
            )
        return _sent(message)

    async def look_up(self, outgoing: Outgoing, known: frozenset[str]) -> Sent | None:
        """The newest message of ours to that number with these words since then, which nobody knows of."""
        with mapping():
            messages = await self._messages.list_async(
                to=outgoing.address, from_=self._from, limit=_PAGE, page_size=_PAGE
            )
        since = outgoing.since - CLOCK_SKEW
        found = [
            one
            for one in messages
            if one.sid not in known and one.body == outgoing.text and one.date_created and one.date_created >= since
        ]
        return _sent(max(found, key=lambda one: one.date_created)) if found else None

    async def poll(self, ref: str) -> Sent | None:
        """How a message stands; None if Twilio does not know it."""
        with mapping():
            try:
                return _sent(await self._messages(ref).fetch_async())
            except TwilioRestException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise


def _sent(message: Any) -> Sent:
    error = None if message.error_code is None else str(message.error_code)
    return Sent(ref=str(message.sid), status=str(message.status), error=error)
