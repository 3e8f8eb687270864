"""Who a simulated connection is, and what all connections of one process share."""

import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from devices.wire.mqtt import TopicCache
from simulator.fleet.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a link is at the broker, and what it listens to."""

    client_id: str
    password: str | None = None
    hears: tuple[str, ...] = ()
    sleeps: bool = False


@dataclass(slots=True, kw_only=True)
class Switchboard:
    """What all links of one process share."""

    host: str
    port: int
    witness: Witness
    care_now: Callable[[], float]
    """Epoch seconds of care time."""
    topics: TopicCache
    chance: random.Random
    """For back-off and jitter only: nothing that is in the ledger hangs on it."""
    source: Callable[[], tuple[str, int] | None] = lambda: None
    """The local address for the next connection."""
    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    """User and password of links that have no password of their own."""
