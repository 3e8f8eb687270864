"""ETag, If-Match and If-None-Match: nobody overwrites what somebody else has changed meanwhile."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header, Response

from api.problems import MatchNeeded, Outdated


def tag_of_version(version: int) -> str:
    """The ETag of a numbered version."""
    return f'"{version}"'


def tag_of_content(content: Any) -> str:
    """The ETag of something that has no version of its own."""
    return f'"{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]}"'


class Exchange:
    """The version that the caller has read, and the answer that will tell which version stands now."""

    def __init__(
        self,
        response: Response,
        if_match: Annotated[
            str | None,
            Header(
                description="The ETag of the version that you have read; needed to change what exists.",
                examples=['"3"'],
            ),
        ] = None,
        if_none_match: Annotated[str | None, Header(description="`*`: only create.", examples=["*"])] = None,
    ) -> None:
        self.response = response
        self._if_match = if_match
        self._if_none_match = if_none_match

    def agree(self, tag: str | None) -> None:
        """Let a change of what stands at ``tag`` (None: nothing is there) pass, or raise.

        Raises :class:`Outdated` if the caller expects something else, :class:`MatchNeeded` if it does not say.
        """
        if self._if_none_match is not None and tag is not None and _names(self._if_none_match, tag):
            raise Outdated(f"it exists already, at version {tag}")
        if self._if_match is None:
            if tag is not None:
                raise MatchNeeded(f"it exists, at version {tag}; send that as If-Match to change it")
        elif tag is None or not _names(self._if_match, tag):
            raise Outdated(f"the present version is {tag or 'none'}, not {self._if_match}")

    def stands_at(self, tag: str) -> None:
        """Tell in the answer which version stands now."""
        self.response.headers["ETag"] = tag

    def created(self) -> None:
        """Answer 201."""
        self.response.status_code = 201


def _names(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (one.strip() for one in header.split(","))
