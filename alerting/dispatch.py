"""One message or call handed to its provider, and what came of that. Nothing here decides who comes next."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Histogram

from alerting import delivery, progress
from alerting.channels import Channel, Outgoing, Sent
from alerting.errors import ChannelError, Refusal
from alerting.wording import text_of
from domain.clock import Clock
from domain.health import Health
from domain.notification import Failure, NotificationState, Purpose
from domain.people import ChannelName, Language, Mode
from store import calls, outbox
from store.calls import Opened
from store.matters import matters
from store.outbox import Claimed
from store.pool import Database
from store.wakeups import Bell, ring

log = structlog.get_logger(__name__)

HANDED_OVER = Counter("carewatch_sender_handed_over_total", "Messages and calls that a provider took", ["channel"])
REFUSED = Counter("carewatch_sender_refused_total", "Messages and calls not taken", ["channel", "reason"])
FOUND_AGAIN = Counter(
    "carewatch_sender_found_again_total", "Attempts of unknown fate that the provider had", ["channel"]
)
DOUBLED = Counter("carewatch_sender_doubled_total", "Second calls or messages for the same, because the first was lost")
DELAY = Histogram(
    "carewatch_sender_delay_seconds",
    "From due to taken by the provider, in care time",
    ["channel"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300),
)

ATTEMPTS: Final = 5
"""After so many the message has failed, and the engine may try another channel: with the back-off below some 15 s."""

_FIRST_BACK_OFF: Final = timedelta(seconds=1)
_LONGEST_BACK_OFF: Final = timedelta(seconds=30)


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1 s, 2 s, 4 s … 30 s."""
    return min(_FIRST_BACK_OFF * (1 << min(attempts - 1, 10)), _LONGEST_BACK_OFF)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Hands over what the sender has claimed."""

    database: Database
    clock: Clock
    channels: dict[ChannelName, Channel]
    public_url: str
    overseas: frozenset[ChannelName]  # whose providers stand abroad
    health: Health

    async def call(self, call: Opened) -> None:
        """Place ``call``, unless the provider turns out to have it already."""
        forbidden = [(one, reason) for one in call.notifications if (reason := _forbidden(one)) is not None]
        for one, reason in forbidden:
            await self._fail(one, reason, error=reason)
        wanted = [one for one in call.notifications if _forbidden(one) is None]
        if not wanted:
            await self._close(call, "canceled")
            return
        first = wanted[0]
        language = Language(first.language)
        outgoing = Outgoing(token=first.token, address=call.number, since=call.started_at, language=language)
        try:
            sent = await self._hand_over(ChannelName.VOICE, outgoing, again=call.again, call=call)
        except ChannelError as error:
            await self._not_placed(call, wanted, error)
            return
        await self._placed(call, wanted, sent)

    async def message(self, one: Claimed) -> None:
        """Send ``one``, unless the provider turns out to have it already."""
        reason = _forbidden(one)
        if reason is not None:
            await self._fail(one, reason, error=reason)
            return
        channel = ChannelName(one.channel)
        try:
            sent = await self._hand_over(channel, await self._written(one), again=one.again)
        except ChannelError as error:
            await self._not_sent(one, error)
            return
        now = self.clock.now()
        async with self.database.transaction() as connection:
            ours = await delivery.went_out(
                connection, one.id, channel, now=now, ref=sent.ref, status=sent.status, fence=one.fence
            )
            known = None if ours else await outbox.by_token(connection, one.token)
        if known is not None and known.provider_ref != sent.ref:
            self._displaced(one.id, sent)
            return
        DELAY.labels(channel).observe((now - one.due_at).total_seconds())
        if sent.arrived:
            async with self.database.transaction() as connection:
                await delivery.arrived(connection, one.id, one.incident_id, now=now, status=sent.status)
            await ring(self.database, Bell.ENGINE)

    async def _written(self, one: Claimed) -> Outgoing:
        now = self.clock.now()
        async with self.database.transaction() as connection:
            matter = (await matters(connection, [one.incident_id], now=now))[one.incident_id]
        overseas = ChannelName(one.channel) in self.overseas
        language = Language(one.language)
        link = f"{self.public_url}/r/{one.token}"
        words = text_of(
            matter,
            language,
            purpose=Purpose(one.purpose),
            address=one.address,
            overseas=overseas,
            link=link,
        )
        fields = {
            "incident": matter.number,
            "hazard": matter.hazard,
            "severity": matter.severity,
            "purpose": one.purpose,
            "opened_at": matter.opened_at.isoformat(),
            "link": link,
        }
        return Outgoing(
            token=one.token,
            address=one.address,
            since=one.created_at,
            language=language,
            text=words,
            fields=fields,
        )

    async def _hand_over(
        self, name: ChannelName, outgoing: Outgoing, *, again: bool, call: Opened | None = None
    ) -> Sent:
        channel = self.channels.get(name)
        if channel is None:
            raise ChannelError(Refusal.NOT_CONFIGURED, f"there is no provider for {name}")
        if again:
            found = await channel.look_up(outgoing, await self._known(outgoing, call))
            if found is not None:
                FOUND_AGAIN.labels(name).inc()
                return found
        sent = await channel.send(outgoing)
        HANDED_OVER.labels(name).inc()
        self.health.well(f"provider:{name}", self.clock.now())
        return sent

    async def _known(self, outgoing: Outgoing, call: Opened | None) -> frozenset[str]:
        since = outgoing.since - timedelta(days=1)
        async with self.database.transaction() as connection:
            if call is not None:
                return await calls.known_refs(connection, call.number, since=since)
            return await outbox.known_refs(connection, outgoing.address, since=since)

    async def _placed(self, call: Opened, wanted: list[Claimed], sent: Sent) -> None:
        now = self.clock.now()
        assert sent.ref is not None
        async with self.database.transaction() as connection:
            ours = await progress.adopted(connection, await calls.lock(connection, call.id), sent.ref, now=now)
        if not ours:
            self._displaced(wanted[0].id, sent)
            return
        DELAY.labels(ChannelName.VOICE).observe((now - wanted[0].due_at).total_seconds())
        if call.again:  # what was found may have gone on, or be over, long since
            async with self.database.transaction() as connection:
                known = await calls.lock(connection, call.id)
                await progress.call_moved(connection, known, sent, now=now)
            await ring(self.database, Bell.ENGINE, Bell.SENDER)

    async def _not_placed(self, call: Opened, wanted: list[Claimed], error: ChannelError) -> None:
        self._count(ChannelName.VOICE, error)
        attempts = max(one.attempts for one in wanted)
        if error.retryable and attempts < ATTEMPTS:
            if error.maybe_taken or call.again:
                await self._look_later(wanted, attempts, error)
                return
            for one in wanted:
                await self._put_back(one, error)
        else:
            for one in wanted:
                await self._fail(one, error.reason, error=error.code)
        await self._close(call, "failed")

    async def _not_sent(self, one: Claimed, error: ChannelError) -> None:
        self._count(ChannelName(one.channel), error)
        if not error.retryable or one.attempts >= ATTEMPTS:
            await self._fail(one, error.reason, error=error.code)
        elif error.maybe_taken or one.again:
            await self._look_later([one], one.attempts, error)
        else:
            await self._put_back(one, error)

    async def _look_later(self, claimed: list[Claimed], attempts: int, error: ChannelError) -> None:
        async with self.database.transaction() as connection:
            wait_s = back_off(attempts).total_seconds()
            await outbox.look_later(connection, claimed, wait_s=wait_s, error=error.code)

    async def _put_back(self, one: Claimed, error: ChannelError) -> None:
        now = self.clock.now()
        async with self.database.transaction() as connection:
            await delivery.put_back(
                connection,
                one.id,
                now=now,
                due_at=now + back_off(one.attempts),
                reason=error.code,
                fence=one.fence,
            )

    async def _fail(self, one: Claimed, reason: str, *, error: str) -> None:
        async with self.database.transaction() as connection:
            await delivery.failed(
                connection,
                one.id,
                one.incident_id,
                Failure.REFUSED_BY_PROVIDER,
                now=self.clock.now(),
                from_states=(NotificationState.SENDING,),
                status=reason,
                error=error,
                fence=one.fence,
            )
        await ring(self.database, Bell.ENGINE)

    async def _close(self, call: Opened, status: str) -> None:
        async with self.database.transaction() as connection:
            await calls.finish(connection, call.id, status=status, now=self.clock.now())

    def _count(self, channel: ChannelName, error: ChannelError) -> None:
        REFUSED.labels(channel, error.reason).inc()
        if error.reason in _OURS_TO_MEND:
            self.health.unwell(f"provider:{channel}", f"{error.code}: {_OURS_TO_MEND[error.reason]}", self.clock.now())
        log.warning("a provider did not take a message", channel=channel, error=error.code, retryable=error.retryable)

    def _displaced(self, notification: int, sent: Sent) -> None:
        DOUBLED.inc()
        log.warning("somebody else has sent this meanwhile", notification=notification, ref=sent.ref)


_OURS_TO_MEND: Final = {
    Refusal.BAD_ACCOUNT: "are the account and its token right, and is it paid for?",
    Refusal.NO_CONNECTION: "is the provider's address right, and is there a way to it?",
    Refusal.NO_RESPONSE: "the provider hangs",
    Refusal.OUT_OF_ORDER: "the provider is out of order",
    Refusal.TOO_FAST: "lower the rate, or have the provider raise its limit",
    Refusal.NOT_CONFIGURED: "set it up, or take the channel out of the plans",
}
"""Refusals that say nothing of the number or the person, but that a channel does not work."""


def _forbidden(one: Claimed) -> Refusal | None:
    """Why ``one`` may not go out at all: a drill reaches nobody but those registered for drills."""
    if one.mode == Mode.DRILL and one.responder_mode != Mode.DRILL:
        return Refusal.LIVE_CONTACT_IN_DRILL
    return Refusal.STOPPED if one.stopped else None
