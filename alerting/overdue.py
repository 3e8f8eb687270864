"""What was sent and has not been heard of since: the provider is asked, and then it is given up on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter

from alerting import delivery, progress
from alerting.channels import Channel, Outgoing, Sent
from alerting.errors import ChannelError
from alerting.progress import CallStatus
from domain.clock import Clock
from domain.notification import Failure, NotificationState
from domain.people import ChannelName, Language
from store import calls
from store.calls import Call
from store.outbox import Unheard
from store.pool import Database
from store.wakeups import Bell, ring

log = structlog.get_logger(__name__)

ASKED = Counter(
    "carewatch_sender_asked_provider_total", "Calls and messages asked after, having heard nothing", ["channel"]
)

# A call of which the provider can tell nothing for so long holds its number no longer. Care time.
_LOST_AFTER: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Overdue:
    """Asks after calls and messages."""

    database: Database
    clock: Clock
    channels: dict[ChannelName, Channel]

    async def call(self, call: Call) -> None:
        """How a live call stands. What the provider does not know is lost; what it cannot tell now is asked again."""
        ASKED.labels(ChannelName.VOICE).inc()
        now = self.clock.now()
        try:
            standing = await self._standing(call)
        except ChannelError as error:
            log.warning("a call cannot be asked after", call=call.id, error=error.code)
            if now - call.started_at < _LOST_AFTER:
                return
            standing = None
        now = self.clock.now()
        if standing is not None and call.provider_ref is None and standing.ref is not None:
            async with self.database.transaction() as connection:
                await progress.adopted(connection, call, standing.ref, now=now)
        async with self.database.transaction() as connection:
            if standing is None:
                await progress.call_over(connection, call, CallStatus.LOST, now=now)
            else:
                await progress.call_moved(connection, call, standing, now=now)
        await ring(self.database, Bell.ENGINE, Bell.SENDER)

    async def _standing(self, call: Call) -> Sent | None:
        channel = self.channels.get(ChannelName.VOICE)
        if channel is None:
            return None
        if call.provider_ref is not None:
            return await channel.poll(call.provider_ref)
        async with self.database.transaction() as connection:
            known = await calls.known_refs(connection, call.number, since=call.started_at - timedelta(days=1))
        placed = Outgoing(token="", address=call.number, since=call.started_at, language=Language.ZH)
        return await channel.look_up(placed, known)

    async def message(self, one: Unheard) -> None:
        """How a message stands; without a receipt by now the engine takes the next channel. A late one still counts."""
        ASKED.labels(one.channel).inc()
        standing = await self._message_standing(one)
        now = self.clock.now()
        async with self.database.transaction() as connection:
            if standing is not None:
                await progress.message_moved(connection, one.id, one.incident_id, standing, now=now)
            await delivery.failed(
                connection,
                one.id,
                one.incident_id,
                Failure.NO_RECEIPT,
                now=now,
                from_states=(NotificationState.SENT,),
                status=standing.status if standing else None,
            )
        await ring(self.database, Bell.ENGINE)

    async def _message_standing(self, one: Unheard) -> Sent | None:
        channel = self.channels.get(ChannelName(one.channel))
        if channel is None or one.provider_ref is None:
            return None
        try:
            return await channel.poll(one.provider_ref)
        except ChannelError as error:
            log.warning("a message cannot be asked after", notification=one.id, error=error.code)
            return None
