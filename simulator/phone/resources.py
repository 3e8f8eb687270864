"""Calls, texts and notifications in the JSON of Twilio's REST interface.

Source: Twilio's OpenAPI description, api_v2010. Times are RFC 2822 in UTC, to the second.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from simulator.phone.call import Call, Notification
from simulator.phone.message import Message, MessageStatus, segments
from simulator.phone.parameters import API_VERSION, rfc2822

Json = dict[str, Any]

_MORE = "https://www.twilio.com/docs/errors/"
_CALL_PARTS = {
    "events": "Events",
    "notifications": "Notifications",
    "payments": "Payments",
    "recordings": "Recordings",
    "siprec": "Siprec",
    "streams": "Streams",
    "transcriptions": "Transcriptions",
    "user_defined_message_subscriptions": "UserDefinedMessageSubscriptions",
    "user_defined_messages": "UserDefinedMessages",
}


def root(account_sid: str) -> str:
    """The path under which all resources of an account are."""
    return f"/{API_VERSION}/Accounts/{account_sid}"


def error(code: int, message: str, status: int) -> Json:
    """The body of every refusal."""
    return {"code": code, "message": message, "more_info": f"{_MORE}{code}", "status": status}


def of_call(account_sid: str, call: Call) -> Json:
    """The Call resource."""
    here = f"{root(account_sid)}/Calls/{call.sid}"
    duration = None if call.duration_s is None else str(call.duration_s)
    queued_ms = None if call.rang_at is None else round((call.rang_at - call.created_at).total_seconds() * 1000)
    return {
        "sid": call.sid,
        "date_created": rfc2822(call.created_at),
        "date_updated": rfc2822(call.updated_at),
        "parent_call_sid": call.parent_sid,
        "account_sid": account_sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "phone_number_sid": None,
        "status": call.status,
        "start_time": _time(call.rang_at),
        "end_time": _time(call.ended_at),
        "duration": duration,
        "price": None,
        "price_unit": "USD",
        "direction": call.direction,
        "answered_by": call.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0" if queued_ms is None else str(queued_ms),
        "trunk_sid": None,
        "uri": f"{here}.json",
        "subresource_uris": {name: f"{here}/{part}.json" for name, part in _CALL_PARTS.items()},
    }


def of_message(account_sid: str, message: Message) -> Json:
    """The Message resource."""
    here = f"{root(account_sid)}/Messages/{message.sid}"
    failed = message.status in (MessageStatus.FAILED, MessageStatus.UNDELIVERED)
    return {
        "body": message.body,
        "num_segments": str(segments(message.body)),
        "direction": message.direction,
        "from": message.from_,
        "to": message.to,
        "date_updated": rfc2822(message.updated_at),
        "price": None,
        "error_message": f"error {message.error_code}" if failed else None,
        "uri": f"{here}.json",
        "account_sid": account_sid,
        "num_media": "0",
        "status": message.status,
        "messaging_service_sid": None,
        "sid": message.sid,
        "date_sent": _time(message.sent_at),
        "date_created": rfc2822(message.created_at),
        "error_code": message.error_code,
        "price_unit": "USD",
        "api_version": API_VERSION,
        "subresource_uris": {"media": f"{here}/Media.json", "feedback": f"{here}/Feedback.json"},
    }


def of_notification(account_sid: str, call: Call, notification: Notification) -> Json:
    """The Call Notification resource."""
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "call_sid": call.sid,
        "date_created": rfc2822(notification.at),
        "date_updated": rfc2822(notification.at),
        "error_code": str(notification.code),
        "log": "0",
        "message_date": rfc2822(notification.at),
        "message_text": notification.text,
        "more_info": f"{_MORE}{notification.code}",
        "request_method": notification.method,
        "request_url": notification.url or None,
        "sid": notification.sid,
        "uri": f"{root(account_sid)}/Calls/{call.sid}/Notifications/{notification.sid}.json",
    }


def page(path: str, query: Mapping[str, str], name: str, everything: Sequence[Json]) -> Json:
    """The page of ``everything`` that ``query`` (Page from 0, PageSize 50 by default, up to 1,000) asks for."""
    size = _within(query.get("PageSize", ""), 50, 1, 1000)
    number = _within(query.get("Page", ""), 0, 0, 10**6)
    filters = {key: value for key, value in query.items() if key not in ("Page", "PageSize", "PageToken")}
    start = number * size
    shown = everything[start : start + size]

    def at(other: int) -> str:
        return f"{path}?{urlencode(filters | {'PageSize': str(size), 'Page': str(other)})}"

    return {
        name: list(shown),
        "first_page_uri": at(0),
        "next_page_uri": at(number + 1) if start + size < len(everything) else None,
        "previous_page_uri": at(number - 1) if number else None,
        "uri": at(number),
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(shown) - 1),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc2822(moment)


def _within(text: str, default: int, lowest: int, highest: int) -> int:
    return min(max(int(text), lowest), highest) if text.isdecimal() else default
