"""Where a request comes from: whether a page of another site has triggered it."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_OWN: Final = ("same-origin", "none")  # "none": typed, or opened from a message


def from_elsewhere(headers: Headers, public_url: str) -> bool:
    """True if a browser says that another site triggered this request.

    Browsers too old to say so, and programs, are let through: what they do is held by their secret alone.
    """
    if headers.get("sec-fetch-site", _OWN[0]) not in _OWN:
        return True
    origin = headers.get("origin", "null")
    return origin != "null" and urlsplit(origin).netloc not in (headers.get("host", ""), urlsplit(public_url).netloc)
