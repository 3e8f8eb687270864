"""The operators' console: the outbox itself is what it shows, and having been seen is the receipt."""

from alerting.channels import Outgoing, Sent
from domain.people import ChannelName


class Console:
    """The console channel: nothing is carried anywhere, so nothing can go wrong on the way."""

    name = ChannelName.CONSOLE

    async def send(self, outgoing: Outgoing) -> Sent:
        """It is on show from now on."""
        return Sent(ref=None, status="on_show")

    async def look_up(self, outgoing: Outgoing, known: frozenset[str]) -> Sent | None:
        """None: there is nothing to look up, and sending it again changes nothing."""
        return None

    async def poll(self, ref: str) -> Sent | None:
        """None: only an operator can tell."""
        return None
