"""Whom and what the network refuses, and with which of Twilio's error codes.

Source: Twilio's error and warning dictionary (twilio.com/docs/api/errors).
"""

import re

from simulator.errors import Refused

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_URL = re.compile(r"https?://[^\s/]+\S*")
# Source: Twilio, Message resource, `Body`: up to 1,600 characters; Call resource, `Twiml`: up to 4,000.
_LONGEST_BODY = 1600
_LONGEST_TWIML = 4000


def not_authenticated() -> Refused:
    """The account and its token do not fit."""
    return Refused(20003, "Authenticate", 401)


def not_found(path: str) -> Refused:
    """There is nothing at ``path``."""
    return Refused(20404, f"The requested resource {path} was not found", 404)


def too_many_requests() -> Refused:
    """The account asks faster than it may."""
    return Refused(20429, "Too many requests", 429)


def broken(status: int) -> Refused:
    """The provider itself is out of order."""
    return Refused(20500, "An internal server error has occurred", status)


def call_is_over() -> Refused:
    """A call that has ended can no longer be changed."""
    return Refused(21220, "Call is not in-progress. Cannot redirect.")


def is_e164(number: str) -> bool:
    """Whether ``number`` is a phone number in E.164 form."""
    return _E164.fullmatch(number) is not None


def check_url(name: str, url: str, code: int) -> None:
    """Refuse with ``code`` a ``url`` that is not an absolute http or https one."""
    if not _URL.fullmatch(url):
        raise Refused(code, f"{name} is not a valid URL: {url}")


def check_call(to: str, from_: str, url: str, twiml: str, own_numbers: frozenset[str]) -> None:
    """Refuse a call that Twilio would not place."""
    if not to:
        raise Refused(21201, "No 'To' number is specified")
    if not from_:
        raise Refused(21213, "No 'From' number is specified")
    if not is_e164(to):
        raise Refused(21211, f"The phone number you are attempting to call, {to}, is not valid.")
    if not is_e164(from_):
        raise Refused(21212, f"The source phone number provided, {from_}, is not valid.")
    if from_ not in own_numbers:
        raise Refused(21210, f"The source phone number provided, {from_}, is not yet verified for your account.")
    if not url and not twiml:
        raise Refused(21205, "Url parameter is required.")
    if url:
        check_url("Url", url, 21205)
    elif len(twiml) > _LONGEST_TWIML:
        raise Refused(21626, f"Twiml has {len(twiml)} characters, above the limit of {_LONGEST_TWIML}")


def check_message(to: str, from_: str, body: str, own_numbers: frozenset[str]) -> None:
    """Refuse a message that Twilio would not send."""
    if not to:
        raise Refused(21604, "A 'To' phone number is required.")
    if not from_:
        raise Refused(21603, "A 'From' phone number is required.")
    if not body:
        raise Refused(21602, "Message body is required.")
    if not is_e164(to):
        raise Refused(21211, f"Invalid 'To' Phone Number: {to}")
    if not is_e164(from_):
        raise Refused(21212, f"Invalid 'From' Phone Number: {from_}")
    if from_ not in own_numbers:
        raise Refused(
            21606, f"The 'From' phone number provided ({from_}) is not a valid message-capable number of this account."
        )
    if to == from_:
        raise Refused(21266, "'To' and 'From' number cannot be the same")
    if len(body) > _LONGEST_BODY:
        raise Refused(21617, f"The body has {len(body)} characters, above the limit of {_LONGEST_BODY}")
