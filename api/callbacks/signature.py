"""Whether a call-back comes from Twilio: signed with one of the account's tokens over the full public URL."""

from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from prometheus_client import Counter
from starlette.datastructures import FormData
from twilio.request_validator import RequestValidator

from alerting.channels.twilio_account import TwilioConfig
from api import problems

log = structlog.get_logger(__name__)

FORGED = Counter("carewatch_callbacks_forged_total", "Call-backs whose signature did not fit; nothing was changed")


class Forged(problems.Problem):
    """A call-back that is not signed by the provider."""

    status, slug, title = HTTPStatus.FORBIDDEN, "forged", "The signature does not fit"


async def genuine_form(request: Request, config: TwilioConfig) -> FormData:
    """What Twilio posted. Raises :class:`Forged` if it was not Twilio.

    The URL is rebuilt from ``config.public_url``, because proxies on the way change what we see of it.
    """
    form = await request.form()
    query = f"?{request.url.query}" if request.url.query else ""
    url = config.public_url + request.url.path + query
    signature = request.headers.get("X-Twilio-Signature", "")
    if not any(RequestValidator(token).validate(url, form, signature) for token in config.tokens):
        FORGED.inc()
        log.warning("call-back refused: its signature does not fit", path=urlsplit(url).path)
        raise Forged("this is not signed with the account's token for this address")
    return form


def text(form: FormData, name: str) -> str:
    """A field of the form; empty if it is missing or a file."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
