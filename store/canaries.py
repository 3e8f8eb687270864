"""Canaries: what a lane says to itself through the broker, and when that was committed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One canary, in care time."""

    lane: str
    published_at: datetime
    committed_at: datetime


def arrived(connection: psycopg.Connection[TupleRow], canaries: Sequence[Canary]) -> None:
    """Record the last of ``canaries`` in the running transaction."""
    if canaries:
        last = max(canaries, key=lambda canary: canary.published_at)
        connection.execute(
            queries("canaries").arrived,
            {"lane": last.lane, "published_at": last.published_at, "committed_at": last.committed_at},
        )
