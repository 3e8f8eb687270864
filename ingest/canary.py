"""The canary of a lane: a message to itself, through the broker and the lane's own commit, every few seconds.

Where canaries come through, a device that is not heard is silent; where they do not, it is we who are deaf.
"""

import asyncio
from datetime import UTC, datetime

import msgspec
import structlog

from domain.clock import Clock
from ingest.config import IngestConfig
from ingest.errors import BrokerUnavailable
from ingest.session import BrokerSession, connect
from ingest.topics import canary_topic
from store.canaries import Canary

log = structlog.get_logger(__name__)


class _Song(msgspec.Struct):
    published_at: datetime


def canary_in(payload: bytes, lane: str, now: datetime) -> Canary | None:
    """The canary in ``payload``, which ``lane`` commits at ``now``; None if somebody else sings there."""
    try:
        song = msgspec.json.decode(payload, type=_Song)
    except (ValueError, RecursionError):
        return None
    if song.published_at.tzinfo is None:
        return None
    return Canary(lane=lane, published_at=song.published_at.astimezone(UTC), committed_at=now)


async def sing(config: IngestConfig, clock: Clock) -> None:
    """Publish a canary every ``canary_s`` seconds of machine time, on a connection of its own. Runs until cancelled; a
    broker that is down is tried again at the next canary.
    """
    session: BrokerSession | None = None
    topic = canary_topic(config)
    try:
        while True:
            try:
                if session is None or session.ended.done():
                    session = await connect(
                        config.broker,
                        f"{config.client_id}-canary",
                        lambda *_: None,
                        clean=True,
                        keep_alive_s=max(config.keep_alive_s, int(2 * config.canary_s)),
                    )
                song = msgspec.json.encode(_Song(published_at=clock.now()))
                async with asyncio.timeout(config.canary_s):
                    await session.publish_surely(topic, song)
            except (BrokerUnavailable, TimeoutError) as error:
                log.info("the canary is silent", lane=config.client_id, error=str(error) or "no answer in time")
                if session is not None:
                    await session.leave()
                    session = None
            await asyncio.sleep(config.canary_s)
    finally:
        if session is not None:
            await session.leave()
