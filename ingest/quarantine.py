"""How much of what cannot be judged is kept singly."""

from collections import Counter
from dataclasses import replace
from typing import Final

from store.quarantine import Entry

PAYLOADS_OF_A_TOPIC: Final = 200
"""So many different payloads of one topic are kept for one reason and session; of further ones the last, and the count.
A device that has lost its mind must not fill the disk."""


class Keeper:
    """Decides for one session which payloads are kept singly."""

    def __init__(self) -> None:
        self._kept: Counter[tuple[str, str]] = Counter()

    def bounded(self, entry: Entry) -> Entry:
        """``entry``, or the same as one of many of its topic."""
        if entry.digest == 0:
            return entry
        self._kept[entry.reason, entry.topic] += 1
        if self._kept[entry.reason, entry.topic] <= PAYLOADS_OF_A_TOPIC:
            return entry
        return replace(entry, digest=0)
