"""How Twilio signs what it sends."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

SIGNATURE_HEADER = "X-Twilio-Signature"


def sign(url: str, parameters: Mapping[str, str], auth_token: str) -> str:
    """The value of X-Twilio-Signature for a request to ``url`` (complete, with its query) that posts ``parameters``.

    Source: Twilio, "Security: validating signatures from Twilio": base64 of the HMAC-SHA1, keyed with the auth token,
    of the URL followed by name and value of every posted parameter in the order of their names.
    """
    text = url + "".join(name + parameters[name] for name in sorted(parameters))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
