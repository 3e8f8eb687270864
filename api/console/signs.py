"""How the platform is, in the head of every page: each kind of lane by its canaries, the engine and the sender by what
has waited longest, the provider by what it has taken last.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from api.console.feed import Snapshot
from api.console.rows import milliseconds
from api.words import Words, noted

_LATE: Final = timedelta(seconds=10)  # a step or a message that waits so long is shown as late
_CANARY_LATE: Final = timedelta(seconds=60)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_KINDS: Final = (("alarm", noted("Alarm lane")), ("telemetry", noted("Data lane")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that tells how the platform is. ``value`` in words, or ``since_ms`` as a clock."""

    word: str
    value: str
    since_ms: int | None
    ok: bool


def signs(snapshot: Snapshot, say: Words) -> list[Sign]:
    """As many signs however many partitions there are."""
    return [
        *(_lanes(kind, say(word), snapshot, say) for kind, word in _KINDS),
        _loop(say("Engine"), snapshot.platform.engine_since, snapshot.at, say),
        _sender(snapshot, say),
    ]


def _lanes(kind: str, word: str, snapshot: Snapshot, say: Words) -> Sign:
    """Those of a kind by the oldest of their last canaries; the lane is named if it is late and not the only one."""
    lanes = {
        lane.removeprefix("ingest-").removesuffix(f"-{kind}"): committed_at or _NEVER
        for lane, committed_at in snapshot.lanes.items()
        if lane.endswith(f"-{kind}")
    }
    partition, oldest = min(lanes.items(), key=lambda lane: lane[1], default=("", _NEVER))
    ok = snapshot.at - oldest < _CANARY_LATE
    never = oldest == _NEVER
    return Sign(
        word=word if ok or len(lanes) < 2 else f"{word} {partition}",
        value=say("never") if never else "",
        since_ms=None if never else milliseconds(oldest),
        ok=ok,
    )


def _sender(snapshot: Snapshot, say: Words) -> Sign:
    """The sender, as long as it keeps up and the provider takes what it is given: since when it last took something."""
    platform = snapshot.platform
    waiting = say("{waiting} waiting", waiting=platform.waiting) if platform.waiting else ""
    taken_ms = None if platform.taken_at is None else milliseconds(platform.taken_at)
    if platform.refused:
        return Sign(word=say("Provider"), value=say("fails"), since_ms=taken_ms, ok=False)
    sender = _loop(say("Sender"), platform.sender_since, snapshot.at, say, waiting)
    if waiting or taken_ms is None:
        return sender
    return replace(sender, value="", since_ms=taken_ms)


def _loop(word: str, since: datetime | None, now: datetime, say: Words, waiting: str = "") -> Sign:
    if since is None or now - since <= _LATE:
        return Sign(word=word, value=waiting or say("on time"), since_ms=None, ok=True)
    return Sign(word=word, value=waiting, since_ms=milliseconds(since), ok=False)
