"""The telephone exchange: dials, rings, connects and ends calls, and reports their progress."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from simulator.phone import acting
from simulator.phone.books import Books, LineKind
from simulator.phone.call import Call, CallRequest, CallStatus, Direction
from simulator.phone.conversation import Conversation
from simulator.phone.parameters import of_detection, of_progress
from simulator.phone.people import ByHand, Person, Unreachable
from simulator.phone.postman import Postman, Spawn
from simulator.phone.waiting import first_of


class Exchange:
    """Walks every call from queued to its end."""

    def __init__(self, *, books: Books, postman: Postman, spawn: Spawn) -> None:
        self._books = books
        self._postman = postman
        self._spawn = spawn
        self._next_dial_at: datetime | None = None
        self._engaged: Counter[str] = Counter()

    def place(self, request: CallRequest, parent: Call | None = None) -> Call:
        """Take a call; it is queued, and goes its way from here."""
        call = Call(
            sid=self._books.new_sid("CA"),
            request=request,
            created_at=self._books.now(),
            changes=self._books.changes,
            direction=Direction.OUTBOUND_DIAL if parent else Direction.OUTBOUND_API,
            parent_sid=parent.sid if parent else None,
        )
        self._books.calls[call.sid] = call
        person = self._books.people.get(call.to)
        call.noticed = person is not None and not isinstance(person.temper, ByHand)
        if person is None:
            self._books.wonder(call.to, call.sid, f"a call from {call.from_} to a number nobody has")
        self._books.note(LineKind.STATUS, call.to, call.sid, call.status)
        self._spawn(self._walk(call, person))
        return call

    async def _walk(self, call: Call, person: Person | None) -> None:
        await first_of(self._dial(call), call.put_down.wait())
        if call.put_down.is_set():
            return self._end(call, CallStatus.CANCELED)
        if person is None or isinstance(person.temper, Unreachable):
            return self._end(call, CallStatus.FAILED)
        if self._engaged[call.to] and not person.call_waiting:
            return self._end(call, CallStatus.BUSY)
        actor = asyncio.create_task(acting.play(self._books, call, person.temper))
        self._engaged[call.to] += 1
        try:
            outcome = await self._ring(call) or await self._connect(call, person)
        finally:
            self._engaged[call.to] -= 1
            actor.cancel()
            await asyncio.wait([actor])
        if not actor.cancelled():
            actor.result()
        return self._end(call, outcome)

    async def _dial(self, call: Call) -> None:
        rate = self._books.timing.calls_per_s
        if rate is not None:
            dial_at = max(self._books.now(), self._next_dial_at or self._books.now())
            self._next_dial_at = dial_at + timedelta(seconds=1 / rate)
            await self._books.clock.sleep_until(dial_at)
        self._report(call, "initiated")
        await self._books.pass_time(self._books.timing.dial_s)

    async def _ring(self, call: Call) -> CallStatus | None:
        """Let it ring; returns how it ended, or None when it was answered."""
        call.rang_at = self._books.now()
        self._set(call, CallStatus.RINGING)
        self._report(call, "ringing")
        timeout = self._books.clock.sleep_until(call.rang_at + timedelta(seconds=call.request.timeout_s))
        await first_of(call.picked_up.wait(), call.turned_away.wait(), call.put_down.wait(), timeout)
        if call.put_down.is_set():
            return CallStatus.CANCELED
        if call.picked_up.is_set():
            return None
        return CallStatus.BUSY if call.turned_away.is_set() else CallStatus.NO_ANSWER

    async def _connect(self, call: Call, person: Person) -> CallStatus:
        call.answered_at = self._books.now()
        self._set(call, CallStatus.IN_PROGRESS)
        call.connected.set()
        self._report(call, "answered")
        limit = self._books.clock.sleep_until(call.answered_at + timedelta(seconds=call.request.time_limit_s))
        await first_of(self._serve(call, person), call.put_down.wait(), limit)
        return CallStatus.COMPLETED

    async def _serve(self, call: Call, person: Person) -> None:
        """Hold the conversation; a leg of another call has none of its own and lasts until somebody ends it."""
        if call.parent_sid is not None:
            await asyncio.Event().wait()
        request = call.request
        if request.send_digits:
            self._books.note(LineKind.STATUS, call.to, call.sid, f"the caller dials {request.send_digits}")
        elif request.machine_detection and request.async_amd:
            self._spawn(self._detect_aside(call, person))
        elif request.machine_detection:
            verdict, took_s = acting.detect(person.temper, request.machine_detection, self._books.timing)
            await self._books.pass_time(took_s)
            call.answered_by = verdict
        await Conversation(books=self._books, postman=self._postman, operator=self, call=call).run()

    async def _detect_aside(self, call: Call, person: Person) -> None:
        verdict, took_s = acting.detect(person.temper, call.request.machine_detection, self._books.timing)
        await self._books.pass_time(took_s)
        if call.status is not CallStatus.IN_PROGRESS:
            return
        call.answered_by = verdict
        if call.request.async_amd_status_callback:
            parameters = of_detection(self._books.account, call, verdict, took_s)
            self._postman.post(call.sid, call.request.async_amd_status_callback, parameters, last=False)

    def _end(self, call: Call, status: CallStatus) -> None:
        call.ended_at = self._books.now()
        self._set(call, status)
        call.over.set()
        self._report(call, "completed")

    def _set(self, call: Call, status: CallStatus) -> None:
        call.status = status
        call.updated_at = self._books.now()
        self._books.note(LineKind.STATUS, call.to, call.sid, status)

    def _report(self, call: Call, event: str) -> None:
        request = call.request
        if not request.status_callback or event not in request.status_callback_events:
            return
        self._postman.post(
            call.sid,
            request.status_callback,
            of_progress(self._books.account, call, event, self._books.now()),
            method=request.status_callback_method,
            last=event == "completed",
        )
        call.events_sent += 1
