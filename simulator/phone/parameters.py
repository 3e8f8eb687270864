"""The parameters that Twilio sends along with its requests.

Source: Twilio, "TwiML for Programmable Voice: Twilio's request", "Call resource: StatusCallback", "Messaging
webhooks".
"""

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from simulator.phone.books import Account
from simulator.phone.call import Call, CallStatus
from simulator.phone.message import Message, MessageStatus, segments

API_VERSION = "2010-04-01"


def rfc2822(moment: datetime) -> str:
    """``moment`` (aware UTC) as Twilio writes times, to the second: ``Tue, 31 Aug 2010 20:36:28 +0000``."""
    return format_datetime(moment)


def of_call(account: Account, call: Call, status: str | None = None) -> dict[str, str]:
    """What every request about ``call`` carries; ``status`` overrides the call's own."""
    parameters = {
        "CallSid": call.sid,
        "AccountSid": account.sid,
        "From": call.from_,
        "To": call.to,
        "Caller": call.from_,
        "Called": call.to,
        "CallStatus": status or call.status,
        "ApiVersion": API_VERSION,
        "Direction": call.direction,
    }
    if call.answered_by is not None and not call.request.async_amd:
        parameters["AnsweredBy"] = call.answered_by
    if call.parent_sid is not None:
        parameters["ParentCallSid"] = call.parent_sid
    return parameters


def of_progress(account: Account, call: Call, event: str, moment: datetime) -> dict[str, str]:
    """A status call-back: ``event`` is initiated, ringing, answered or completed."""
    parameters = of_call(account, call, "initiated" if event == "initiated" else None) | {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(call.events_sent),
        "Timestamp": rfc2822(moment),
    }
    if event == "completed":
        seconds = call.duration_s or 0
        parameters["CallDuration"] = str(seconds)
        if call.status is CallStatus.COMPLETED:
            parameters["Duration"] = str(math.ceil(seconds / 60))
    return parameters


def of_detection(account: Account, call: Call, answered_by: str, took_s: float) -> dict[str, str]:
    """The verdict of asynchronous machine detection."""
    return {
        "CallSid": call.sid,
        "AccountSid": account.sid,
        "AnsweredBy": answered_by,
        "MachineDetectionDuration": str(round(took_s * 1000)),
    }


def of_message(account: Account, message: Message) -> dict[str, str]:
    """A message's status call-back."""
    parameters = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "AccountSid": account.sid,
        "From": message.from_,
        "To": message.to,
        "MessageStatus": message.status,
        "SmsStatus": message.status,
        "ApiVersion": API_VERSION,
    }
    if message.error_code is not None:
        parameters["ErrorCode"] = str(message.error_code)
    if message.status in (MessageStatus.DELIVERED, MessageStatus.UNDELIVERED):
        parameters["RawDlrDoneDate"] = f"{message.updated_at:%y%m%d%H%M}"
    return parameters


def of_incoming(account: Account, message: Message) -> Mapping[str, str]:
    """A text that a person wrote."""
    return {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsMessageSid": message.sid,
        "AccountSid": account.sid,
        "From": message.from_,
        "To": message.to,
        "Body": message.body,
        "NumMedia": "0",
        "NumSegments": str(segments(message.body)),
        "SmsStatus": message.status,
        "ApiVersion": API_VERSION,
    }
