"""Calls through Twilio. What is said is told call by call, at answer, by :mod:`api.callbacks`."""

from typing import Any, Final

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from alerting.channels import Outgoing, Sent
from alerting.channels.twilio_account import CLOCK_SKEW, TwilioConfig, mapping
from domain.people import ChannelName

_NOT_FOUND: Final = 404
_PAGE: Final = 50


class TwilioVoice:
    """The voice channel on one account."""

    name = ChannelName.VOICE

    def __init__(self, client: Client, config: TwilioConfig) -> None:
        self._calls = client.calls
        self._config = config

    async def send(self, outgoing: Outgoing) -> Sent:
        """Place a call. Machine detection comes before the first word, so that no machine hears one."""
        url = f"{self._config.public_url}/callbacks/twilio"
        script = f"{url}/voice/{outgoing.token}?language={outgoing.language}"
        with mapping():
            call = await self._calls.create_async(
                to=outgoing.address,
                from_=self._config.voice_number,
                url=script,
                fallback_url=script,
                status_callback=f"{url}/status/{outgoing.token}",
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                machine_detection="Enable",
                timeout=self._config.ring_s,
            )
        return _sent(call)

    async def look_up(self, outgoing: Outgoing, known: frozenset[str]) -> Sent | None:
        """The newest call of ours to that number since then which nobody knows of.

        There is one live call for each number, so it can only be the attempt in question. Twilio tells neither the URLs
        of a call nor any mark of ours, and filters by whole days, and only what has begun to ring; so we filter.
        """
        with mapping():
            calls = await self._calls.list_async(
                to=outgoing.address, from_=self._config.voice_number, limit=_PAGE, page_size=_PAGE
            )
        since = outgoing.since - CLOCK_SKEW
        found = [call for call in calls if call.sid not in known and call.date_created and call.date_created >= since]
        return _sent(max(found, key=lambda call: call.date_created)) if found else None

    async def poll(self, ref: str) -> Sent | None:
        """How a call stands; None if Twilio does not know it."""
        with mapping():
            try:
                return _sent(await self._calls(ref).fetch_async())
            except TwilioRestException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise


def _sent(call: Any) -> Sent:
    return Sent(ref=str(call.sid), status=str(call.status), answered_by=call.answered_by)
