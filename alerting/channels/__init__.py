"""Ways to people: one file per channel, all behind :class:`Channel`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from domain.people import ChannelName, Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message or call on its way out. ``token`` names it in call-backs and links; ``since`` is care time, at or
    before its first attempt.
    """

    token: str
    address: str
    since: datetime
    language: Language
    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)  # for machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How a message or call stands at its provider, which knows it by ``ref``; ``status`` is the provider's word."""

    ref: str | None
    status: str
    error: str | None = None
    answered_by: str | None = None
    arrived: bool = False  # handing over was arriving: there will be no receipt


class Channel(Protocol):
    """A way to a person. Every method raises :class:`alerting.errors.ChannelError`, and nothing else, for what goes
    wrong at or on the way to the provider, and takes a bounded time.
    """

    name: ChannelName

    async def send(self, outgoing: Outgoing) -> Sent:
        """Hand it to the provider."""
        ...

    async def look_up(self, outgoing: Outgoing, known: frozenset[str]) -> Sent | None:
        """What an earlier attempt of unknown fate became, if the provider has it; it is none of those ``known``."""
        ...

    async def poll(self, ref: str) -> Sent | None:
        """How it stands; None if the provider does not know it, or is one that cannot be asked."""
        ...
