"""Quarantine: messages that could not be judged, kept, counted and shown."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A payload, or a source, that could not be judged, and how often since it was last written down."""

    reason: str
    topic: str
    digest: int
    detail: str
    payload: bytes
    size_bytes: int
    at: datetime
    times: int = 1
    device_key: int | None = None
    cell: str | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it the same entry."""
        return (self.reason, self.topic, self.digest)


def keep(connection: psycopg.Connection[TupleRow], entries: Iterable[Entry]) -> None:
    """Write ``entries`` in the running transaction; PostgreSQL's errors come as they are."""
    merged: dict[tuple[str, str, int], Entry] = {}
    for entry in entries:
        before = merged.get(entry.key)
        merged[entry.key] = entry if before is None else replace(entry, times=before.times + entry.times)
    rows = sorted(merged.values(), key=lambda entry: entry.key)
    if not rows:
        return
    connection.execute(
        queries("quarantine").keep,
        {
            "reasons": [row.reason for row in rows],
            "topics": [row.topic for row in rows],
            "digests": [row.digest for row in rows],
            "device_keys": [row.device_key for row in rows],
            "cells": [row.cell for row in rows],
            "details": [row.detail for row in rows],
            "payloads": [row.payload for row in rows],
            "sizes": [row.size_bytes for row in rows],
            "ats": [row.at for row in rows],
            "times": [row.times for row in rows],
        },
    )
