"""The carrier of texts: takes them to the phones, brings replies back, and reports what became of them."""

import re

from simulator.errors import NotTwiml
from simulator.phone.books import Books, LineKind
from simulator.phone.message import Message, MessageDirection, MessageStatus
from simulator.phone.parameters import of_incoming, of_message
from simulator.phone.people import ByHand, Delivery, Person, Texting
from simulator.phone.postman import Postman, Spawn
from simulator.phone.twiml import Message as MessageVerb
from simulator.phone.twiml import parse

_LINK = re.compile(r"https?://[^\s<>\"，。、）】]+")
# Source: Twilio error dictionary: 30005 unknown destination handset, 30007 message filtered.
_UNKNOWN_HANDSET, _FILTERED = 30005, 30007


class Carrier:
    """Walks every text from queued to its end."""

    def __init__(self, *, books: Books, postman: Postman, spawn: Spawn) -> None:
        self._books = books
        self._postman = postman
        self._spawn = spawn
        self._replies_given: dict[str, int] = {}

    def take(
        self,
        *,
        to: str,
        from_: str,
        body: str,
        status_callback: str = "",
        direction: MessageDirection = MessageDirection.OUTBOUND_API,
    ) -> Message:
        """Take a text; it is queued, and goes its way from here."""
        message = Message(
            sid=self._books.new_sid("SM"),
            to=to,
            from_=from_,
            body=body,
            created_at=self._books.now(),
            direction=direction,
            status_callback=status_callback,
        )
        person = self._books.people.get(to)
        message.noticed = person is not None and _is_scripted(person)
        self._books.messages[message.sid] = message
        self._books.note(LineKind.TEXT, to, message.sid, body)
        if person is None:
            self._books.wonder(to, message.sid, f"a text from {from_} to a number nobody has: {body}")
        self._spawn(self._walk(message, person))
        return message

    async def bring(self, *, from_: str, to: str, body: str) -> Message:
        """Bring a person's text to the account's number ``to``; returns when the platform has answered.

        Messages in the platform's answer are sent. From mainland China no text comes through.
        """
        now = self._books.now()
        message = Message(
            sid=self._books.new_sid("SM"),
            to=to,
            from_=from_,
            body=body,
            created_at=now,
            direction=MessageDirection.INBOUND,
            status=MessageStatus.RECEIVED,
            noticed=True,
        )
        self._books.note(LineKind.REPLY, from_, message.sid, body)
        person = self._books.people.get(from_)
        number = self._books.own_numbers.get(to)
        if (person is not None and person.in_mainland_china) or number is None or not number.sms_url:
            self._books.note(LineKind.TROUBLE, from_, message.sid, f"the text to {to} is lost on its way")
            return message
        message.sent_at = now
        self._books.messages[message.sid] = message
        reply = await self._postman.ask(number.sms_url, of_incoming(self._books.account, message), number.sms_method)
        if reply is None or not 200 <= reply.status < 300:
            status = f"status {reply.status}" if reply else "no answer"
            self._books.note(LineKind.TROUBLE, from_, message.sid, f"the platform did not take the text: {status}")
            return message
        if reply.text.strip():
            self._answer(message, reply.text)
        return message

    def _answer(self, message: Message, twiml: str) -> None:
        try:
            document = parse(twiml)
        except NotTwiml as error:
            self._books.note(LineKind.TROUBLE, message.from_, message.sid, str(error))
            return
        for oddity in document.oddities:
            self._books.wonder(message.from_, message.sid, oddity)
        for verb in document.verbs:
            if isinstance(verb, MessageVerb):
                to = verb.to or message.from_
                self.take(to=to, from_=message.to, body=verb.body, direction=MessageDirection.OUTBOUND_REPLY)
            else:
                self._books.wonder(message.from_, message.sid, f"<{type(verb).__name__}> in a messaging document")

    async def _walk(self, message: Message, person: Person | None) -> None:
        self._report(message)
        await self._books.pass_time(self._books.timing.sms_queue_s)
        self._set(message, MessageStatus.SENDING)
        texting = person.texting or Texting() if person else Texting(delivery=Delivery.UNDELIVERED)
        if texting.delivery is Delivery.FAILED:
            return self._set(message, MessageStatus.FAILED, texting.error_code)
        message.sent_at = self._books.now()
        self._set(message, MessageStatus.SENT)
        await self._books.pass_time(self._books.timing.sms_transit_s)
        if person is None:
            return self._set(message, MessageStatus.UNDELIVERED, _UNKNOWN_HANDSET)
        if person.in_mainland_china and _LINK.search(message.body):
            return self._set(message, MessageStatus.UNDELIVERED, _FILTERED)
        if texting.delivery is Delivery.UNDELIVERED:
            return self._set(message, MessageStatus.UNDELIVERED, texting.error_code)
        if texting.delivery is Delivery.DELIVERED:
            self._set(message, MessageStatus.DELIVERED)
            await self._read(message, texting)
        return None

    async def _read(self, message: Message, texting: Texting) -> None:
        given = self._replies_given.get(message.to, 0)
        reply = texting.replies[given] if given < len(texting.replies) else None
        if reply is None and not texting.opens_link:
            return
        self._replies_given[message.to] = given + (reply is not None)
        await self._books.pass_time(texting.after_s)
        if texting.opens_link:
            await self.open_link(message)
        if reply is not None:
            await self.bring(from_=message.to, to=message.from_, body=reply)

    async def open_link(self, message: Message) -> int | None:
        """Open the first link in ``message``; returns the HTTP status, None without a link or an answer."""
        found = _LINK.search(message.body)
        if found is None:
            return None
        status = await self._postman.open(found.group())
        self._books.note(LineKind.OPENED, message.to, message.sid, f"{found.group()} {status or 'no answer'}")
        return status

    def _set(self, message: Message, status: MessageStatus, error_code: int | None = None) -> None:
        message.status = status
        message.error_code = error_code
        message.updated_at = self._books.now()
        self._books.changes.tell()
        self._report(message)

    def _report(self, message: Message) -> None:
        if message.status_callback:
            parameters = of_message(self._books.account, message)
            self._postman.post(message.sid, message.status_callback, parameters, last=message.status.is_final)


def _is_scripted(person: Person) -> bool:
    return person.texting is not None or not isinstance(person.temper, ByHand)
